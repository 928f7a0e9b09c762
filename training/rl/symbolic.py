"""Whether two answers are equal as symbols: math-verify and sympy, behind guards for where they are known to be wrong.

Runs in worker processes alone (`training.rl.grade_worker`): some inputs never end. Known errors that are met here:
values that both round to 0 at six decimals, equations of which only the right side is compared, `f(x)` of another name.
"""

import re
from fractions import Fraction
from typing import Any

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify
from sympy import (
    Basic,
    Complement,
    E,
    Expr,
    FiniteSet,
    I,
    Integer,
    Intersection,
    Interval,
    N,
    Rational,
    Reals,
    Set,
    Symbol,
    Union,
    simplify,
)
from sympy.core.relational import Relational

from training.rl.answer_form import answer_form, without_braces
from training.rl.equivalence import arithmetic, decide
from training.rl.groups import group
from training.rl.numerals import SIGNIFICANT, number

_CONFIG = [
    LatexExtractionConfig(
        boxed_match_priority=0,  # units are split off before: what is left of `8h/5` are variables
        normalization_config=NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True),
    )
]
_DIGITS = 120
_EXACT = 1e-100
"""Relative difference of two exact numbers at `_DIGITS` digits from which on they are different."""
_VARIABLE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])")
_TUPLE = re.compile(r"\([^()]*\)")
_DECIMAL = re.compile(r"\d+\.\d+|(?<!\d)\.\d+")
_RELATION = re.compile(r"(.+?)(\\leq|\\geq|<|>)(.+)")


def equal(gold: str, answer: str) -> bool:
    """Whether an answer equals the gold. Unbounded in time and memory: the caller limits both."""

    def judge(one: str, other: str) -> bool | None:
        decided = arithmetic(one, other)
        return symbols(one, other) if decided is None else decided

    return bool(decide(gold, answer, judge))


def symbols(gold: str, answer: str) -> bool:
    """Whether two expressions in normal spelling are equal, by symbols alone."""
    if not (_TUPLE.fullmatch(gold) and _TUPLE.fullmatch(answer)):
        sets = _as_set(gold), _as_set(answer)
        if sets[0] is not None and sets[1] is not None:
            return bool(sets[0] == sets[1] or sets[0].symmetric_difference(sets[1]).is_empty)
    return _single(gold, answer)


def _as_set(text: str) -> Set | None:
    """The set of real numbers that intervals, solved inequalities and braces describe; None of anything else."""
    for sign, join in (
        (r"\bor\b|(?<=\d)or(?=[a-z])|\\cup|\\lor|\\vee", Union),
        (r"\band\b|\\cap|\\land|\\wedge", Intersection),
    ):
        parts = re.split(sign, text)
        if len(parts) > 1:
            sets = [_as_set(part.strip()) for part in parts]
            return None if None in sets else join(*sets)
    if len(parts := re.split(r"\\setminus|\\backslash", text)) == 2:
        whole, less = (_as_set(part.strip()) for part in parts)
        return None if whole is None or less is None else Complement(whole, less)
    if text == r"\mathbb{R}":
        return Reals
    if text == r"\emptyset":
        return FiniteSet()
    if match := re.fullmatch(r"[a-z]\\neq\s*(.+)", text):
        value = _real(match[1])
        return None if value is None else Complement(Reals, FiniteSet(value))
    if re.search(r"\|[a-z]\|", text) and re.search(r"[<>]|\\[lg]eq", text):
        return _solved(text)
    if (items := group(text)) is None or items.brackets not in ("{}", "()", "[]", "(]", "[)"):
        return None
    values = [_real(item) for item in items.items]
    if None in values:
        return None
    if items.brackets == "{}":
        return FiniteSet(*values)
    if len(values) != 2:
        return None
    return Interval(*values, items.brackets[0] == "(", items.brackets[1] == ")")


def _real(text: str) -> Any:
    """A real number or an infinity; None of what is none."""
    found = _parsed(answer_form(text).text)
    value = found[0] if found else None
    return (
        value
        if isinstance(value, Basic) and getattr(value, "is_extended_real", False) and not value.free_symbols
        else None
    )


def _solved(text: str) -> Set | None:
    """The solutions of an inequality in one letter between bars: `1 \\leq |z| \\leq 2`."""
    found = _parsed(text)
    if not found or not isinstance(found[0], Basic) or len(found[0].free_symbols) != 1:
        return None
    solved: Set = found[0].subs(found[0].free_symbols.pop(), Symbol("x", real=True)).as_set()
    return solved


def _single(gold: str, answer: str) -> bool:
    if _is_equation(gold) != _is_equation(answer):
        value, equation = (gold, answer) if _is_equation(answer) else (answer, gold)
        # `3 + 2 = 5` states 5; `x^2 + 1 = 5` states no value.
        return not _VARIABLE.search(re.sub(r"(?<![a-zA-Z])[ei](?![a-zA-Z])", "1", equation)) and _single(
            value, _sides(equation)[-1]
        )
    if _is_equation(gold):
        return _equations(_sides(gold), _sides(answer))
    relations = _RELATION.fullmatch(gold), _RELATION.fullmatch(answer)
    if relations[0] and relations[1]:
        return _relations(relations[0], relations[1]) or _verified(gold, answer)
    one, other = _parsed(gold), _parsed(answer)
    if not one or not other:
        return False
    first, second = one[0], other[0]
    if isinstance(first, Basic) and isinstance(second, Basic) and not isinstance(first, Relational):
        numeric = _numeric(first, second, max(_rounding(gold), _rounding(answer)))
        if numeric is not None:
            return numeric
    return _verified(gold, answer)


