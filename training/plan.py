"""The plan of a component: how many sequences the windows of each pass give.

Only cumulative counts per window are kept. They follow from the order digest, so they are a cache: a missing file is
computed again, to equal values.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.order import Permutation

_CHUNK = 1 << 17
"""Documents that are looked up at a time: their arrays stay in the processor's cache."""

Ints = npt.NDArray[np.int64]


class Lengths(Protocol):
    """Tokens of documents by ordinal."""

    documents: int

    def lengths(self, ordinals: Ints) -> Ints:
        """Tokens of the documents `ordinals`."""
        ...


@dataclass(frozen=True)
class Pass:
    """One visit of every document of a component.

    `sequences[w]` and `tokens[w]` count what the windows before w hold: int64 [windows + 1]. A window of t tokens gives
    t // length sequences and drops the rest.
    """

    permutation: Permutation
    sequences: Ints
    tokens: Ints

    @property
    def total(self) -> int:
        """Sequences of the whole pass."""
        return int(self.sequences[-1])

    def dropped(self, sequences: int, length: int) -> int:
        """Tokens dropped by the windows that end within the first `sequences` of the pass."""
        window = int(np.searchsorted(self.sequences, sequences, side="right")) - 1 if sequences else 0
        return int(self.tokens[window]) - length * int(self.sequences[window])


def plan_pass(component: Lengths, permutation: Permutation, window: int, length: int, cached: Path) -> Pass:
    """The pass that visits documents in the order of `permutation`: read from `cached`, or computed and stored."""
    windows = -(-component.documents // window)
    if cached.exists():
        stored = np.load(cached, allow_pickle=False)
        if stored.shape == (2, windows + 1) and stored.dtype == np.int64:
            return Pass(permutation, *stored)
    tokens = np.zeros(windows + 1, np.int64)
    step = max(1, _CHUNK // window)
    for first in range(0, windows, step):
        last = min(first + step, windows)
        positions = np.arange(first * window, min(last * window, component.documents))
        lengths = component.lengths(permutation(positions))
        tokens[first + 1 : last + 1] = np.add.reduceat(lengths, np.arange(0, len(lengths), window))
    sequences = np.zeros_like(tokens)
    np.cumsum(tokens[1:] // length, out=sequences[1:])
    np.cumsum(tokens, out=tokens)
    _store(cached, np.stack([sequences, tokens]))
    return Pass(permutation, sequences, tokens)


def cache_folder() -> Path:
    """Where plans and the record of verified shards are kept: $MATHMILL_CACHE, else the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("MATHMILL_CACHE", user / "mathmill"))


def _store(path: Path, values: Ints) -> None:
    from pipeline.files import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, values, allow_pickle=False)
