"""Units behind an answer: an absent unit is forgiven, a different one is not, and one unit has many names."""

import re
from collections import Counter
from functools import lru_cache

_NAMES = {
    "m": "meter meters metre metres m",
    "cm": "centimeter centimeters centimetre centimetres cm cms",
    "mm": "millimeter millimeters millimetre millimetres mm",
    "km": "kilometer kilometers kilometre kilometres km kms",
    "nm": "nanometer nanometers nm",
    "in": "inch inches in",
    "ft": "foot feet ft",
    "yd": "yard yards yd yds",
    "mi": "mile miles mi",
    "s": "second seconds sec secs s",
    "ms": "millisecond milliseconds ms",
    "min": "minute minutes min mins",
    "h": "hour hours hr hrs h",
    "am": "am a.m",
    "pm": "pm p.m",
    "day": "day days",
    "week": "week weeks wk",
    "month": "month months",
    "year": "year years yr yrs",
    "g": "gram grams g gm gms",
    "mg": "milligram milligrams mg",
    "kg": "kilogram kilograms kilo kilos kg kgs",
    "lb": "lb lbs",
    "pound": "pound pounds",
    "oz": "ounce ounces oz",
    "t": "ton tons tonne tonnes",
    "L": "liter liters litre litres l L",
    "mL": "milliliter milliliters millilitre millilitres ml mL",
    "gal": "gallon gallons gal",
    "qt": "quart quarts qt",
    "pt": "pint pints",
    "cup": "cup cups",
    "$": "dollar dollars usd USD",
    "¢": "cent cents ¢",
    "€": "euro euros eur EUR €",
    "£": "gbp GBP £ \\pounds",
    "¥": "yen yuan rmb RMB ¥",
    "₹": "rupee rupees ₹",
    "%": "percent percents percentage pct %",
    "°": "degree degrees deg ^\\circ",
    "rad": "radian radians rad",
    "J": "joule joules J",
    "kJ": "kilojoule kilojoules kJ",
    "eV": "eV",
    "N": "newton newtons N",
    "W": "watt watts W",
    "kW": "kilowatt kilowatts kw kW",
    "V": "volt volts V",
    "A": "ampere amperes amp amps",
    "Ω": "ohm ohms \\Omega Ω",
    "Hz": "hertz hz Hz",
    "kHz": "kilohertz kHz",
    "MHz": "megahertz MHz",
    "Pa": "pascal pascals Pa",
    "kPa": "kilopascal kilopascals kPa",
    "atm": "atm atmospheres",
    "K": "kelvin kelvins K",
    "mol": "mol moles mole",
    "cal": "calorie calories cal",
    "unit": "unit units",
}
_COMPOUND = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "rpm": "rev/min"}
_UNITS = {spelling: unit for unit, spellings in _NAMES.items() for spelling in spellings.split()}
_SAME = {frozenset({"pound", "lb"}), frozenset({"pound", "£"})}

_VALUE = r"(?:[-+]?[\d.,]*\d|\\frac\{[^{}]*\}\{[^{}]*\}|\\pi|\)|\}|\\sqrt\{[^{}]*\}|!)"
_FACTOR = (
    r"(?:\^\\circ(?:\s*[CF](?![a-z]))?|\\?%|\\(?:Omega|pounds)|[¢€£¥₹Ω]|[A-Za-z][A-Za-z._-]*)(?:\s*\^\s*\{?-?\d\}?)?"
)
_UNIT = rf"(?:per\s+)?{_FACTOR}(?:\s*(?:\\cdot|\\times|/|\s)\s*{_FACTOR})*"
_BEHIND = re.compile(rf"^(?P<value>.*?{_VALUE})\s*(?P<unit>{_UNIT})\s*$", re.DOTALL)
_POWER = re.compile(r"[a-zA-Z]\s*\^\s*\d$")
_PARTS = re.compile(rf"\\(?:cdot|times)|(?P<over>/|\bper\b)|(?P<name>{_FACTOR})")
_VARIABLE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])")
_LINKS = re.compile(r"(?:or|and|if|when|for|mod|to|is|are|choose)\b")


