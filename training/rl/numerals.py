"""Plain numbers in any spelling as exact rationals, and what a decimal stands for."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_MAX_DIGITS = 400
SIGNIFICANT = 6
"""A decimal stands for an exact value only with at least this many digits, all of them right."""
_DECIMAL = re.compile(r"([-+]?)(\d+\.\d*|\.\d+|\d+)(?:(?:\\times|\\cdot|x)10\^\{?([-+]?\d+)\}?|[eE]([-+]?\d+))?")
_POWER = re.compile(r"([-+]?)(\d+)\^(?:\{([-+]?\d+)\}|(\d))")
_REPEATING = re.compile(r"([-+]?)(\d*)\.(\d*)\\(?:overline|bar)\{?(\d+)\}?")
_RATIO = re.compile(r"([-+]?)\(?([-+]?)(\d+(?:\.\d+)?)\)?/\(?([-+]?)(\d+(?:\.\d+)?)\)?")
_FRACTION = re.compile(r"([-+]?)(?:(\d+)[ ]?)?\\frac\{([-+]?)(\d+(?:\.\d+)?)\}\{([-+]?)(\d+(?:\.\d+)?)\}")
_MIXED_RATIO = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_IN_BRACKETS = re.compile(r"\([-+]?[\d./]+\)|\{[-+]?[\d./]+\}")

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A rational; `decimals` is how many digits stood behind the point, None for an exact form (1/3, 5)."""

    value: Fraction
    decimals: int | None = None
    digits: int = 0
    """Significant digits as written; of an exact form 0."""


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Number | None:
    """A plain number in any spelling: integer, decimal, ratio, fraction, mixed or repeating number, power of ten."""
    text = text.strip()
    if len(text) > _MAX_DIGITS or not any(character.isdigit() for character in text):
        return None
    text = text[1:-1] if _IN_BRACKETS.fullmatch(text) else text
    if match := _DECIMAL.fullmatch(text):
        sign, digits, *exponents = match.groups()
        exponent = next((int(value) for value in exponents if value is not None), 0)
        if abs(exponent) > _MAX_DIGITS:
            return None
        value = Fraction(digits) * Fraction(10) ** exponent
        decimals = len(digits.partition(".")[2]) - exponent if "." in digits else None
        significant = len(digits.replace(".", "").lstrip("0")) if "." in digits else 0
        return Number(_signed(value, sign), decimals, significant)
    if match := _POWER.fullmatch(text):
        sign, base, *powers = match.groups()
        power = next(int(value) for value in powers if value is not None)
        if len(base) * abs(power) > _MAX_DIGITS or (power < 0 and not int(base)):
            return None
        return Number(_signed(Fraction(int(base)) ** power, sign))
    if match := _REPEATING.fullmatch(text):
        sign, whole, fixed, repeated = match.groups()
        shift = 10 ** len(fixed)
        value = Fraction(int(whole or 0)) + Fraction(int(fixed or 0), shift)
        return Number(_signed(value + Fraction(int(repeated), shift * (10 ** len(repeated) - 1)), sign))
    if match := _FRACTION.fullmatch(text):
        sign, whole, above, numerator, below, denominator = match.groups()
        if not Fraction(denominator) or (whole and (above == "-" or below == "-")):
            return None
        value = _signed(_signed(Fraction(numerator) / Fraction(denominator), above), below)
        return Number(_signed(value + int(whole or 0), sign))
    if match := _MIXED_RATIO.fullmatch(text):
        sign, whole, numerator, denominator = match.groups()
        if not int(denominator):
            return None
        return Number(_signed(int(whole) + Fraction(int(numerator), int(denominator)), sign))
    if match := _RATIO.fullmatch(text):
        first, second, numerator, third, denominator = match.groups()
        if not Fraction(denominator):
            return None
        value = Fraction(numerator) / Fraction(denominator)
        return Number(_signed(_signed(_signed(value, first), second), third))
    return None


def _signed(value: Fraction, sign: str) -> Fraction:
    return -value if sign == "-" else value


def numbers_equal(gold: Number, answer: Number) -> bool:
    """Exact equality; a decimal also stands for an exact value that it rounds with `SIGNIFICANT` digits or more."""
    if gold.value == answer.value:
        return True
    exact, decimal = (gold, answer) if answer.decimals is not None else (answer, gold)
    if decimal.decimals is None or exact.decimals is not None or exact.value.denominator == 1:
        return False
    return decimal.digits >= SIGNIFICANT and abs(exact.value - decimal.value) * 2 <= Fraction(1, 10) ** decimal.decimals


def spelled_out(words: str) -> str | None:
    """The numeral of a number in words, up to 99 and simple parts: `twenty-one`, `two thirds`; None of other words."""
    first, *rest = words.lower().replace("-", " ").split() or [""]
    if first == "half" and not rest:
        return r"\frac{1}{2}"
    if len(rest) == 1 and (part := _PARTS.get(rest[0].removesuffix("s"), _PARTS.get(rest[0]))):
        count = 1 if first in ("a", "an") else _SMALL.get(first)
        return None if count is None else rf"\frac{{{count}}}{{{part}}}"
    value = _SMALL.get(first, _TENS.get(first))
    if value is None or (rest and (first not in _TENS or len(rest) > 1 or not 0 < _SMALL.get(rest[0], 0) < 10)):
        return None
    return str(value + sum(_SMALL[word] for word in rest))
