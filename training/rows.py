"""What one forward pass receives: rows of tokens laid end to end, and the bounds of the documents in them.

The trainer knows rows, labels and weights, and no algorithm: a loss is Σ weight × term over a step's rows, divided by a
denominator that is global to the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.loss import IGNORE


@dataclass(frozen=True)
class Rows:
    """Rows of one micro-batch, end to end."""

    input_ids: Tensor
    """[tokens] int64."""
    position_ids: Tensor
    """[tokens] int64, from 0 in each document."""
    labels: Tensor
    """[tokens] int64: the token that follows; `IGNORE` where it is not trained on."""
    cu_seqlens: Tensor
    """[documents + 1] int32: where documents begin, and the end."""
    max_seqlen: int
    """Tokens of a row: no document is longer."""
    weights: Tensor | None = None
    """[tokens] weights of the losses; None: all 1."""

    @property
    def num_trained(self) -> int:
        """Labels that count."""
        return int((self.labels != IGNORE).sum())


def make_rows(
    tokens: np.ndarray, loss_mask: np.ndarray, bounds: Sequence[np.ndarray], device: torch.device | str = "cpu"
) -> Rows:
    """Rows from sequences.

    Args:
        tokens: [rows, length + 1] int64.
        loss_mask: [rows, length] bool: whether the label at a position is trained on.
        bounds: per row, int32 [documents + 1] from 0 to length.
        device: where the tensors go.
    """
    num_rows, length = loss_mask.shape
    labels = np.where(loss_mask, tokens[:, 1:], IGNORE)
    starts = [bound[:-1].astype(np.int64) + row * length for row, bound in enumerate(bounds)]
    edges = np.concatenate([*starts, [num_rows * length]])
    positions = np.arange(num_rows * length) - np.repeat(edges[:-1], np.diff(edges))

    def tensor(values: np.ndarray) -> Tensor:
        made = torch.from_numpy(np.ascontiguousarray(values))
        return made.pin_memory().to(device, non_blocking=True) if torch.device(device).type == "cuda" else made

    return Rows(
        input_ids=tensor(tokens[:, :-1].reshape(-1)),
        position_ids=tensor(positions),
        labels=tensor(labels.reshape(-1)),
        cu_seqlens=tensor(edges.astype(np.int32)),
        max_seqlen=length,
    )