def split_unit(text: str) -> tuple[str, str]:
    """(the value, its unit in a normal spelling or ""): `10 cm` gives ("10", "cm"), `25\\%` ("25", "%").

    Letters directly behind a number are variables (`3x`, `5 ab`) unless they name a unit; one letter is a unit only
    behind a space (`5 m`). Words that name no unit are left off: `12 apples` gives ("12", "").
    """
    if text[-1:].isdigit() and not _POWER.search(text):
        return text, ""  # most answers
    match = _BEHIND.match(text)
    if match is None or not re.search(r"\d|\\pi", match["value"]):
        return text, ""
    raw, spaced = match["unit"].strip().rstrip("."), text[: match.start("unit")].endswith(" ")
    if raw.startswith("^") and re.search(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])", match["value"]):
        return text, ""  # of the angle, not of the value
    if _LINKS.match(raw) or (raw[0].isalpha() and _is_product(match["value"], raw, spaced)):
        return text, ""
    return match["value"].strip(), normal_unit(raw)


def _is_product(value: str, raw: str, spaced: bool) -> bool:
    """Whether letters behind a number are variables: `3x`, `18x^8`, `5 ab`, `2R^2 h`, and no unit (`5 m^2`, `5cm`)."""
    if len(raw) == 1:
        return not spaced or raw not in _UNITS or _VARIABLE.search(value) is not None
    names = [part["name"] for part in _PARTS.finditer(raw) if part["name"]]
    known = [_known(name) is not None for name in names]
    if all(known):
        return not spaced and len(_bare(names[0])) == 1  # 5m^2 n
    if re.search(r"[\^\\/]", raw) and not any(known):
        return True
    if re.search(r"\^", raw):
        return True
    return not spaced or all(re.fullmatch(r"[A-Za-z]{1,2}|[abcxyz]{3}", name) for name in names)


def _bare(name: str) -> str:
    return re.sub(r"\s*\^\s*\{?-?\d\}?$", "", name).strip()


def _known(name: str) -> str | None:
    """The normal name of a unit without its power; None of a word that is none."""
    bare = _bare(name).removeprefix("\\").strip() if "%" in name else _bare(name).rstrip(".")
    if bare.startswith("^\\circ"):
        return "°" + bare.removeprefix("^\\circ").strip()
    if bare.lower() in ("square", "sq", "cubic", "cu", "squared", "cubed"):
        return ""
    return _UNITS.get(bare) or _UNITS.get(bare.lower()) or _COMPOUND.get(bare.lower())


@lru_cache(maxsize=4096)
def normal_unit(raw: str) -> str:
    """A unit's normal name, its factors in order: `m/s^2`, `meters per second squared`. "" of what measures nothing."""
    powers: Counter[str] = Counter()
    sign, scale, last = 1, 1, ""
    for part in _PARTS.finditer(raw):
        if not part["name"]:
            sign = -1 if part["over"] else sign
            continue
        known, word = _known(part["name"]), part["name"].lower().rstrip(".")
        if known is None:
            return ""
        if word in ("square", "sq", "cubic", "cu"):
            scale = 2 if word.startswith("sq") else 3
        elif word in ("squared", "cubed"):
            powers[last] *= 2 if word == "squared" else 3
        else:
            written = re.search(r"\^\s*\{?(-?\d)\}?$", part["name"])
            power = sign * scale * (int(written[1]) if written else 1)
            over, _, under = known.partition("/")
            powers[over] += power
            if under:
                powers[under] -= power
            sign, scale, last = 1, 1, over
    powers.pop("unit", None)
    return "·".join(f"{name}^{power}" if power != 1 else name for name, power in sorted(powers.items()) if power)


def units_agree(gold: str, answer: str) -> bool:
    """Whether an answer's unit may stand for the gold's: the same one, or one of both is absent."""
    return gold == answer or not gold or not answer or frozenset({gold, answer}) in _SAME
