"""Random formulas through a real converter come back equal; random text comes through finish unharmed."""

import re

import pytest
from extract.formulas.pages import text_of
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.formulas import lift
from pipeline.extract.formulas.asciimath import to_tex as ascii_to_tex
from pipeline.extract.formulas.dom import Budget, read_string
from pipeline.extract.formulas.latex import clean
from pipeline.extract.formulas.mathml import to_tex

ATOMS = st.sampled_from(["x", "y", "a", "n", "1", "42", "\\alpha", "\\beta", "\\infty", "\\Gamma", "\\pi", "\\lambda"])
OPERATORS = st.sampled_from(["+", "-", "=", "<", "\\leq", "\\in", "\\times", "\\cdot", "\\cup", "\\neq", "\\subset"])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("\\frac{{{}}}{{{}}}".format, inner, inner),
        st.builds("\\sqrt{{{}}}".format, inner),
        st.builds("\\sqrt[3]{{{}}}".format, inner),
        st.builds("{}^{{{}}}".format, ATOMS, inner),
        st.builds("{}_{{{}}}".format, ATOMS, inner),
        st.builds("{}_{{{}}}^{{{}}}".format, ATOMS, inner, inner),
        st.builds("{} {} {}".format, inner, OPERATORS, inner),
        st.builds("\\left({}\\right)".format, inner),
        st.builds("\\sum_{{{}}}^{{{}}} {}".format, ATOMS, ATOMS, ATOMS),
        st.builds("\\hat{{{}}}".format, st.sampled_from("xyz")),
        st.builds("\\begin{{pmatrix}}{} & {} \\\\ {} & {}\\end{{pmatrix}}".format, ATOMS, inner, ATOMS, ATOMS),
    )


FORMULAS = st.recursive(ATOMS, compound, max_leaves=8)


def normal(tex: str) -> list[str]:
    """LaTeX as a list of tokens, without spacing, sizes and braces."""
    tex = re.sub(r"\\(?:left|right)(?![a-zA-Z])", "", tex)
    return [token for token in re.findall(r"\\[a-zA-Z]+|\\.|\S", tex) if token not in ("{", "}", "\\,", "\\;", "\\:")]


@settings(max_examples=150, deadline=None)
@given(FORMULAS)
def test_mathml_of_latex2mathml_comes_back(tex: str) -> None:
    converter = pytest.importorskip("latex2mathml.converter")
    math = read_string(converter.convert(tex), Budget(100_000, 200))
    assert math is not None
    assert normal(to_tex(math)) == normal(tex)


@settings(max_examples=150, deadline=None)
@given(FORMULAS)
def test_cleaning_keeps_a_formula_and_is_idempotent(tex: str) -> None:
    cleaned, _ = clean(tex)
    assert normal(cleaned) == normal(tex)
    assert clean(cleaned)[0] == cleaned


@settings(max_examples=150, deadline=None)
@given(FORMULAS)
def test_delimited_formula_is_found(tex: str) -> None:
    found = lift(LexborHTMLParser("<p>"))
    cleaned, _ = clean(tex)
    assert found.finish(f"before \\({tex}\\) after") in (f"before ${cleaned}$ after", f"before $${cleaned}$$ after")


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        alphabet=st.characters(
            codec="utf-8",
            exclude_characters="$\\<&`[]\r\0",
            exclude_categories=("Cc", "Co", "Cs", "No", "Lm", "Zs", "Zl", "Zp"),
        )
    )
)
def test_plain_text_is_unchanged(text: str) -> None:
    if not re.search("[𝐀-𝟿]", text):
        assert lift(LexborHTMLParser("<p>")).finish(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$\\(){}[]_^ab1 \n`%&~#.,", max_size=60))
def test_any_dollars_and_delimiters_end_in_pairs(text: str) -> None:
    found = lift(LexborHTMLParser("<p>"))
    block = found.finish(text)
    dollars = re.findall(r"(?:\\.|[^\\$])|(\$\$?)", block)
    assert len([mark for mark in dollars if mark]) % 2 == 0


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="()[]{}|,:/_^\"'x12+- sqrtfac", max_size=60))
def test_asciimath_never_fails(source: str) -> None:
    assert isinstance(ascii_to_tex(source), str)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="<>/=\"' mathmfrcxsuprow1&;katex-ispn", max_size=200))
def test_any_markup_is_survived(markup: str) -> None:
    assert isinstance(text_of(f"<p>{markup}<math>{markup}</math>"), str)
