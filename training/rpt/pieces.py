"""Documents as pieces that fit a model's context, and pieces as micro-batches: the same ones on any number of ranks.

A document longer than the context is read in windows that begin half a context apart, and a position is scored in the
first window that reaches it. So every position sees at least half a context before it, or the whole of its document's
beginning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.documents import Bools, Ints
from training.loss import IGNORE
from training.rows import Rows


@dataclass(frozen=True)
class Piece:
    """Inputs `tokens` of a document from `start` on; `labels` is the token behind each, `IGNORE` where not scored."""

    document: int
    start: int
    tokens: Ints
    labels: Ints

    @property
    def offsets(self) -> Ints:
        """Offsets of the scored positions."""
        return np.flatnonzero(self.labels != IGNORE) + self.start + 1


def windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """The windows of `length` inputs: the first, the one behind the last, and the first that this window scores.

    Args:
        length: inputs; the last one is asked for what follows.
        context: most inputs of a window, at least 2.
    """
    first = scored = 0
    while scored < length:
        end = min(first + context, length)
        yield first, end, scored
        first, scored = first + _hop(context), end


def window_start(offset: int, context: int) -> int:
    """First token of the window that scores the position at `offset`."""
    beyond = offset - context
    return 0 if beyond <= 0 else -(-beyond // _hop(context)) * _hop(context)


def _hop(context: int) -> int:
    return (context + 1) // 2


def pieces(document: int, tokens: Ints, targets: Bools, context: int) -> Iterator[Piece]:
    """A document's windows, up to its last target.

    Args:
        document: ordinal.
        tokens: [n] ids.
        targets: [n] which tokens are asked for; not the first.
        context: as above.
    """
    wanted = np.flatnonzero(targets)
    if not len(wanted):
        return
    labels = np.where(targets, tokens, IGNORE)[1:]
    for first, end, scored in windows(int(wanted[-1]), context):
        here = labels[first:end].copy()
        here[: scored - first] = IGNORE
        yield Piece(document, first, tokens[first:end], here)


def batches(found: Iterator[Piece], max_tokens: int) -> Iterator[list[Piece]]:
    """Pieces in micro-batches of at most `max_tokens`, in order; a longer piece has one of its own."""
    batch: list[Piece] = []
    used = 0
    for piece in found:
        if batch and used + len(piece.tokens) > max_tokens:
            yield batch
            batch, used = [], 0
        batch.append(piece)
        used += len(piece.tokens)
    if batch:
        yield batch


def piece_rows(batch: Sequence[Piece], device: torch.device) -> Rows:
    """A micro-batch; of no pieces one that fills up: a token without a label."""
    nothing = Piece(0, 0, np.zeros(1, np.int64), np.full(1, IGNORE))
    batch = batch or [nothing]
    lengths = np.array([len(piece.tokens) for piece in batch])
    edges = np.concatenate([[0], np.cumsum(lengths)])
    positions = np.arange(edges[-1]) - np.repeat(edges[:-1], lengths)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(device)

    return Rows(
        input_ids=tensor(np.concatenate([piece.tokens for piece in batch])),
        position_ids=tensor(positions),
        labels=tensor(np.concatenate([piece.labels for piece in batch])),
        cu_seqlens=tensor(edges.astype(np.int32)),
        max_seqlen=int(lengths.max()),
    )
