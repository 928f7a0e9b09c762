"""Parts of a long document: lossless, in order, and never cut inside what belongs together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refine.split import join, split


def count(text: str) -> int:
    return len(text.split())


def test_a_short_text_is_one_piece():
    (piece,) = split("# A\n\nOne two.\n", 10, count)
    assert (piece.text, piece.heading_path, piece.oversized) == ("# A\n\nOne two.\n", (), False)


def test_pieces_carry_the_headings_above_them():
    text = (
        "# A\n\none two three\n\n## B\n\nfour five six\n\n"
        "## C\n\nseven eight nine\n\nten eleven twelve\n\n# D\n\nlast\n"
    )
    assert [(piece.text.strip(), piece.heading_path) for piece in split(text, 5, count)] == [
        ("# A\n\none two three", ()),
        ("## B\n\nfour five six", ("A",)),
        ("## C\n\nseven eight nine", ("A",)),
        ("ten eleven twelve", ("A", "C")),
        ("# D\n\nlast", ()),
    ]


@pytest.mark.parametrize(
    "block",
    [
        "```python\n# no heading\n\nx = 1\n```",
        "~~~\n\n```\n\n~~~",
        "$$\na\n\n= b\n$$",
        "\\[\na\n\n\\]",
        "\\begin{align}\na &= b \\\\\n\n&= c\n\\end{align}",
        "| a | b |\n| --- | --- |\n| c | d |",
    ],
)
def test_what_belongs_together_stays_together(block):
    text = f"one two three\n\n{block}\n\nfour five six\n"
    pieces = split(text, 3, count)
    assert [piece.text.strip() for piece in pieces] == ["one two three", block, "four five six"]
    assert [piece.oversized for piece in pieces] == [False, count(block) > 3, False]


def test_a_part_ends_before_a_heading_when_it_is_half_full():
    text = "one two three four\n\n## B\n\nfive\n\nsix seven eight nine\n"
    assert [piece.text.strip() for piece in split(text, 8, count)] == [
        "one two three four",
        "## B\n\nfive\n\nsix seven eight nine",
    ]


def test_a_display_that_is_never_closed_does_not_hold_the_rest():
    text = "$$ open\n\n" + "".join(f"line {i}\n\n" for i in range(300))
    assert len(split(text, 20, count)) > 20


def test_rewritten_parts_are_joined_by_a_blank_line():
    assert join(["A.", "", "B.\n\n", "C."]) == "A.\n\nB.\n\nC."


def test_a_budget_below_one_is_refused():
    with pytest.raises(ValueError, match="budget_tokens 0"):
        split("a", 0, count)


LINES = st.sampled_from(
    [
        "word",
        "two words",
        "# H",
        "## H2",
        "",
        " ",
        "```",
        "~~~",
        "$$",
        "\\[",
        "\\]",
        "\\begin{align}",
        "\\end{align}",
        "| a |",
        "- x",
        "\x0b",
        "\r",
    ]
)


@given(st.lists(LINES, max_size=40), st.integers(1, 12), st.booleans())
def test_unchanged_pieces_give_the_text_again(lines, budget, ends):
    text = "\n".join(lines) + ("\n" if ends else "")
    pieces = split(text, budget, count)
    assert join([piece.text for piece in pieces]) == text
    assert all(piece.oversized == (count(piece.text) > budget) for piece in pieces)
