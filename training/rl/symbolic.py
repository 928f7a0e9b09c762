"""Whether two answers are equal as symbols: math-verify and sympy, behind guards for where they are known to be wrong.

Runs in worker processes alone (`training.rl.grade_worker`): some inputs never end. Known errors that are met here:
values that both round to 0 at six decimals, equations of which only the right side is compared, `f(x)` of another name.
"""

import re
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify
from sympy import Basic, E, Eq, I, N, simplify
from sympy.core.relational import Relational

from training.rl.answer_form import answer_form
from training.rl.equivalence import compare, group

_CONFIG = [LatexExtractionConfig(boxed_match_priority=0)]
_DIGITS = 40


def equal(gold: str, answer: str) -> bool:
    """Whether an answer equals the gold. Unbounded in time and memory: the caller limits both."""
    one, other = answer_form(gold), answer_form(answer)
    items = group(one.text), group(other.text)
    if items[0] is not None and items[1] is not None and len(items[0].items) == len(items[1].items) > 1:
        return _items_equal(
            items[0].items, items[1].items, ordered=not {items[0].brackets, items[1].brackets} <= {"", "{}", "union"}
        )
    texts = [one.text, other.text]
    if _is_equation(one.text) != _is_equation(other.text):  # `y = 2x + 1` and `2x - y + 1 = 0`
        texts = [f"{item.name}={item.text}" if item.name else item.text for item in (one, other)]
    return _single(*texts)


def _items_equal(gold: tuple[str, ...], answer: tuple[str, ...], ordered: bool) -> bool:
    def same(left: str, right: str) -> bool:
        decided = compare(left, right)
        return _single(answer_form(left).text, answer_form(right).text) if decided is None else decided

    if ordered:
        return all(same(left, right) for left, right in zip(gold, answer, strict=True))
    left_over = list(answer)
    for left in gold:
        found = next((right for right in left_over if same(left, right)), None)
        if found is None:
            return False
        left_over.remove(found)
    return True


def _single(gold: str, answer: str) -> bool:
    if _is_equation(gold) != _is_equation(answer):
        value, equation = (gold, answer) if _is_equation(answer) else (answer, gold)
        left, _, right = equation.rpartition("=")
        # `3 + 2 = 5` states 5; `x^2 + 1 = 5` states no value.
        return not re.search(r"(?<![\\a-z])[a-zA-Z](?![a-zA-Z])", left) and _single(value, right)
    one, other = _parsed(gold), _parsed(answer)
    if not one or not other:
        return False
    if _is_equation(gold):
        return _equations(gold, answer)
    first, second = one[0], other[0]
    if isinstance(first, Basic) and isinstance(second, Basic) and not isinstance(first, Relational):
        numeric = _numeric(first, second)
        if numeric is not None:
            return numeric
    return bool(verify(one, other, float_rounding=6, numeric_precision=15, strict=True, timeout_seconds=None))


def _is_equation(text: str) -> bool:
    return "=" in re.sub(r"\\(?:leq|geq|neq)|[<>!]=", "", text)


def _parsed(text: str) -> list[Any]:
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])", text):
        text = re.sub(r"(\d+(?:\.\d+)?)\^\\circ", r"(\\frac{\1\\pi}{180})", text)
    return list(parse(f"${text}$", extraction_config=_CONFIG, parsing_timeout=None))


def _numeric(gold: Any, answer: Any) -> bool | None:
    """Two numbers without variables by their relative difference at `_DIGITS` digits; None of anything else.

    math-verify rounds to six decimals, where 1/2^99 equals 1/2^98.
    """
    gold, answer = (_constants(value) for value in (gold, answer))
    if not (getattr(gold, "is_number", False) and getattr(answer, "is_number", False)):
        return None
    gold, answer = gold.doit(), answer.doit()  # math-verify leaves a percent unevaluated
    if not (gold.is_finite and answer.is_finite):
        return bool(gold == answer)
    difference = gold - answer
    if difference == 0:
        return True
    has_float = gold.atoms(type(N(1))) or answer.atoms(type(N(1)))
    scale = max(abs(N(gold, _DIGITS)), abs(N(answer, _DIGITS)))
    relative = abs(N(difference, _DIGITS)) / scale if scale else abs(N(difference, _DIGITS))
    return bool(relative < (1e-6 if has_float else 1e-25))


def _constants(value: Any) -> Any:
    """An expression of e and i alone with Euler's number and the imaginary unit for them: `e^{i\\pi}`."""
    if not isinstance(value, Basic) or not {symbol.name for symbol in value.free_symbols} <= {"e", "i"}:
        return value
    return value.subs({symbol: E if symbol.name == "e" else I for symbol in value.free_symbols})


def _equations(gold: str, answer: str) -> bool:
    """Whether two equations say the same: the same sides, or differences that are multiples of one another."""
    sides = [[_parsed(side) for side in text.split("=")] for text in (gold, answer)]
    if any(len(pair) != 2 or not all(pair) for pair in sides):
        return bool(verify(_parsed(gold), _parsed(answer), timeout_seconds=None)) and gold.count("=") == answer.count(
            "="
        )
    expressions = [[side[0] for side in pair] for pair in sides]
    if not all(
        isinstance(side, Basic) and not isinstance(side, Relational | Eq) for pair in expressions for side in pair
    ):
        return False
    one, other = (pair[0] - pair[1] for pair in expressions)
    if one.free_symbols != other.free_symbols or simplify(other) == 0:
        return bool(simplify(one - other) == 0)
    ratio = simplify(one / other)
    return bool(ratio.is_number and ratio != 0)
