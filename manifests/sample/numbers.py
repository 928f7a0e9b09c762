"""TeX for computed numbers, polynomials and matrices."""

from collections.abc import Sequence
from fractions import Fraction


def frac(value: Fraction | int) -> str:
    """A fraction in lowest terms, an integer as it is."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def poly(coefficients: Sequence[Fraction | int], name: str = "x") -> str:
    """A polynomial from its highest coefficient down: `poly([1, -5, 6])` is `x^2 - 5x + 6`."""
    out = ""
    degree = len(coefficients) - 1
    for power, value in zip(range(degree, -1, -1), coefficients, strict=True):
        if value == 0:
            continue
        letter = "" if power == 0 else name if power == 1 else f"{name}^{power}"
        size = abs(Fraction(value))
        number = "" if size == 1 and letter else frac(size)
        sign = (" - " if value < 0 else " + ") if out else ("-" if value < 0 else "")
        out += f"{sign}{number}{letter}"
    return out or "0"


def value_at(coefficients: Sequence[Fraction | int], x: Fraction | int) -> Fraction:
    """A polynomial's value, by Horner's rule."""
    result = Fraction(0)
    for coefficient in coefficients:
        result = result * x + coefficient
    return result


def derivative(coefficients: Sequence[int]) -> list[int]:
    """The coefficients of the derivative, highest first."""
    degree = len(coefficients) - 1
    return [value * (degree - index) for index, value in enumerate(coefficients[:-1])]


def antiderivative(coefficients: Sequence[int]) -> list[Fraction]:
    """The coefficients of the antiderivative that vanishes at zero, highest first."""
    degree = len(coefficients) - 1
    return [Fraction(value, degree - index + 1) for index, value in enumerate(coefficients)] + [Fraction(0)]


def matrix(rows: Sequence[Sequence[Fraction | int]], kind: str = "pmatrix") -> str:
    """A matrix in the given environment."""
    body = " \\\\ ".join(" & ".join(frac(value) for value in row) for row in rows)
    return f"\\begin{{{kind}}} {body} \\end{{{kind}}}"


def signed(value: int) -> str:
    """A number that stands after a sign: in brackets when negative."""
    return f"({value})" if value < 0 else str(value)


def plus(value: int) -> str:
    """A number as the next summand, with its sign."""
    return f"- {-value}" if value < 0 else f"+ {value}"
