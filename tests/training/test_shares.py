"""Shares of components: within one sequence of the weights, at every count."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.shares import Shares


def shares(*weights: str) -> Shares:
    return Shares(tuple(map(Fraction, weights)))


def test_exact_values():
    assert shares("0.5", "0.25", "0.25").components(0, 8).tolist() == [0, 1, 2, 0, 0, 1, 2, 0]
    assert shares("1").components(5, 3).tolist() == [0, 0, 0]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_every_count_is_within_one_of_its_weight(parts):
    total = sum(parts)
    schedule = Shares(tuple(Fraction(part, total) for part in parts))
    counts = np.zeros((3 * total + 1, len(parts)), np.int64)
    drawn = schedule.components(0, 3 * total)
    np.cumsum(drawn[:, None] == np.arange(len(parts)), axis=0, out=counts[1:])
    ideal = np.arange(3 * total + 1)[:, None] * np.array(parts)  # times total
    assert (np.abs(counts * total - ideal) < total).all()
    assert all(np.array_equal(schedule.counts(n), counts[n]) for n in range(0, 3 * total + 1, 7))


def test_any_range_is_a_part_of_the_whole():
    schedule = shares("0.725", "0.1", "0.1", "0.05", "0.0125", "0.0125")
    whole = schedule.components(0, 1000)
    assert np.array_equal(schedule.components(777, 123), whole[777:900])
    far = 10**12
    assert schedule.counts(far).tolist() == [725 * 10**9, 10**11, 10**11, 50 * 10**9, 125 * 10**8, 125 * 10**8]


def test_too_fine_weights_are_refused():
    with pytest.raises(ValueError, match=r"common denominator 1000000, above 100000; write fewer decimals"):
        shares("0.123457", "0.876543")
