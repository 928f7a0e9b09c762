"""Formulas made to be slow: read, or left as text, in time that is in proportion to the page."""

import random
import time

import pytest

from pipeline.extract.html import LimitExceeded, extract

MATHJAX = "<script src=mathjax.js></script>"
KATEX = '<span class="katex"><span class="katex-html">{}</span></span>'
PILE = '<span class="col-align-c"><span class="vlist-t"><span class="vlist">{}</span></span></span>'


def pile(column: int) -> str:
    """A column of KaTeX's whose cells stand at heights that no other column has."""
    return PILE.format(
        "".join(
            f'<span style="top:-{row}.{column}em"><span class="pstrut" style="height:3em"></span>x</span>'
            for row in range(100)
        )
    )


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "".join(f'<i class="a{number}-eqno">x</i>' for number in range(20_000)),
        MATHJAX + "<p>\\newcommand{\\a}{b}</p>" * 10_000,
        MATHJAX + "<p>" + "\\newcommand{\\a}{b" * 3_000,
        MATHJAX + "<p>\\newcommand{\\a}{\\b\\b}\\newcommand{\\b}{\\a\\a}" + "\\(\\a\\) " * 500,
        MATHJAX + "<p>\\newcommand{\\a}{b}" + "\\definecolor{a}" * 20_000,
        MATHJAX + "<p>" + "$a " * 50_000,
        MATHJAX + "<p>" + "$$a & b \\\\ {$$ " * 10_000,
        MATHJAX + "<p>$$ a</p>" * 10_000,
        MATHJAX + "<p>$a" + "<em>b</em>c $" * 10_000,
        MATHJAX + "<p>$$x$$</p><p>(1)</p>" * 5_000,
        KATEX.format('<span class="mord mathnormal">x</span>' * 30_000),
        KATEX.format("".join(f'<span class="mord c{number}">x</span>' for number in range(20_000))),
        KATEX.format('<span class="mtable">' + "".join(pile(column) for column in range(60)) + "</span>"),
        KATEX.format('<span class="mord">x</span>') * 10_000,
        "<math>" + "<mtext>\u2009\u2063</mtext>" * 30_000 + "</math>",
        "<math><matrix>" + "<matrixrow><cn>1</cn></matrixrow>" * 10_000 + "</matrix></math>",
        '<mjx-container jax="SVG"><svg></svg>' + "<mjx-break></mjx-break><svg><g></g></svg>" * 10_000,
        "<p>" + "log₂∑ᵢ, " * 20_000,
        "<script src=ASCIIMathML.js></script><p>" + "`sum_(" * 20_000,
        '<img src="https://latex.codecogs.com/gif.latex?x" alt="x^2">' * 10_000,
        '<p data-tex="' + "x^2 " * 200_000 + '">',
    ],
)
def test_read_in_time_that_is_in_proportion(html: str) -> None:
    begun = time.process_time()
    extract(html.encode())
    assert time.process_time() - begun < 10  # twenty times what the slowest takes: a square would be far above


def test_any_nesting_of_formula_markup_is_read() -> None:
    chance = random.Random(11)
    parts = (
        "<span class=katex>|<span class=katex-html>|<span class=mord>|<span class=mtable>|<span class=col-align-c>"
        "|<span class=vlist-t>|<span class=vlist style='top:-1em'>|<span style='top:-2.1em'>|<span class=mfrac>|</span>"
        "|<span class=accent>|<span class='delimsizing mult'>|<span class='mop op-limits'>|<span class=msupsub>"
        "|<mjx-container>|<mjx-math>|<mjx-mi class=mjx-i>|<mjx-c class=mjx-c1D465>|<mjx-mfrac>|<mjx-munderover>"
        "|<mjx-script>|<mjx-mtable>|<mjx-mtr>|<mjx-mtd>|</mjx-mtd>|<svg>|<g data-mml-node=math>|<g data-mml-node=mfrac>"
        "|<use data-c=1D465>|<g data-mml-node=mtable>|</svg>|<math>|<mfrac>|<mmultiscripts>|<mprescripts>|<munderover>"
        "|<mtable>|<mtr>|<mtd width='50%'>|<mfenced>|<semantics>|<annotation encoding=application/x-tex>|</annotation>"
        "|<apply>|<plus>|<matrix>|<piecewise>|<interval>|<set>|<bvar>|<ci>|</math>|<span class=MathJax>"
        "|<span class=mjx-chtml>|<span class=mjx-char>|<script type=math/tex>|</script>|<table class=ltx_equation>|<tr>"
        "|<td class=ltx_eqn_eqno>|<i class=eq-number>|\\begin{align}|&amp;|\\\\|\\end{align}|$$|\\(|\\)|{|}"
        "|^|_|'|x|1|(|)"
    ).split("|")
    for _ in range(600):
        html = MATHJAX + "".join(chance.choice(parts) for _ in range(chance.randrange(50)))
        try:
            text = extract(html.encode()).text
        except LimitExceeded:
            continue
        assert not any("\ue000" <= char <= "\ue008" for char in text), html
