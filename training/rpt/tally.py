"""What a run of positions comes to: counts, sums and histograms, which add up over parts."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from pipeline.frozen import Frozen
from training.rpt.positions import BIN, Floats, Histogram, PositionTotals


class Tally(Frozen):
    """Sums over the positions of a part, in float64."""

    documents: int
    tokens: int
    positions: int
    stored: int
    correct: int
    entropy: float
    full_entropy: float
    logprob: float
    entropies: tuple[int, ...]
    """Positions by bin of `BIN` nats."""
    full_entropies: tuple[int, ...]

    @classmethod
    def of(cls, documents: int, tokens: int, stored: int, figures: Floats) -> Self:
        """Of a part's `figures`, [positions, 4] in the columns of `EntropyModel`."""
        entropy, full, logprob, correct = figures.astype(np.float64).T
        return cls(
            documents=documents,
            tokens=tokens,
            positions=len(figures),
            stored=stored,
            correct=int(correct.sum()),
            entropy=float(entropy.sum()),
            full_entropy=float(full.sum()),
            logprob=float(logprob.sum()),
            entropies=_binned(entropy),
            full_entropies=_binned(full),
        )


def totals(tallies: Sequence[Tally]) -> PositionTotals:
    """Over all parts, in their order."""
    positions = sum(tally.positions for tally in tallies)

    def mean(values: Sequence[float]) -> float:
        return sum(values) / max(positions, 1)

    return PositionTotals(
        documents=sum(tally.documents for tally in tallies),
        tokens=sum(tally.tokens for tally in tallies),
        positions=positions,
        stored=sum(tally.stored for tally in tallies),
        correct=sum(tally.correct for tally in tallies),
        mean_entropy=mean([tally.entropy for tally in tallies]),
        mean_full_entropy=mean([tally.full_entropy for tally in tallies]),
        loss=mean([-tally.logprob for tally in tallies]),
    )


def histogram(counts: Sequence[tuple[int, ...]]) -> Histogram:
    """Parts' bins, added up."""
    added = np.zeros(max(map(len, counts), default=0), np.int64)
    for part in counts:
        added[: len(part)] += np.array(part, np.int64)  # an empty one would be of floats
    return Histogram(width=BIN, counts=tuple(added.tolist()))


def _binned(entropies: np.ndarray) -> tuple[int, ...]:
    # A division by 0.01 is off where a multiplication by 100 is not: 0.07 / 0.01 is just above 7, 0.29 / 0.01 below 29.
    return tuple(np.bincount(np.floor(entropies * round(1 / BIN)).astype(np.int64)).tolist())
