"""The guard on rewrites as large models make them: Markdown, LaTeX for plain text, steps, joined and split formulas."""

import pytest

from pipeline.refine import check_rewrite
from support.model_rewrites import CHANGES, PAIRS


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_a_rewrite_in_the_manner_of_a_model_is_accepted(number):
    original, rewrite = PAIRS[number]
    assert check_rewrite(original, rewrite).reasons == []


@pytest.mark.parametrize(("number", "old", "new"), CHANGES)
def test_one_change_to_it_is_caught(number, old, new):
    original, rewrite = PAIRS[number]
    assert old in rewrite
    assert not check_rewrite(original, rewrite.replace(old, new, 1)).accept
