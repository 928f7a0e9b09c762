"""MathML, presentation and content, to LaTeX."""

import pytest

from pipeline.extract.formulas.dom import Budget, TooLarge, read_string
from pipeline.extract.formulas.mathml import to_tex


def tex_of(inner: str) -> str:
    math = read_string(f"<math>{inner}</math>", Budget(10_000, 100))
    assert math is not None
    return to_tex(math)


@pytest.mark.parametrize(
    ("inner", "tex"),
    [
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>", "\\sin x"),
        ("<mi>&alpha;</mi><mi>x</mi>", "\\alpha x"),
        ('<mi mathvariant="double-struck">R</mi><mi mathvariant="bold">v</mi>', "\\mathbb{R}\\mathbf{v}"),
        ("<mi>𝒜</mi><mi>𝐱</mi><mi>𝑦</mi>", "\\mathcal{A}\\mathbf{x}y"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<msubsup><mi>x</mi><mi>i</mi><mo>′</mo></msubsup>", "x'_i"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "{a+b}^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "(a)^2"),
        ('<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>', "{n \\atop k}"),
        ('<mo>(</mo><mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>', "\\binom{n}{k}"),
        ('<mfrac bevelled="true"><mi>a</mi><mi>b</mi></mfrac>', "a/b"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "\\sqrt[3]{x}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>", "\\sum_i^n"),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder>", "\\lim_{x\\rightarrow0}"),
        ("<munder><mtext>argmin</mtext><mi>x</mi></munder>", "\\operatorname*{argmin}_x"),
        ('<mover accent="true"><mi>x</mi><mo>^</mo></mover>', "\\hat{x}"),
        ("<mover><mrow><mi>a</mi><mi>b</mi></mrow><mo>¯</mo></mover>", "\\overline{ab}"),
        ("<mover><mo>=</mo><mtext>def</mtext></mover>", "\\overset{\\text{def}}{=}"),
        ("<munder><mi>x</mi><mo>⏟</mo></munder>", "\\underbrace{x}"),
        ("<mover><mo>→</mo><mi>f</mi></mover>", "\\xrightarrow{f}"),
        ('<mfenced open="[" close=")"><mi>a</mi><mi>b</mi></mfenced>', "[a,b)"),
        ("<mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo>", "\\left(\\frac{a}{b}\\right)"),
        ('<mo stretchy="false">(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo>', "(\\frac{a}{b})"),
        (
            "<mmultiscripts><mi>X</mi><mi>c</mi><mi>d</mi><mprescripts/><mi>a</mi><mi>b</mi></mmultiscripts>",
            "{}_a^bX_c^d",
        ),
        (
            "<mo>|</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr></mtable><mo>|</mo>",
            "\\begin{vmatrix}a & b\\end{vmatrix}",
        ),
        (
            "<mo>{</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd></mtr></mtable>",
            "\\begin{cases}1 \\\\ 0\\end{cases}",
        ),
        (
            "<mtable><mlabeledtr><mtd><mtext>(1)</mtext></mtd><mtd><mi>a</mi></mtd></mlabeledtr></mtable>",
            "a",
        ),
        ("<mtext>if&nbsp;</mtext><mi>x</mi>", "\\text{if }x"),
        ('<mi>a</mi><mspace width="1em"/><mi>b</mi>', "a\\quad b"),
        ('<menclose notation="box"><mi>x</mi></menclose>', "\\boxed{x}"),
        ("<mphantom><mi>x</mi></mphantom><mi>y</mi>", "y"),
        ("<semantics><mi>x</mi><annotation>no</annotation></semantics>", "x"),
    ],
)
def test_presentation(inner: str, tex: str) -> None:
    assert tex_of(inner) == tex


@pytest.mark.parametrize(
    ("inner", "tex"),
    [
        ("<apply><plus/><ci>a</ci><cn>1</cn></apply>", "a + 1"),
        ("<apply><power/><apply><plus/><ci>a</ci><ci>b</ci></apply><cn>2</cn></apply>", "\\left(a + b\\right)^{2}"),
        ("<apply><eq/><ci>y</ci><apply><divide/><cn>1</cn><ci>x</ci></apply></apply>", "y = \\frac{1}{x}"),
        ("<apply><sin/><ci>x</ci></apply>", "\\sin x"),
        (
            "<apply><int/><bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit><uplimit><cn>1</cn></uplimit><ci>x</ci></apply>",
            "\\int_{0}^{1}x\\,dx",
        ),
        ('<cn type="rational">1<sep/>2</cn>', "\\frac{1}{2}"),
        ("<apply><root/><ci>x</ci></apply>", "\\sqrt{x}"),
        ("<apply><ci>f</ci><ci>x</ci></apply>", "f(x)"),
    ],
)
def test_content(inner: str, tex: str) -> None:
    assert tex_of(inner) == tex


def test_too_deep_or_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_string("<math>" + "<mrow>" * 200 + "x", Budget(10_000, 100))
    with pytest.raises(TooLarge):
        read_string("<math>" + "<mi>x</mi>" * 200, Budget(100, 100))
