"""Formulas become MathML that is drawn without a network, and hostile ones stay inert or source."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.mathml import LIMIT_CHARS, mathml


@pytest.mark.parametrize(
    ("latex", "markup"),
    [
        (r"\frac{a}{2}", "<math><mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></mfrac></mrow></math>"),
        ("x < y", "<math><mrow><mi>x</mi><mo>&lt;</mo><mi>y</mi></mrow></math>"),
        (r"\mathbf{x}", "<math><mrow><mi>𝐱</mi></mrow></math>"),
        (r"\mathbb{R}", "<math><mrow><mi>ℝ</mi></mrow></math>"),
        (r"\mathcal{L}", "<math><mrow><mi>ℒ</mi></mrow></math>"),
    ],
)
def test_markup_is_exact(latex: str, markup: str) -> None:
    assert mathml(latex, display=False) == markup


def test_display_is_a_block() -> None:
    assert str(mathml("x", display=True)).startswith('<math display="block">')


@pytest.mark.parametrize(
    "latex", ["", " ", r"\frac", "{" * 500, r"\sqrt" * 150, r"\left(" * 100, "x" * (LIMIT_CHARS + 1), r"\unknown{x}"]
)
def test_what_cannot_be_drawn_is_none(latex: str) -> None:
    assert mathml(latex, display=False) is None


def test_nothing_of_a_page_becomes_markup_or_style() -> None:
    payloads = (
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//evil.example)}{x}",
        r"\class{a}{x}",
        r"\color{red;background:url(//evil.example)}x",
        r"\hspace{99999em}x",
        r"\hspace{-50em}x",
    )
    for payload in payloads:
        markup = str(mathml(payload, display=False) or "")
        assert not re.search(r"<(?!/?m[a-z]+)", markup), markup
        assert not re.search(r"<[^>]*\b(href|style|class|mathcolor|mathbackground|width|on\w+)=", markup), markup


_PIECES = (
    "{ } \\ ^ _ & $ < \" ' \\frac \\left( \\right \\begin{matrix} \\end{matrix} \\begin{array}{c} \\text{ \\href "
    "\\style \\sqrt[ ] x 1 \\\\ \\mathbf \\not \\hline \x00 é"
).split(" ")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_any_latex_is_drawn_or_source(latex: str) -> None:
    markup = mathml(latex, display=False)
    assert markup is None or re.fullmatch(r"(<math|</?m[a-z]+|[^<>]|>)*", markup)
