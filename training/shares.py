"""Which component a sequence is drawn from: shares kept as closely as whole sequences allow.

After any number n of sequences, |count − weight × n| < 1 for every component at once: Tijdeman's rule for the chairman
assignment problem (Discrete Mathematics 32, 1980), whose bound is 1 − 1/(2K − 2) for K components. Weights are
fractions of a common denominator, so the schedule repeats with that period and is a table.
"""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

MAX_PERIOD = 100_000
"""Largest common denominator of the weights: five decimals."""

Counts = npt.NDArray[np.int64]


class Shares:
    """The schedule of K components."""

    def __init__(self, weights: tuple[Fraction, ...]) -> None:
        """Positive weights that sum to 1.

        Raises:
            ValueError: their common denominator is above `MAX_PERIOD`.
        """
        assert sum(weights) == 1
        assert min(weights) > 0
        self.period = math.lcm(*(weight.denominator for weight in weights))
        if self.period > MAX_PERIOD:
            raise ValueError(
                f"the weights have the common denominator {self.period}, above {MAX_PERIOD}; write fewer decimals"
            )
        parts = [int(weight * self.period) for weight in weights]
        self._component = np.array(_schedule(parts, self.period), np.int32)
        self._before = np.zeros((self.period + 1, len(parts)), np.int64)
        np.cumsum(self._component[:, None] == np.arange(len(parts)), axis=0, out=self._before[1:])

    def components(self, first: int, count: int) -> npt.NDArray[np.int32]:
        """The component of each of the sequences first..first+count-1."""
        return self._component[np.arange(first, first + count) % self.period]

    def counts(self, sequences: int) -> Counts:
        """How many of the first `sequences` belong to each component, int64 [K]."""
        periods, rest = divmod(sequences, self.period)
        counts: Counts = periods * self._before[-1] + self._before[rest]
        return counts


def _schedule(parts: list[int], period: int) -> list[int]:
    """One period: at each place, of the components that lag by 1/(2K − 2) or more, the one due first."""
    components = range(len(parts))
    if len(parts) == 1:
        return [0] * period
    slack = 2 * len(parts) - 2
    scale = math.lcm(*parts)
    lag = [0] * len(parts)  # period × (n × weight − count)
    chosen = []
    for _ in range(period):
        for i in components:
            lag[i] += parts[i]
        due = [i for i in components if lag[i] * slack >= period]
        best = min(due, key=lambda i: ((period * (slack - 1) - lag[i] * slack) * (scale // parts[i]), i))
        lag[best] -= period
        chosen.append(best)
    assert not any(lag)
    return chosen
