"""Answers of several items, taken apart: lists, sets, tuples, intervals, inequalities, unions, ratios, matrices."""

import re
from dataclasses import dataclass
from functools import lru_cache

_MATRIX = re.compile(r"\\begin\{([pbB]?(?:small)?matrix)\}((?:(?!\\begin).)*)\\end\{\1\}", re.DOTALL)
_BRACKETS = ((r"\{", r"\}", "{}"), ("(", ")", "()"), ("[", "]", "[]"), ("(", "]", "(]"), ("[", ")", "[)"))
_AND = re.compile(r",?(?:(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])|(?<=[\d)}])(?:and|or)(?=[A-Z(])),?")
_GIVEN = re.compile(r"([a-zA-Z](?:_\{?\w+\}?)?)=([^=]+)")
_SIGN = r"(\\leq|\\geq|<|>)\s*"
_MIDDLE = r"([a-zA-Z](?:\([a-z]\))?|\\[a-zA-Z]+)"
_BETWEEN = re.compile(rf"(.+?){_SIGN}{_MIDDLE}{_SIGN}(.+)")
_LEFT = re.compile(rf"{_MIDDLE}{_SIGN}(.+)")
_RIGHT = re.compile(rf"(.+?){_SIGN}{_MIDDLE}")
_DOWN = frozenset({">", r"\geq"})
_CLOSED = frozenset({r"\leq", r"\geq"})
_FLIPPED = {"<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq"}


@dataclass(frozen=True)
class Group:
    """Items between brackets: `brackets` is "()", "[)", "{}", "" of a bare list, "union", ":" or the shape of a matrix.

    `letter` is the variable of an interval that was given as an inequality, else "".
    """

    brackets: str
    items: tuple[str, ...]
    letter: str = ""


@lru_cache(maxsize=1 << 14)
def group(text: str) -> Group | None:
    """A list, set, tuple, interval, inequality, ratio or matrix of a text in normal spelling; None of a single item."""
    if matrix := _MATRIX.fullmatch(text):
        rows = [row.split("&") for row in matrix[2].strip().removesuffix(r"\\").split(r"\\")]
        return Group(f"matrix of {[len(row) for row in rows]}", tuple(cell.strip() for row in rows for cell in row))
    if interval := _inequality(text):
        return interval
    if r"\cup" in text:
        return Group("union", tuple(part.strip() for part in text.split(r"\cup")))
    for opened, closed, name in _BRACKETS:
        if text.startswith(opened) and text.endswith(closed) and len(text) > len(opened) + len(closed):
            items = split_top(text[len(opened) : -len(closed)])
            if items is not None and (len(items) > 1 or name == "{}"):
                return Group(name, _signed(items) if name == "{}" else tuple(items))
    items = split_top(_AND.sub(",", text))
    if items is not None and len(items) > 1:
        return Group("", _tuples(items) or _signed(items))
    if r"\pm" in text and len(both := _signed([text])) == 2:
        return Group("", both)
    if ":" in text and all(parts := text.split(":")):
        return Group(":", tuple(parts))
    return None


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


def _signed(items: list[str]) -> tuple[str, ...]:
    """Items with one `\\pm` as two items each."""
    found: list[str] = []
    for item in items:
        if item.count(r"\pm") == 1:
            found += [re.sub(r"^(.*=)?\+", r"\1", re.sub(r"\s*\\pm\s*", sign, item)).strip() for sign in "+-"]
        else:
            found.append(item)
    return tuple(found)


def _tuples(items: list[str]) -> tuple[str, ...] | None:
    """The tuples that `p=5, q=2, p=7, q=2` lists; None where names do not come again in the same order."""
    given = [_GIVEN.fullmatch(item) for item in items]
    names = [match[1] for match in given if match]
    width = len(dict.fromkeys(names))
    if len(names) != len(items) or not 1 < width < len(names) or names != names[:width] * (len(names) // width):
        return None
    values = [match[2] for match in given if match]
    return tuple(f"({','.join(values[place : place + width])})" for place in range(0, len(values), width))


def _inequality(text: str) -> Group | None:
    """`-2 \\leq x < 1` and `x > 3` as intervals of `x`; None of anything else."""
    if not re.search(r"[<>]|\\[lg]eq", text):
        return None
    if match := _BETWEEN.fullmatch(text):
        low, first, letter, second, high = match.groups()
        if (first in _DOWN) != (second in _DOWN):
            return None
        if first in _DOWN:
            low, first, second, high = high, _FLIPPED[second], _FLIPPED[first], low
    elif match := _LEFT.fullmatch(text):
        letter, second, high = match.groups()
        low, first = r"-\infty", "<"
        if second in _DOWN:
            low, first, second, high = high, _FLIPPED[second], "<", r"\infty"
    elif match := _RIGHT.fullmatch(text):
        low, first, letter = match.groups()
        second, high = "<", r"\infty"
        if first in _DOWN:
            low, first, second, high = r"-\infty", "<", _FLIPPED[first], low
    else:
        return None
    if re.search(r"[<>,=]|\\[lg]eq|\\neq", low + high) or letter in (r"\infty", r"\pi"):
        return None
    brackets = ("[" if first in _CLOSED else "(") + ("]" if second in _CLOSED else ")")
    return Group(brackets, (low.strip(), high.strip()), letter)
