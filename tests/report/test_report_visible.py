"""What cannot be seen is made visible; formulas and code stand apart."""

import pytest

from pipeline.report.visible import Piece, excerpt, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain <b>é 数 ∑</b>", "plain <b>é 数 ∑</b>"),
        ("a\u202eb", "a⟦202E⟧b"),
        ("a\u2066b\u2069", "a⟦2066⟧b⟦2069⟧"),
        ("zero\u200bwidth\ufeff", "zero⟦200B⟧width⟦FEFF⟧"),
        ("\x00\x1b[0m\x7f\x85", "␀␛[0m␡⟦0085⟧"),
        ("two\nlines\tand\r", "two␊lines␉and␍"),
        ("\u2028\U000e0041\ufffe", "⟦2028⟧⟦E0041⟧⟦FFFE⟧"),
        (None, ""),
    ],
)
def test_a_line_shows_every_character(text: str | None, shown: str) -> None:
    assert visible(text, 100) == shown


def test_a_line_is_bounded_after_its_characters_are_shown() -> None:
    assert visible("x" * 100_000, 10) == "xxxxxxxxx…"
    assert visible("x" * 10, 10) == "x" * 10
    assert len(visible("\u202e" * 100_000, 50)) == 50


def test_formulas_and_code_are_pieces() -> None:
    text = "Let $x<1$ cost \\$5.\n\n$$\na\\$b\n$$\n```py\nprint('$y$')\n```\nend $z$"
    assert excerpt(text, 1000).pieces == (
        Piece("prose", "Let "),
        Piece("inline", "$x<1$"),
        Piece("prose", " cost \\$5.\n\n"),
        Piece("display", "$$\na\\$b\n$$"),
        Piece("prose", "\n"),
        Piece("code", "```py\nprint('$y$')\n```"),
        Piece("prose", "\nend "),
        Piece("inline", "$z$"),
    )


def test_an_inline_formula_spans_no_blank_line() -> None:
    text = "five $ here\n\nand six $ there"
    assert excerpt(text, 1000).pieces == (Piece("prose", text),)


@pytest.mark.parametrize("text", ["$$" * 3000, "$" * 5999, "$x" * 3000, "```\n" * 1500, "\\$" * 3000, "$$a$" * 1500])
def test_pieces_join_to_the_text_whatever_it_is(text: str) -> None:
    assert "".join(piece.text for piece in excerpt(text, 10_000).pieces) == text


def test_an_excerpt_is_bounded_as_shown() -> None:
    cut = excerpt("ab" * 3000, 4000)
    assert (cut.pieces, cut.whole) == ((Piece("prose", "ab" * 2000),), False)
    assert excerpt("a" * 4000, 4000).whole
    bidi = excerpt("\u202e" * 4000, 4000)
    assert sum(len(piece.text) for piece in bidi.pieces) == 4000
    assert not bidi.whole
