import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup import normalise

SAME = [
    ("$x^2$", "$$x^{2}$$"),
    (r"$\dfrac{a}{b}$", r"\(\frac{a}{b}\)"),
    (r"$\left( x \right) \, dx$", r"\[(x)dx\]"),
    (r"$a \le b$", "$a ≤ b$"),
    (r"$\alpha\beta$", "$αβ$"),
    (r"$\mathrm{sin}\;x$", r"$\text{sin} x$"),
    ("Hence, the limit exists!", "hence the **limit** exists"),
    ("# Limits\n\n- one\n- two", "Limits\none two"),
    ("> quoted\n", "quoted"),
    ("x² + y²", "x^2 + y^2"),
    ("H₂O", "H_2O"),
    ("ﬁnite", "finite"),
]
DISTINCT = [
    ("$x^2+3x-4=0$", "$x^2-5x+7=0$"),
    ("$N$", "$n$"),
    ("$a+b$", "$a-b$"),
    ("$x_1$", "$x_2$"),
    ("Add 3 and 4.", "Add 3 and 5."),
    ("3.5", "35"),
    ("10-3", "10 3"),
    ("2 * 3", "2 3"),
    ("x²", "x2"),
    (r"$\frac{1}{23}$", r"$\frac{12}{3}$"),
    ("f < g", "f > g"),
    ("5!", "5"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_content_in_two_renderings_has_one_form(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DISTINCT)
def test_numbers_operators_and_case_in_formulas_are_kept(one, other):
    assert normalise(one) != normalise(other)


def test_the_form_is_exact():
    text = r"## Solve\n- Well-known: $x^{2}+3x-4=0$ and \(\dfrac{1}{2} \le N\) vs **N**.".replace(r"\n", "\n")
    assert normalise(text) == r"solve well known x ^ 2 + 3 x - 4 = 0 and \frac 1 2 \leq N vs n"


def test_escaped_dollars_are_money():
    assert normalise(r"It costs \$5, not \$10.") == "it costs 5 not 10"


@given(st.text(alphabet=st.sampled_from("ax1 $\\{}^_().,-*#\n²é"), max_size=200))
def test_any_text_has_a_form_of_single_spaces(text):
    form = normalise(text)
    assert form == " ".join(form.split())