def _verified(gold: str, answer: str) -> bool:
    return bool(
        verify(
            _parsed(gold), _parsed(answer), float_rounding=6, numeric_precision=15, strict=True, timeout_seconds=None
        )
    )


def _is_equation(text: str) -> bool:
    return "=" in without_braces(re.sub(r"\\(?:leq|geq|neq)|[<>!]=", "", text))


def _sides(equation: str) -> list[str]:
    """What stands between the equals signs that are in no braces."""
    sides, depth = [""], 0
    for character in equation:
        depth += (character == "{") - (character == "}")
        if character == "=" and depth == 0:
            sides.append("")
        else:
            sides[-1] += character
    return sides


def _parsed(text: str) -> list[Any]:
    if (plain := number(text)) is not None:  # mixed numbers, repeating decimals and 1e5 are misread by the parser
        return [Rational(plain.value.numerator, plain.value.denominator)]
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])", text):
        text = re.sub(r"(\d+(?:\.\d+)?)\^\\circ", r"(\\frac{\1\\pi}{180})", text)
    text = _DECIMAL.sub(_exact, text)
    return list(parse(f"${text}$", extraction_config=_CONFIG, parsing_timeout=None))


def _rounding(text: str) -> float:
    """What a decimal may differ from the exact value that it stands for; 0 of what is none."""
    found = number(text)
    return 0.0 if found is None or found.digits < SIGNIFICANT else 0.5 * 10.0 ** -(found.decimals or 0)


def _exact(decimal: re.Match[str]) -> str:
    value = Fraction(decimal[0])
    return rf"(\frac{{{value.numerator}}}{{{value.denominator}}})"


def _numeric(gold: Any, answer: Any, rounding: float) -> bool | None:
    """Two numbers without variables by their difference, exactly or at `_DIGITS` digits; None of anything else.

    math-verify rounds to six decimals, where 1/2^99 equals 1/2^98.
    """
    gold, answer = (_constants(value) for value in (gold, answer))
    if not (getattr(gold, "is_number", False) and getattr(answer, "is_number", False)):
        return None
    gold, answer = gold.doit(), answer.doit()  # math-verify leaves a percent unevaluated
    if not (gold.is_finite and answer.is_finite):
        return bool(gold == answer)
    difference = gold - answer
    if difference.is_Rational:
        return bool(abs(difference) <= rounding)
    scale = max(abs(N(gold, _DIGITS)), abs(N(answer, _DIGITS)))
    return bool(abs(N(difference, _DIGITS)) <= max(scale * _EXACT, rounding))


def _constants(value: Any) -> Any:
    """An expression of e and i alone with Euler's number and the imaginary unit for them: `e^{i\\pi}`."""
    if not isinstance(value, Basic) or not {symbol.name for symbol in value.free_symbols} <= {"e", "i"}:
        return value
    return value.subs({symbol: E if symbol.name == "e" else I for symbol in value.free_symbols})


def _equations(gold: list[str], answer: list[str]) -> bool:
    """Whether two equations say the same: the same sides, or differences that are multiples of one another."""
    if max(len(gold), len(answer)) > 2:  # worked out: what it begins with and what it comes to
        return symbols(gold[0], answer[0]) and symbols(gold[-1], answer[-1])
    sides = [[_parsed(side) for side in pair] for pair in (gold, answer)]
    if not all(all(pair) for pair in sides):
        return _verified("=".join(gold), "=".join(answer))
    expressions = [[side[0] for side in pair] for pair in sides]
    if not all(isinstance(side, Expr) for pair in expressions for side in pair):
        return symbols(gold[0], answer[0]) and symbols(gold[1], answer[1])
    one, other = (pair[0] - pair[1] for pair in expressions)
    if not (one.free_symbols or other.free_symbols):
        return symbols(gold[-1], answer[-1])  # what it comes to
    if one.free_symbols != other.free_symbols or simplify(other) == 0:
        return bool(simplify(one - other) == 0)
    ratio = simplify(one / other)
    return bool(ratio.is_number and ratio != 0)


def _relations(gold: re.Match[str], answer: re.Match[str]) -> bool:
    """Whether two inequalities are multiples of one another: `2x < 6`, `x < 3`, `-x > -3`."""
    differences, closed = [], []
    for low, sign, high in (gold.groups(), answer.groups()):
        sides = [_parsed(side) for side in ((low, high) if sign in ("<", r"\leq") else (high, low))]
        if not all(side and isinstance(side[0], Expr) for side in sides):
            return False
        differences.append(sides[1][0] - sides[0][0])
        closed.append(sign in (r"\leq", r"\geq"))
    if closed[0] != closed[1] or simplify(differences[1]) == 0:
        return False
    ratio = simplify(differences[0] / differences[1])
    return bool(ratio.is_number and ratio > Integer(0))
