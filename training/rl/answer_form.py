"""A final answer taken apart: its text in one spelling, and apart from it its name, unit, number base and domain."""

import re
from dataclasses import dataclass
from functools import lru_cache

from training.rl.numerals import spelled_out
from training.rl.spelling import compact, spell, strip_delimiters
from training.rl.units import normal_unit, split_unit

_PLAIN = re.compile(r"-?[1-9]\d*(?:\.\d+)?|0")
_MONEY = re.compile(r"(?<!\\)\\\$|^\$(?=\d[^$]*$)|(?<=\d)\$$|^\s*([€£¥₹]|\\pounds)\s*(?=[\d.])")
_THOUSANDS = re.compile(
    r"(?P<before>[(\[{]\s*-?)?(?<![\d.,])(?P<digits>\d{1,3}(?:,\d{3})+)(?!,?\d)(?P<after>\s*\\?[)\]}])?"
)
_DECIMAL_COMMA = re.compile(r"[-+]?(?:0,\d{2,}|\d+,(?:\d\d|\d{4,}))")
_ROUNDED = re.compile(r"([^,;]+?)\s*\\approx\s*(-?[\d.,]*\d)\s*[a-zA-Z%^\\/ ]{0,12}")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?: \d{3})+(?!\d| \d)")
_GREEK = (
    r"\\(?:alpha|beta|gamma|[dD]elta|epsilon|theta|lambda|mu|(?:var)?phi|[oO]mega|sigma|tau|rho|eta|psi)(?![a-zA-Z])"
)
_LETTER = rf"(?:[a-zA-Z]|{_GREEK})"
_INDEX = r"(?:_(?:\w|\\[a-z]+|\{[^{}]*\}))?"
_NAME = rf"{_LETTER}\s*{_INDEX}\s*'*(?:\s*\([^()]*\))?"
_LABEL = (
    rf"\|[a-zA-Z]{{1,2}}\||m?\\(?:angle|triangle)\s*[A-Z]+|\\frac\{{[A-Z]{{2}}\}}\{{[A-Z]{{2}}\}}|{_NAME}:{_NAME}"
    rf"|\\(?:sin|cos|tan|cot|max|min)\s*(?:\(?{_LETTER}\)?)?|(?!\w+ (?:and|or) )[a-zA-Z][a-zA-Z ]{{1,30}}"
)
_ASSIGNED = re.compile(rf"\s*({_NAME}|{_LABEL})\s*(=|\\in(?![a-zA-Z])|\\approx(?![a-zA-Z]))\s*(?=\S)")
_CAPTION = re.compile(r"\s*[a-zA-Z][a-zA-Z ]{2,30}:\s*(?=[-\d\\(\[])")
_ASSIGNED_TUPLE = re.compile(rf"\s*(\(\s*{_LETTER}{_INDEX}(?:\s*,\s*{_LETTER}{_INDEX})+\s*\))\s*=\s*(?=\()")
_VALUE_FIRST = re.compile(rf"([^a-zA-Z=<>]*\d[^a-zA-Z=<>]*)=\s*({_NAME})")
_POINT = re.compile(r"([A-Z])'?\s*(?=\([^()]*,[^()]*\)$)")
_ABOUT = re.compile(r"\s*(?:=|\\approx(?![a-zA-Z])|\\simeq(?![a-zA-Z]))\s*(?=\S)")
_SET_BUILDER = re.compile(r"\\?\{\s*[a-zA-Z]\s*(?:\\in\s*\\mathbb\{R\}\s*)?[|:](.*(?:[<>]|\\[lg]eq|\\neq).*?)\\?\}")
_OPTION = re.compile(r"(?:option|choice|answer)\s*:?\s*(?=\(?[A-J]\)?(?![a-zA-Z]))", re.IGNORECASE)
_FOR = r"for (?:all|any|every|some|each)|where|with"
_DOMAIN = re.compile(
    rf"(?:[\s,;(]+(?:\\forall|{_FOR})\s*(?P<letters>[a-zA-Z](?:\s*,\s*[a-zA-Z])*)|[\s,;(]+(?P<letter>[a-zA-Z]))\s*"
    r"\\in\s*(?P<set>\\mathbb\{[A-Z]\}\s*(?:[\^_]\s*\{?[+*\w]\}?)?)\s*\)?$"
)
_QUALIFIED = re.compile(rf"[\s,;(]+(?:\\forall|{_FOR})\s[a-zA-Z ]*\)?$")
_BASED = re.compile(
    r"\(?(\d[0-9A-Fa-f]*(?:\.[0-9A-Fa-f]+)?|[A-Fa-f][0-9A-Fa-f]+)\)?\s*"
    r"(?:_\s*\{?\s*\(?|(?:in )?base[ -])(\d{1,2}|[a-z]+)\)?\s*\}?"
)
_NOTHING = frozenset(
    "no solution|no solutions|none|no real solution|no real solutions|there is no solution|empty set|the empty set|"
    "nosolution|does not exist|dne|no such number|no answer".split("|")
)
_EVERYTHING = frozenset(
    "all real numbers|all reals|the real numbers|the set of all real numbers|the set of real numbers|"
    "any real number|every real number|all real values".split("|")
)
_ENDLESS = frozenset(
    "infinitely many|infinitely many solutions|infinite solutions|an infinite number of solutions|"
    "infinite number of solutions|there are infinitely many solutions".split("|")
)


