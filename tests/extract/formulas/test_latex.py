"""The cleaner, macros, configuration and AsciiMath."""

import pytest

from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.configuration import Configuration, read_script
from pipeline.extract.formulas.latex import balance, clean, punctuation
from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.macros import Macro, Macros

LIMITS = FormulaLimits()


@pytest.mark.parametrize(
    ("tex", "cleaned", "display"),
    [
        ("  x +\n y ", "x + y", None),
        ("\\( x \\)", "x", False),
        ("$$ x $$", "x", True),
        ("$a$ and $b$", "a and b", None),
        ("{\\displaystyle x_{1}}", "x_{1}", None),
        ("\\displaystyle x", "x", None),
        ("a &lt; b &amp;&amp; c", "a < b && c", None),
        ("x % comment\ny", "x y", None),
        ("50\\% of", "50\\% of", None),
        ("\\begin{equation*} x \\end{equation*}", "x", True),
        ("\\begin{align}a&=b\\nonumber\\\\ c&=d\\end{align}", "\\begin{aligned}a&=b \\\\ c&=d\\end{aligned}", True),
        ("\\begin{eqnarray}a&=&b\\end{eqnarray}", "\\begin{array}{rcl}a&=&b\\end{array}", True),
        ("\\frac{a}{b", "\\frac{a}{b}", None),
        ("a}b", "ab", None),
        ("\\,", "", None),
        ("{}", "", None),
        ("a ~~~~ b", "a \\quad b", None),
    ],
)
def test_clean(tex: str, cleaned: str, display: bool | None) -> None:
    assert clean(tex) == (cleaned, display)


def test_balance_leaves_escaped_braces() -> None:
    assert balance("\\{x\\}") == "\\{x\\}"
    assert balance("\\left\\{x") == "\\left\\{x"


def test_punctuation_of_the_sentence_leaves_the_formula() -> None:
    assert punctuation("x\\text{.}") == ("x", ".")
    assert punctuation("x\\text{ if}") == ("x\\text{ if}", "")


def test_macros_are_collected_and_expanded() -> None:
    macros = Macros(LIMITS)
    rest = macros.collect(
        "\\newcommand{\\R}{\\mathbb{R}} \\def\\pair#1#2{(#1,#2)} \\DeclareMathOperator{\\rk}{rank}"
        "\\newcommand{\\norm}[2][2]{\\|#2\\|_{#1}} x"
    )
    assert rest.strip() == "x"
    assert macros.table["pair"] == Macro(2, None, "(#1,#2)")
    assert macros.expand("\\pair{a}{\\R}\\rk A") == "(a,\\mathbb{R})\\operatorname{rank} A"
    assert macros.expand("\\norm{x}+\\norm[1]{y}") == "\\|x\\|_{2}+\\|y\\|_{1}"
    assert macros.expand("\\Rx") == "\\Rx"


def test_cyclic_and_growing_macros_end() -> None:
    macros = Macros(LIMITS)
    macros.collect("\\newcommand{\\a}{\\b x}\\newcommand{\\b}{\\a y}\\newcommand{\\c}{\\c\\c}")
    macros.collect("".join(f"\\newcommand{{\\g{chr(98 + i)}}}{{" + f"\\g{chr(97 + i)}" * 10 + "}" for i in range(20)))
    assert len(macros.expand("\\a")) < 1000
    assert len(macros.expand("\\gt")) <= LIMITS.tex_chars


def test_configuration_of_mathjax_and_katex() -> None:
    found = Configuration(Macros(LIMITS))
    read_script(
        "MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$'], ['\\\\(','\\\\)']]}, // note\n"
        'TeX: {Macros: {RR: "{\\\\bf R}", bold: ["{\\\\bf #1}", 1]}}});',
        found,
        LIMITS,
    )
    assert found.inline == [("$", "$"), ("\\(", "\\)")]
    assert found.dollars is True
    assert found.macros.table == {"RR": Macro(0, None, "{\\bf R}"), "bold": Macro(1, None, "{\\bf #1}")}
    katex = Configuration(Macros(LIMITS))
    read_script(
        'renderMathInElement(b, {delimiters: [{left: "$$", right: "$$", display: true},'
        ' {left: "@", right: "@", display: false}], macros: {"\\\\f": "f(#1)"}})',
        katex,
        LIMITS,
    )
    assert (katex.inline, katex.display, katex.dollars) == ([("@", "@")], [("$$", "$$")], False)
    assert katex.macros.expand("\\f{x}") == "f(x)"


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("sum_(i=1)^n i^3=((n(n+1))/2)^2", "\\sum_{i=1}^ni^3=\\left( \\frac{n(n+1)}{2}\\right)^2"),
        ("sin^-1(x)", "\\sin^{-1}(x)"),
        ("[[a,b],[c,d]]", "\\begin{bmatrix}a & b \\\\ c & d\\end{bmatrix}"),
        ("{(1,if x>0),(0,if x<=0):}", "\\begin{cases}1 & \\text{if}x>0 \\\\ 0 & \\text{if}x\\leq0\\end{cases}"),
        ("sqrt x + root(3)(y)", "\\sqrt{x}+\\sqrt[3]{y}"),
        ("a//b xx |c|", "a/b\\times\\left|c\\right|"),
        ('"text" hat(ab) vec v', "\\text{text}\\hat{ab}\\vec{v}"),
        ("sin(x)/2", "\\frac{\\sin(x)}{2}"),
        ("(a", "(a"),
        ("", ""),
    ],
)
def test_asciimath(source: str, tex: str) -> None:
    assert to_tex(source) == tex
