"""The order of documents: a keyed bijection of their ordinals, computed and not stored.

A Feistel network over Z_a × Z_b with a·b just above n, its round functions tables of a and b hashed numbers; the few
values that land at n or above go round again (cycle walking). Equal keys give equal orders on every machine.
"""

import hashlib
import math

import numpy as np
import numpy.typing as npt

_ROUNDS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Ordinals = npt.NDArray[np.int64]


class Permutation:
    """A bijection of 0..n-1 for each `key`, evaluated at any position."""

    def __init__(self, n: int, key: str) -> None:
        """`n` at least 1 and below 2^62."""
        assert 1 <= n < 1 << 62
        self.n = n
        self._rows = math.isqrt(n - 1) + 1
        self._columns = -(-n // self._rows)
        seeds = np.frombuffer(hashlib.blake2b(key.encode(), digest_size=16 * _ROUNDS).digest(), np.uint64)
        sizes = (self._rows, self._columns) * _ROUNDS
        inputs = (self._columns, self._rows) * _ROUNDS
        self._tables = [_table(seed, domain, size) for seed, domain, size in zip(seeds, inputs, sizes, strict=True)]

    def __call__(self, positions: npt.ArrayLike) -> Ordinals:
        """The ordinals (int64) at `positions`, each in 0..n-1."""
        values = self._once(np.asarray(positions, np.int64))
        while (outside := np.flatnonzero(values >= self.n)).size:
            values[outside] = self._once(values[outside])
        return values

    def _once(self, values: Ordinals) -> Ordinals:
        quotient = values // self._columns
        row, column = quotient.astype(np.uint32), (values - quotient * self._columns).astype(np.uint32)
        for step in range(0, 2 * _ROUNDS, 2):
            row = _add(row, self._tables[step][column], self._rows)
            column = _add(column, self._tables[step + 1][row], self._columns)
        return row.astype(np.int64) * self._columns + column


def _table(seed: np.uint64, domain: int, size: int) -> npt.NDArray[np.uint32]:
    """A number below `size` for each of 0..domain-1: SplitMix64 from `seed`, its upper 32 bits scaled to `size`."""
    with np.errstate(over="ignore"):
        z = seed + np.arange(1, domain + 1, dtype=np.uint64) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
    z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
    return ((z * np.uint64(size)) >> np.uint64(32)).astype(np.uint32)


def _add(values: npt.NDArray[np.uint32], more: npt.NDArray[np.uint32], modulus: int) -> npt.NDArray[np.uint32]:
    """(values + more) mod modulus, both below it."""
    total = values + more
    # Below the modulus the difference wraps to a number far above it.
    reduced: npt.NDArray[np.uint32] = np.minimum(total, total - np.uint32(modulus))
    return reduced
