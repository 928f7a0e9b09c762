"""The order of documents is a bijection, keyed, and spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.order import Permutation


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5000), st.text(max_size=8))
def test_every_ordinal_comes_once(n, key):
    assert np.array_equal(np.sort(Permutation(n, key)(np.arange(n))), np.arange(n))


def test_exact_values():
    assert Permutation(10, "0:key:0")(np.arange(10)).tolist() == [6, 1, 8, 5, 0, 9, 7, 4, 2, 3]


@pytest.mark.parametrize("n", [2**31, 10**12])
def test_large_ranges_stay_inside_without_collisions(n):
    values = Permutation(n, "k")(np.arange(n - 100_000, n))
    assert values.min() >= 0
    assert values.max() < n
    assert len(np.unique(values)) == 100_000


def test_any_position_alone_gives_the_same():
    permutation = Permutation(1000, "k")
    whole = permutation(np.arange(1000))
    assert [int(permutation(np.array([i]))[0]) for i in range(0, 1000, 37)] == whole[::37].tolist()


def test_keys_give_unrelated_orders():
    one, other = (Permutation(100_000, key)(np.arange(100_000)) for key in ("a", "b"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert np.count_nonzero(one == other) < 12


def test_a_part_of_the_positions_is_spread_evenly():
    """Chi-square of the first tenth over 100 cells: mean 99, standard deviation 14; neighbours are unrelated."""
    values = Permutation(1_000_000, "spread")(np.arange(100_000))
    cells = np.bincount(values // 10_000, minlength=100)
    assert ((cells - 1000) ** 2 / 1000).sum() < 99 + 5 * 14
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02
