"""Different or not, by numbers: two expressions at the same points. Proves a difference, never an equality.

A small reader of unambiguous LaTeX: sums, products, powers, fractions, roots, π, e, i, functions of plain arguments.
What has two readings (`1/2x`, `\\log`, `|x|`, primes, indices) is not read, so that no difference rests on a guess.
"""

import cmath
import math
import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(
    r"\\(?:frac|sqrt|cdot|times|div|pi|sin|cos|tan|cot|sec|csc|exp)(?![a-zA-Z])|\d+\.\d*|\.\d+|\d+|[a-zA-Z]|[-+*/^(){}\[\]]|\\[{}]|\s+|(?P<unknown>.)",
    re.DOTALL,
)
_DERIVATIVE = re.compile(r"\\frac\{d\w?\}\{d\w")
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin,
    r"\cos": cmath.cos,
    r"\tan": cmath.tan,
    r"\exp": cmath.exp,
    r"\cot": lambda value: 1 / cmath.tan(value),
    r"\sec": lambda value: 1 / cmath.cos(value),
    r"\csc": lambda value: 1 / cmath.sin(value),
}
_POINTS = 3
_MAX_TOKENS = 300
_APART = 1e-6
_HUGE = 1e100


class _Unread(Exception):
    """The text is not of the unambiguous kind."""


def differ(gold: str, answer: str) -> bool:
    """Whether two expressions in normal spelling certainly have different values; False when nothing is certain."""
    one, other = values(gold), values(answer)
    if one is None or other is None:
        return False
    return any(_apart(left, right) for left, right in zip(one, other, strict=True))


def _apart(left: complex, right: complex) -> bool:
    scale = max(abs(left), abs(right))
    return bool(scale < _HUGE and abs(left - right) > _APART * scale)


@lru_cache(maxsize=1 << 12)
def values(text: str) -> tuple[complex, ...] | None:
    """The values of an expression at the points; None of what is not read."""
    tokens = None if _DERIVATIVE.search(text) else _tokens(text)
    if tokens is None:
        return None
    try:
        return tuple(_Reader(tokens, point).whole() for point in range(_POINTS))
    except (_Unread, ArithmeticError, ValueError):
        return None


def _tokens(text: str) -> list[str] | None:
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["unknown"] is not None or len(found) > _MAX_TOKENS:
            return None
        if not match[0].isspace():
            found.append(match[0])
    return found or None


class _Reader:
    """Evaluates while it reads. Letters stand for fixed positive numbers, other ones at each point."""

    def __init__(self, tokens: list[str], point: int) -> None:
        self._tokens, self._place, self._point = tokens, 0, point

    def whole(self) -> complex:
        value = self._sum()
        if self._place != len(self._tokens) or not cmath.isfinite(value):
            raise _Unread
        return value

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, token: str = "") -> str:
        taken = self._next()
        if not taken or (token and taken != token):
            raise _Unread
        self._place += 1
        return taken

    def _sum(self) -> complex:
        sign = -1 if self._next() == "-" else 1
        if self._next() in ("-", "+"):
            self._place += 1
        value = sign * self._product()
        while self._next() in ("+", "-"):
            sign = 1 if self._take() == "+" else -1
            value += sign * self._product()
        return value

    def _product(self) -> complex:
        value = self._power()
        divided = False
        while token := self._next():
            if token in (r"\cdot", r"\times", "*"):
                self._place += 1
                value *= self._power()
            elif token in ("/", r"\div"):
                self._place += 1
                value /= self._power()
                divided = True
            elif token in "+-)}]" or token == r"\}":
                break
            elif divided:
                raise _Unread  # 1/2x: over two or over 2x
            else:
                value *= self._power()
        return value

    def _power(self) -> complex:
        before = self._tokens[self._place - 1] if self._place else ""
        if before[-1:].isdigit() and self._next()[:1].isdigit():
            raise _Unread
        value = self._atom()
        if self._next() == "^":
            self._place += 1
            exponent = self._braced() if self._next() == "{" else self._atom()
            if abs(exponent) > 1000:
                raise _Unread
            value = value**exponent
            if self._next() == "^":
                raise _Unread
        return value

    def _braced(self) -> complex:
        self._take("{")
        value = self._sum()
        self._take("}")
        return value

    def _atom(self) -> complex:
        token = self._take()
        if token[0].isdigit() or token[0] == ".":
            return complex(float(token))
        if token == "{":
            self._place -= 1
            return self._braced()
        if token in ("(", "["):
            value = self._sum()
            self._take(")" if token == "(" else "]")
            return value
        if token == r"\pi":
            return complex(math.pi)
        if token == r"\frac":
            numerator = self._braced()
            return numerator / self._braced()
        if token == r"\sqrt":
            if self._next() == "[":
                self._place += 1
                degree = self._sum()
                self._take("]")
                return self._braced() ** (1 / degree)
            return cmath.sqrt(self._braced())
        if token in _FUNCTIONS:
            return _FUNCTIONS[token](self._argument())
        if len(token) == 1 and token.isalpha():
            return self._letter(token)
        raise _Unread

    def _argument(self) -> complex:
        """`(x + 1)`, `{x}`, or a number and a letter (`2x`) that nothing follows which could belong to it."""
        if self._next() in ("(", "{"):
            value = self._atom()
        else:
            value = complex(1)
            if self._next()[:1].isdigit():
                value *= self._atom()
            if self._next().isalpha() or self._next() == r"\pi":
                value *= self._atom()
        if self._next() and self._next() not in "+-)}":
            raise _Unread
        return value

    def _letter(self, letter: str) -> complex:
        if letter == "e":
            return complex(math.e)
        if letter == "i":
            return 1j
        return complex(0.5 + math.fmod(ord(letter) * (0.6180339887 + 0.1414213562 * self._point), 1.9))