@dataclass(frozen=True)
class Answer:
    """An answer taken apart.

    `text` is its normal spelling; `whole` the same with what may be a unit; `unit` a normal unit or "" (percent and
    degrees among them); `base` the number base of `1010_2`, else None; `name` what the value was given to (`x` of
    `x = 5`), else ""; `also` another number that it may be read as: the rounded one beside an exact one, `2.74` of
    `2,74`; `domain` the free letter and its set (`k\\in\\mathbb{Z}`).
    """

    text: str
    whole: str = ""
    unit: str = ""
    base: int | None = None
    name: str = ""
    also: str = ""
    domain: str = ""


@lru_cache(maxsize=1 << 14)
def answer_form(answer: str) -> Answer:
    """The normal form of an answer (at most some thousand characters)."""
    if _PLAIN.fullmatch(answer):
        return Answer(answer, answer)
    money = _MONEY.search(strip_delimiters(answer))
    text = spell(_MONEY.sub(" ", answer) if money and money[1] else answer)
    words = text.lower().rstrip(".!")
    if words in _NOTHING:
        return Answer(r"\emptyset", r"\emptyset")
    if words in _EVERYTHING:
        return Answer(r"\mathbb{R}", r"\mathbb{R}")
    if words in _ENDLESS:
        return Answer("infinitely many", "infinitely many")
    if match := _SET_BUILDER.fullmatch(text):
        text = match[1]
    text = _OPTION.sub("", text, count=1) if _OPTION.match(text) else text
    text, domain = _qualified(text)
    name, text = _named(text)
    also = ""
    if (match := _ROUNDED.fullmatch(text)) and not re.search(r"[a-z]{3,} [a-z]{3,}", match[1]):
        text, also = match.groups()
    elif _DECIMAL_COMMA.fullmatch(text):
        also = text.replace(",", ".")
    text = _THOUSANDS.sub(_ungrouped, text)
    text = _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)
    whole, base = compact(text), None
    text, base = _based(text)
    text, unit = split_unit(text) if base is None else (text, "")
    if money and not unit:
        unit = normal_unit(money[1]) if money[1] else "$"
    text = compact(text)
    if re.fullmatch("[A-Za-z -]+", text):
        text = spelled_out(text) or text
    return Answer(text, whole, unit, base, name, compact(also), domain)


def _qualified(text: str) -> tuple[str, str]:
    """Without the domain of a free letter or a remark behind it: `2k\\pi, k \\in \\mathbb{Z}`, `2^n for all n`."""
    if (match := _DOMAIN.search(text)) and match.start():
        return text[: match.start()], f"{match['letters'] or match['letter']} in {compact(match['set'])}"
    if (match := _QUALIFIED.search(text)) and match.start():
        return text[: match.start()], ""
    return text, ""


def _named(text: str) -> tuple[str, str]:
    """(name, value) of `x = 5`, `a = 2 + 3 = 5`, `(x, y) = (1, 2)`, `x \\in [1, 2]`, `P(1, 2)`; else no name."""
    if match := _ABOUT.match(text):
        text = text[match.end() :]
    if match := _CAPTION.match(text):
        return "", text[match.end() :]
    if match := _ASSIGNED_TUPLE.match(text):
        return "".join(match[1].split()), text[match.end() :]
    if match := _POINT.match(text):
        return match[1], text[match.end() :]
    if match := _VALUE_FIRST.fullmatch(text):
        return match[2], match[1]
    match = _ASSIGNED.match(text)
    if match is None:
        return "", text
    rest = text[match.end() :]
    outer = without_braces(rest)
    if "=" not in outer:
        return _label(match[1]), rest
    if not re.search(r"[,;<>]|\b(?:and|or)\b|(?<=[\d)}])or(?=[A-Z(])|\\[lg]eq|\\neq", outer):
        return _label(match[1]), rest.rpartition("=")[2]
    return "", text


def _label(name: str) -> str:
    return re.sub(r"_\{(\w+)\}", r"_\1", compact(name))


def _ungrouped(match: re.Match[str]) -> str:
    """`1,000` without its comma; alone in brackets, `(312,123)`, it is several numbers unless one begins with 0."""
    if match["before"] and match["after"] and ",0" not in match["digits"]:
        return match[0]
    return match[0].replace(",", "")


def without_braces(text: str) -> str:
    """A text without what stands in braces: `\\sum_{k=1}^{n} k` has no equals sign of its own."""
    while "{" in text:
        shorter = re.sub(r"(?<!\\)\{[^{}]*\}", "", text)
        if shorter == text:
            break
        text = shorter
    return text


def _based(text: str) -> tuple[str, int | None]:
    """(digits, base) of `1010_2`, `(413)_5` and `1101 base two`; the text itself and None of anything else."""
    match = _BASED.fullmatch(text.strip())
    base = match and (match[2] if match[2].isdigit() else spelled_out(match[2]))
    if match is None or not base or not base.isdigit() or (re.search("[a-zA-Z]", match[1]) and int(base) <= 10):
        return text, None
    return match[1], int(base)
