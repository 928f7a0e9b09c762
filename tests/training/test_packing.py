"""Packing keeps every token, fills every sequence, and cuts few documents."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.packing import pack


def segments(lengths, length, packing):
    """(document, offset, tokens) of each sequence."""
    packed = pack(np.array(lengths, np.int64), length, packing, "key")
    rows = list(zip(packed.document.tolist(), packed.offset.tolist(), packed.tokens.tolist(), strict=True))
    bounds = packed.bounds.tolist()
    return [rows[a:b] for a, b in pairwise(bounds)]


def test_concatenation_exact():
    assert segments([3, 4, 9, 2], 5, "concatenate") == [
        [(0, 0, 3), (1, 0, 2)],
        [(1, 2, 2), (2, 0, 3)],
        [(2, 3, 5)],
    ]


def test_best_fit_exact():
    """23 tokens, so four sequences of 5: 13 fills two, its rest and the others fit, one document fills the hole."""
    found = segments([13, 4, 1, 2, 3], 5, "best_fit")
    assert sorted(found) == [
        [(0, 0, 5)],
        [(0, 5, 5)],
        [(0, 10, 3), (3, 0, 2)],
        [(1, 0, 4), (2, 0, 1)],
    ]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 70), max_size=60), st.integers(2, 40), st.sampled_from(["best_fit", "concatenate"]))
def test_tokens_are_conserved(lengths, length, packing):
    found = segments(lengths, length, packing)
    assert len(found) == sum(lengths) // length
    assert all(sum(tokens for *_, tokens in row) == length for row in found)
    pieces = sorted(piece for row in found for piece in row)
    for (document, offset, tokens), (next_document, next_offset, _) in pairwise(pieces):
        assert document < next_document or offset + tokens <= next_offset, "a token is laid twice"
    assert all(offset + tokens <= lengths[document] for document, offset, tokens in pieces)
    assert sum(lengths) - sum(tokens for *_, tokens in pieces) < length
    for row in found:
        assert all(offset + tokens == lengths[document] for document, offset, tokens in row[:-1]), "cut inside a row"


def test_best_fit_cuts_an_eighth_of_what_concatenation_cuts():
    rng = np.random.default_rng(5)
    lengths = np.maximum(1, rng.lognormal(np.log(1000) - 0.5, 1, 20_000)).astype(np.int64)

    def cut(packing):
        packed = pack(lengths, 8192, packing, "key")
        goes_on = packed.offset + packed.tokens < lengths[packed.document]
        return int(np.count_nonzero(goes_on & (lengths[packed.document] <= 8192)))

    assert cut("best_fit") * 8 < cut("concatenate")


@pytest.mark.parametrize("packing", ["best_fit", "concatenate"])
def test_nothing_to_pack(packing):
    assert segments([], 5, packing) == []
    assert segments([2, 2], 5, packing) == []
