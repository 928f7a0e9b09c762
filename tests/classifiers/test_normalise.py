import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.normalise import HEAD_CHARS, MAX_WORD_CHARS, MIDDLE_CHARS, excerpt, normalise


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Solve $x^2 + 3x = 4$ now", "solve mathopen x ^ 0 + 0 x = 0 mathclose now"),
        ("It costs $5 and $10.", "costs $ 0 $ 00"),
        ("from $5/$10 to $20", "$ 0 / $ 00 $ 00"),
        ("$$\\frac{1}{2}$$", "mathdisplay \\frac 0 0 mathdisplay"),
        ("\\(a\\) \\[b\\]", "\\( \\) \\[ b \\]"),
        ("1,250.75 people in 1999", "0,000.00 people 0000"),
        ("12345678901", "00000000 000"),
        ("x² ≤ 4 ∈ ℝ", "x ^ 0 ≤ 0 ∈ r"),
        ("0xDEADBEEF 1f9840a85d5af5bf", "hextoken hextoken"),
        ("see https://a.org/x?y=1 or www.b.com", "see urltoken urltoken"),
        ("# Title\n> quote\n* item\n| a | b |\n`code`", "title quote item b code"),
        ("a > b * c", "> b * c"),
        ("line\nbreak\r\n\ttab\0nul", "line break tab nul"),
        ("__label__math is text", "_ _ label _ _ math text"),
        ("ﬁne Ｗｉｄｅ", "fine wide"),
        ("é" * (MAX_WORD_CHARS + 1) + " ok", "ok"),
        ("\ud800 lone", "lone"),
        ("", ""),
        ("the of and ...", ""),
    ],
)
def test_tokens(text: str, tokens: str) -> None:
    assert normalise(text) == tokens


@given(st.text(alphabet=st.characters(), max_size=400))
def test_output_is_one_clean_line(text: str) -> None:
    tokens = normalise(text)
    assert tokens == " ".join(tokens.split(" "))
    assert not re.search(r"[\n\r\t\x00]|__label__", tokens)


def test_a_long_page_is_read_at_its_head_and_its_middle() -> None:
    text = "a" * HEAD_CHARS + "b" * 50_000 + "c" * 50_000 + "d" * 50_000
    part = excerpt(text)
    assert len(part) == HEAD_CHARS + 1 + MIDDLE_CHARS
    assert part.startswith("a" * HEAD_CHARS + "\n")
    assert set(part[HEAD_CHARS + 1 :]) == {"c"}
    assert excerpt("x" * (HEAD_CHARS + MIDDLE_CHARS)) == "x" * (HEAD_CHARS + MIDDLE_CHARS)


@pytest.mark.parametrize("unit", ["$", "$a ", "a", "0", "f0", "\\", "`", "1,", "^", "$a$", "www.", "\u0301"])
def test_hostile_repetition_is_linear(unit: str) -> None:
    begin = time.process_time()
    normalise(unit * 1_000_000)
    assert time.process_time() - begin < 2  # quadratic behaviour takes minutes
