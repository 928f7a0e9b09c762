"""Whether two answers are equal, as far as arithmetic alone can tell: exactly, in microseconds, and never by guessing.

What is a number, a choice, a word, or a list, set, tuple, interval or matrix of those is decided here. Everything else
is `None` here and goes to a symbolic comparison (`training.rl.symbolic`).
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from training.rl.answer_form import Answer, answer_form
from training.rl.probe import differ, values
from training.rl.units import units_agree

_MAX_DIGITS = 400
_SIGNIFICANT = 6
"""A decimal stands for an exact value only with at least this many digits, all of them right."""
_INT = r"\d+"
_DECIMAL = re.compile(r"([-+]?)(\d+\.\d*|\.\d+|\d+)(?:(?:\\times|\\cdot|x)10\^\{?([-+]?\d+)\}?|[eE]([-+]?\d+))?")
_REPEATING = re.compile(r"([-+]?)(\d*)\.(\d*)\\(?:overline|bar)\{?(\d+)\}?")
_RATIO = re.compile(r"([-+]?)\(?([-+]?)(\d+(?:\.\d+)?)\)?/\(?([-+]?)(\d+(?:\.\d+)?)\)?")
_FRACTION = re.compile(r"([-+]?)(?:(\d+)[ ]?)?\\frac\{([-+]?)(\d+(?:\.\d+)?)\}\{([-+]?)(\d+(?:\.\d+)?)\}")
_MIXED_RATIO = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_CHOICE = re.compile(r"\(?([A-Ja-j])\)?(?:[.:)].*)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z'\", .!?;:-]*")
_INEQUALITY = re.compile(r"(.+?)(\\leq|\\geq|<|>)([a-zA-Z]|\\[a-zA-Z]+)(\\leq|\\geq|<|>)(.+)")
_HALF_LINE = re.compile(r"([a-zA-Z]|\\theta)(\\leq|\\geq|<|>)(.+)|(.+)(\\leq|\\geq|<|>)([a-zA-Z]|\\theta)")
_MATRIX = re.compile(r"\\begin\{[pbB]?(?:small)?matrix\}(.*)\\end\{[pbB]?(?:small)?matrix\}", re.DOTALL)
_FUNCTIONS = frozenset("sin cos tan cot sec csc log ln exp pi".split())


@dataclass(frozen=True)
class Number:
    """A rational; `decimals` is how many digits stood behind the point, None for an exact form (1/3, 5)."""

    value: Fraction
    decimals: int | None
    digits: int
    """Significant digits as written; of an exact form 0."""


@dataclass(frozen=True)
class Group:
    """Items between brackets: `brackets` is "()", "[)", "{}", "" of a bare list, or the shape of a matrix."""

    brackets: str
    items: tuple[str, ...]


def compare(gold: str, answer: str) -> bool | None:
    """Whether an answer equals the gold; None where only symbols can tell."""
    return _compare(answer_form(gold), answer_form(answer))


def _compare(gold: Answer, answer: Answer) -> bool | None:
    if not gold.text or not answer.text:
        return False
    if gold.name and answer.name and gold.name != answer.name and _same_kind(gold.name, answer.name):
        return False
    if not units_agree(gold.unit, answer.unit):
        return _percent(gold, answer)
    if gold.base is not None or answer.base is not None:
        return _based(gold, answer)
    if gold.text == answer.text:
        return True
    if r"\ldots" in gold.text or r"\ldots" in answer.text:
        return False  # what an ellipsis stands for is a guess
    decided = _texts(gold.text, answer.text)
    if decided is not True and "%" in (gold.unit, answer.unit) and gold.unit != answer.unit:
        return _percent(gold, answer) or decided
    return decided


def _same_kind(one: str, other: str) -> bool:
    """Two letters or two tuples of them: `x = 5` is no answer to `y = 5`, but a word (`Area = 5`) is only a label."""
    return len(one) == len(other) == 1 or (one[0] == other[0] == "(")


def _percent(gold: Answer, answer: Answer) -> bool:
    """0.5 for 50 %, and the other way round."""
    one, other = number(gold.text), number(answer.text)
    if one is None or other is None or "%" not in (gold.unit, answer.unit):
        return False
    return one.value * (1 if gold.unit != "%" else Fraction(1, 100)) == other.value * (
        1 if answer.unit != "%" else Fraction(1, 100)
    )


def _based(gold: Answer, answer: Answer) -> bool:
    """Numbers with a base. The gold's base may be left out, a base that the gold has not must give the gold's value."""
    if gold.base is not None:
        same = gold.text.lstrip("0").lower() == answer.text.lstrip("0").lower()
        return same and answer.base in (None, gold.base)
    assert answer.base is not None
    known = number(gold.text)
    try:
        return known is not None and known.value == int(answer.text, answer.base)
    except ValueError:  # a digit beyond the base, or a base that is none
        return False


def _texts(gold: str, answer: str) -> bool | None:
    one, other = number(gold), number(answer)
    if one is not None and other is not None:
        return numbers_equal(one, other)
    gold, answer = _interval(gold) or gold, _interval(answer) or answer
    grouped, others = group(gold), group(answer)
    if grouped is not None or others is not None:
        return _groups(gold, answer, grouped, others)
    choice = _CHOICE.fullmatch(gold)
    if choice is not None and re.fullmatch(r"\(?[A-Ja-j]\)?", gold):
        if (given := _CHOICE.fullmatch(answer)) is not None:
            return choice[1].upper() == given[1].upper() if gold.strip("()").isupper() else gold == answer or None
        return None if gold.strip("()").islower() else False if one or other else None
    if _WORDS.fullmatch(gold) and _WORDS.fullmatch(answer) and (len(gold) > 1 or len(answer) > 1):
        if gold.lower() in _FUNCTIONS or answer.lower() in _FUNCTIONS:
            return None
        return _plain(gold) == _plain(answer) or (None if _maybe_product(gold) and _maybe_product(answer) else False)
    if (one is None) != (other is None) and (_prose(gold) or _prose(answer)):
        return False
    return False if differ(gold, answer) else None


def _maybe_product(text: str) -> bool:
    """Whether letters may be a product of variables (`ab`) and not a word."""
    return " " not in text and len(text) <= 4


def _prose(text: str) -> bool:
    return _WORDS.fullmatch(text) is not None and not _maybe_product(text)


def _plain(text: str) -> str:
    """Words without articles, case and punctuation."""
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", re.sub(r"[^\w\s]", " ", text.lower())).split())


def same_words(gold: str, answer: str) -> bool:
    """Whether two stretches of plain words are the same, articles, case and punctuation apart."""
    return bool(re.search("[a-z]{2}", gold)) and len(answer) < 2 * len(gold) + 40 and _plain(gold) == _plain(answer)


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Number | None:
    """A plain number in any spelling: integer, decimal, ratio, fraction, mixed number, power of ten."""
    text = text.strip()
    if len(text) > _MAX_DIGITS:
        return None
    text = text.removeprefix("(").removesuffix(")") if re.fullmatch(r"\([-+]?[\d./]+\)", text) else text
    if match := _DECIMAL.fullmatch(text):
        sign, digits, *exponents = match.groups()
        exponent = next((int(value) for value in exponents if value is not None), 0)
        if abs(exponent) > _MAX_DIGITS:
            return None
        value = Fraction(digits) * Fraction(10) ** exponent
        decimals = len(digits.partition(".")[2]) - exponent if "." in digits else None
        significant = len(digits.replace(".", "").lstrip("0")) if "." in digits else 0
        return Number(-value if sign == "-" else value, decimals, significant)
    if match := _REPEATING.fullmatch(text):
        sign, whole, fixed, repeated = match.groups()
        shift = 10 ** len(fixed)
        value = Fraction(int(whole or 0)) + Fraction(int(fixed or 0), shift)
        value += Fraction(int(repeated), shift * (10 ** len(repeated) - 1))
        return Number(-value if sign == "-" else value, None, 0)
    if match := _FRACTION.fullmatch(text):
        sign, whole, above, numerator, below, denominator = match.groups()
        if not Fraction(denominator) or (whole and (above == "-" or below == "-")):
            return None
        value = Fraction(numerator) / Fraction(denominator) * (-1 if (above == "-") != (below == "-") else 1)
        value += int(whole) if whole else 0
        return Number(-value if sign == "-" else value, None, 0)
    if match := _MIXED_RATIO.fullmatch(text):
        sign, whole, numerator, denominator = match.groups()
        if not int(denominator):
            return None
        value = int(whole) + Fraction(int(numerator), int(denominator))
        return Number(-value if sign == "-" else value, None, 0)
    if match := _RATIO.fullmatch(text):
        *_, denominator = match.groups()
        if not Fraction(denominator):
            return None
        value = Fraction(match[3]) / Fraction(denominator)
        minus = sum(match[place] == "-" for place in (1, 2, 4)) % 2
        return Number(-value if minus else value, None, 0)
    return None


def numbers_equal(gold: Number, answer: Number) -> bool:
    """Exact equality; a decimal also stands for an exact value that it rounds with `_SIGNIFICANT` digits or more."""
    if gold.value == answer.value:
        return True
    exact, decimal = (gold, answer) if answer.decimals is not None else (answer, gold)
    if decimal.decimals is None or exact.decimals is not None or exact.value.denominator == 1:
        return False
    return (
        decimal.digits >= _SIGNIFICANT and abs(exact.value - decimal.value) * 2 <= Fraction(1, 10) ** decimal.decimals
    )


@lru_cache(maxsize=1 << 14)
def group(text: str) -> Group | None:
    """A list, set, tuple or interval; None of a single item."""
    if matrix := _MATRIX.fullmatch(text):
        rows = [row.split("&") for row in matrix[1].strip().removesuffix(r"\\").split(r"\\")]
        return Group(f"matrix of {[len(row) for row in rows]}", tuple(cell.strip() for row in rows for cell in row))
    if r"\cup" in text:
        return Group("union", tuple(part.strip() for part in text.split(r"\cup")))
    if text.count(r"\pm") == 1 and "," not in text:
        return Group("", (text.replace(r"\pm", "+", 1).lstrip("+"), text.replace(r"\pm", "-", 1)))
    for opened, closed, name in (
        (r"\{", r"\}", "{}"),
        ("(", ")", "()"),
        ("[", "]", "[]"),
        ("(", "]", "(]"),
        ("[", ")", "[)"),
    ):
        if text.startswith(opened) and text.endswith(closed) and len(text) > len(opened) + len(closed):
            inner = text[len(opened) : -len(closed)]
            items = split_top(inner)
            if items is not None and (len(items) > 1 or name == "{}"):
                return Group(name, tuple(items))
    items = split_top(re.sub(r",?(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])", ",", text))
    return Group("", tuple(items)) if items is not None and len(items) > 1 else None


def split_top(text: str) -> list[str] | None:
    """The items between commas that stand in no bracket; None when the brackets do not match."""
    items, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif character in ",;" and depth == 0:
            items.append(text[start:place].strip())
            start = place + 1
    if depth:
        return None
    return [*items, text[start:].strip()]


def _groups(gold: str, answer: str, one: Group | None, other: Group | None) -> bool | None:
    if one is None or other is None:
        single, several = (gold, other) if one is None else (answer, one)
        assert several is not None
        if len(several.items) == 1:
            return compare(single, several.items[0])
        return False if number(single) is not None or values(single) is not None else None
    brackets = {one.brackets, other.brackets}
    ordered = any(bracket not in ("", "{}", "union") for bracket in brackets)
    if "" not in brackets and len(brackets) > 1 and brackets != {"()", "[]"}:
        return False
    if brackets == {"()", "[]"} and all(number(item) is not None or "infty" in item for item in one.items):
        return False  # an open interval is no closed one
    if not ordered:
        return _same_members(one.items, other.items)
    if len(one.items) != len(other.items):
        return False
    results = [compare(left, right) for left, right in zip(one.items, other.items, strict=True)]
    return False if False in results else None if None in results else True


def _same_members(gold: tuple[str, ...], answer: tuple[str, ...]) -> bool | None:
    """Whether two sets hold the same; repeats count once."""
    table = [[compare(left, right) for right in answer] for left in gold]
    if any(all(cell is False for cell in row) for row in table):
        return False
    if any(all(row[place] is False for row in table) for place in range(len(answer))):
        return False
    if all(True in row for row in table) and all(
        any(row[place] is True for row in table) for place in range(len(answer))
    ):
        return True
    return None


def _interval(text: str) -> str | None:
    """`-2 \\leq x < 1` and `x > 3` as intervals; None of anything else."""
    if match := _INEQUALITY.fullmatch(text):
        low, first, _, second, high = match.groups()
        if (first in _DOWN) != (second in _DOWN):
            return None
        if first in _DOWN:
            low, first, second, high = high, _FLIPPED[second], _FLIPPED[first], low
        return f"{'[' if first in _CLOSED else '('}{low},{high}{']' if second in _CLOSED else ')'}"
    if match := _HALF_LINE.fullmatch(text):
        sign = match[2] or _FLIPPED[match[5]]
        bound = match[3] or match[4]
        if re.search(r"[<>,]|\\[lg]eq", bound):
            return None
        if sign in _DOWN:
            return f"{'[' if sign in _CLOSED else '('}{bound},{_INFINITY})"
        return f"(-{_INFINITY},{bound}{']' if sign in _CLOSED else ')'}"
    return None


_DOWN = frozenset({">", r"\geq"})
_CLOSED = frozenset({r"\leq", r"\geq"})
_INFINITY = r"\infty"
_FLIPPED = {"<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq"}
