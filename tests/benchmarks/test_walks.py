"""The synthetic language of the RPT experiment: lines that are right, words that the tokenizer knows."""

import random

from benchmarks.walks import CHARACTERS, SHOWN_LINES, TITLE, Walk, document, permutations


def test_the_last_digit_is_where_the_letters_lead() -> None:
    table = permutations()
    assert all(sorted(table[letter]) == list("0123456789") for letter in "pqrs")
    walk = Walk("from", "6", "pqs")
    first = table["p"][6]
    second = table["q"][int(first)]
    third = table["s"][int(second)]
    assert walk.line() == f"from 6 by pqs to {third}.\n"
    assert walk.line(shown=True) == f"from 6 by pqs to ({first}{second}{third}) {third}.\n"


def test_texts_with_a_title_show_most_lines_and_others_none() -> None:
    rng = random.Random(0)
    plain = [document(rng, 3, 6) for _ in range(200)]
    titled = [document(rng, 3, 6, titled=True) for _ in range(200)]
    assert not any("(" in text or TITLE in text for text in plain)
    assert all(text.startswith(TITLE) for text in titled)
    shown = [line for text in titled for line in text.splitlines() if "(" in line]
    assert abs(len(shown) / 600 - SHOWN_LINES) < 0.06  # three standard deviations
    assert set("".join(plain + titled)) <= set(CHARACTERS)
    assert document(random.Random(1), 3, 6) == document(random.Random(1), 3, 6)
