"""Units behind an answer: an absent unit is forgiven, a different one is not, and one unit has many names."""

import re
from functools import lru_cache

_NAMES = {
    "m": "meter meters metre metres m",
    "cm": "centimeter centimeters centimetre centimetres cm cms",
    "mm": "millimeter millimeters millimetre millimetres mm",
    "km": "kilometer kilometers kilometre kilometres km kms",
    "in": "inch inches in",
    "ft": "foot feet ft",
    "yd": "yard yards yd yds",
    "mi": "mile miles mi",
    "s": "second seconds sec secs s",
    "min": "minute minutes min mins",
    "h": "hour hours hr hrs h",
    "am": "am a.m",
    "pm": "pm p.m",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "g": "gram grams g gm gms",
    "mg": "milligram milligrams mg",
    "kg": "kilogram kilograms kilo kilos kg kgs",
    "lb": "pound pounds lb lbs",
    "oz": "ounce ounces oz",
    "t": "ton tons tonne tonnes",
    "L": "liter liters litre litres l",
    "mL": "milliliter milliliters millilitre millilitres ml",
    "gal": "gallon gallons gal",
    "qt": "quart quarts qt",
    "pt": "pint pints",
    "cup": "cup cups",
    "$": "dollar dollars usd",
    "¢": "cent cents",
    "€": "euro euros eur",
    "£": "gbp",
    "%": "percent percents percentage pct %",
    "°": "degree degrees deg ^\\circ",
    "rad": "radian radians rad",
    "mph": "mph mi/h mile/hour miles/hour miles_per_hour mile_per_hour",
    "km/h": "kph kmh km/h km/hr kilometers/hour kilometers_per_hour kilometres_per_hour",
    "m/s": "m/s meters/second meters_per_second metres_per_second",
    "J": "joule joules",
    "N": "newton newtons",
    "W": "watt watts",
    "kW": "kilowatt kilowatts kw",
    "V": "volt volts",
    "Hz": "hertz hz",
    "Pa": "pascal pascals pa",
    "K": "kelvin kelvins",
    "sq": "sq_units square_units units^2 unit^2",
    "cu": "cubic_units units^3 unit^3",
    "unit": "unit units",
    "person": "people person persons",
    "way": "way ways",
    "point": "point points",
    "apple": "apple apples",
}
_UNITS = {spelling: unit for unit, spellings in _NAMES.items() for spelling in spellings.split()}
_LENGTHS = frozenset({"m", "cm", "mm", "km", "in", "ft", "yd", "mi", "unit"})
_VALUE = r"(?:[-+]?[\d.,]*\d|\\frac\{[^{}]*\}\{[^{}]*\}|\\pi|\)|\}|\\sqrt\{[^{}]*\}|\d+\\pi)"
_UNIT = r"\\?%|\^\\circ(?:\s*[CF](?![a-z]))?|[A-Za-z][A-Za-z ./_-]*(?:\^\{?[-\d]\}?)?(?:/[a-zA-Z]+)?"
_BEHIND = re.compile(rf"^(?P<value>.*?{_VALUE})\s*(?P<unit>{_UNIT})\s*$", re.DOTALL)
_LETTER_ALONE = frozenset("abcdefijklnopqrtuvwxyzABCDEFGHIJKMNOPQRSTUVWXYZ")


def split_unit(text: str) -> tuple[str, str]:
    """(the value, its unit in a normal spelling or ""): `10 cm` gives ("10", "cm"), `25\\%` ("25", "%").

    A single letter directly behind a number is a variable (`3x`), unless a space and a unit's symbol say otherwise.
    Words that name no unit (`12 apples`, `7 remaining students`) are units of their own.
    """
    match = _BEHIND.match(text)
    if match is None or not re.search(r"\d|\\pi", match["value"]):
        return text, ""
    raw, spaced = match["unit"].strip().rstrip("."), text[: match.start("unit")].endswith(" ")
    if raw.startswith("^") and re.search(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])", match["value"]):
        return text, ""  # of the angle, not of the value
    if raw[0].isalpha() and _is_product(raw, spaced):
        return text, ""
    if re.match(r"(?:or|and|if|when|for|mod|to|is|are)\b", raw):
        return text, ""
    return match["value"].strip(), normal_unit(raw)


def _is_product(raw: str, spaced: bool) -> bool:
    """Whether letters behind a number are variables: `3x`, `18x^8`, `5 ab`, and no known unit (`5 m^2`, `5cm`)."""
    bare, power, digits = re.fullmatch(r"(.*?)(\^\{?(-?\d)\}?)?", raw, re.DOTALL).groups()  # type: ignore[union-attr]
    if power and digits.lstrip("-") not in ("1", "2", "3"):
        return True
    if len(bare) == 1:
        return bare in _LETTER_ALONE or not spaced
    if bare in _UNITS or bare.lower() in _UNITS:
        return False
    return not spaced or re.fullmatch(r"[a-z]{2}|[abcxyz]{3}", bare) is not None


@lru_cache(maxsize=4096)
def normal_unit(raw: str) -> str:
    """A unit's normal name; an unknown one in lower case, in the singular."""
    raw = raw.replace("\\%", "%").strip()
    is_squared = re.search(r"\^\{?2\}?$", raw) is not None
    is_cubed = re.search(r"\^\{?3\}?$", raw) is not None
    bare = re.sub(r"\^\{?\d\}?$", "", raw).strip()
    words = bare.split()
    if words and words[0].lower() in ("square", "sq", "sq."):
        is_squared, words = True, words[1:]
    elif words and words[0].lower() in ("cubic", "cu", "cu."):
        is_cubed, words = True, words[1:]
    name = "_".join(words) or bare
    known = _UNITS.get(name) or _UNITS.get(name.lower())
    if known is None and raw.startswith("^\\circ"):
        known = "°" + raw.removeprefix("^\\circ").strip()
    unit = known or re.sub(r"(?<=[a-z]{2})s$", "", name.lower())
    return f"{unit}^2" if is_squared else f"{unit}^3" if is_cubed else unit


def units_agree(gold: str, answer: str) -> bool:
    """Whether an answer's unit may stand for the gold's: the same one, or one of both is absent.

    `unit` and counted things (`apples`, `ways`) are as good as none; of percent and degrees a missing sign is forgiven.
    """
    vague = {"", "unit", "sq", "cu", "way", "person", "point", "apple", "unit^2", "unit^3"}
    return gold == answer or gold in vague or answer in vague or _is_counted(gold) or _is_counted(answer)


def _is_counted(unit: str) -> bool:
    """Whether it is no unit of measurement: any other noun that an answer may carry (`12 students left`)."""
    return unit.split("^")[0] not in _NAMES and not unit.startswith("°") and "/" not in unit
