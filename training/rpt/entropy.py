"""How sure a proxy model is of the next token, at every position of packed documents, at the speed of the loss.

RPT keeps positions whose next-token distribution has a high entropy over the proxy's 16 likeliest tokens (arXiv
2506.08007, section 3.2). The paper states neither the base of the logarithm nor whether the 16 are renormalised: here
they are, in nats, so that the entropy is at most log 16. The full-vocabulary entropy stands beside it.

The 16 largest of a vocabulary are found without sorting it: of k groups the 16 with the largest maxima hold them, for
whatever lies outside is below 16 others.
"""

import math

import numpy as np
import torch
from torch import Tensor

from training.loss import IGNORE, chunk_rows
from training.model import LossModel
from training.rows import Rows

TOP = 16
"""Likeliest tokens that the entropy of a position is over."""
COLUMNS = ("entropy", "full_entropy", "logprob", "correct")
"""What `EntropyModel` gives of a position, in this order."""
_WHOLE = 1 << 10
"""A vocabulary up to this size is searched in one piece."""


class EntropyModel(LossModel):
    """The root: rows in, figures of their labelled positions out; inside the forward, so that any sharding will do."""

    def forward(self, rows: Rows, guesses: int = 0) -> Tensor:
        """`COLUMNS` of every position with a label, [labels, 4]: float64 for float64, else float32.

        `entropy` is over the renormalised `TOP` likeliest tokens, `full_entropy` over all, both in nats; `logprob` is
        that of the label; `correct` is 1 where the likeliest token (of equal ones the lowest id) is the label.

        With `guesses`, probabilities and ids of so many likeliest tokens instead, [labels, guesses, 2].
        """
        hidden = self.hidden(rows)
        places = (rows.labels != IGNORE).nonzero()[:, 0]
        hidden, labels = hidden[places], rows.labels[places]
        head = self.model.get_output_embeddings().weight
        if guesses:
            logits = hidden @ head.T
            wide = logits if logits.dtype == torch.float64 else logits.float()
            best = torch.softmax(wide, 1).topk(guesses, 1)
            return torch.stack([best.values, best.indices.to(wide)], 2)
        return entropies(hidden, head, labels)


@torch.no_grad()  # type: ignore[untyped-decorator]
def entropies(hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
    """`COLUMNS` of `hidden @ head.T`, [tokens, 4], with no more logits in memory than a chunk has.

    Args:
        hidden: [tokens, width].
        head: [vocabulary, width].
        labels: [tokens] int64, each a row of the vocabulary.
    """
    wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    found = hidden.new_empty((len(hidden), len(COLUMNS)), dtype=wide)
    size = chunk_rows(len(hidden), len(head), hidden.device.type)
    # New memory for each chunk costs a CPU as much as the arithmetic on it.
    room = hidden.new_empty((size, len(head)))
    powers = torch.empty_like(room, dtype=wide)
    for first in range(0, len(hidden), size):
        rows = slice(first, first + size)
        here = hidden[rows]
        logits = torch.mm(here, head.T, out=room[: len(here)]).to(wide)
        _figures(logits, labels[rows], powers[: len(here)], found[rows])
    return found


def _figures(logits: Tensor, labels: Tensor, powers: Tensor, found: Tensor) -> None:
    """Fill the rows of `found` from `logits`, which are overwritten; `powers` is room of their shape."""
    largest = top_values(logits, TOP)
    top = largest.amax(1, keepdim=True)
    of_label = logits.gather(1, labels[:, None])
    correct = of_label == top
    if bool((tied := correct[:, 0] & ((largest == top).sum(1) > 1)).any()):
        correct[tied, 0] = logits[tied].argmax(1) == labels[tied]
    found[:, 0] = _entropy(largest.sub_(top), torch.exp(largest))
    found[:, 1] = _entropy(logits.sub_(top), torch.exp(logits, out=powers))
    found[:, 2] = (of_label - top)[:, 0] - powers.sum(1).log()
    found[:, 3] = correct[:, 0]


def _entropy(logits: Tensor, powers: Tensor) -> Tensor:
    """Of softmax(logits), where `powers` is exp(logits) and no logit is above 0: log Σe^x - Σx·e^x / Σe^x."""
    total = powers.sum(1)
    return (total.log() - _dot(logits, powers) / total).clamp_(min=0)  # rounding may leave a sure one below 0


def _dot(left: Tensor, right: Tensor) -> Tensor:
    if left.device.type == "cpu":
        return torch.from_numpy(np.vecdot(left.numpy(), right.numpy()))  # without a product in memory
    return torch.linalg.vecdot(left, right)


def top_values(values: Tensor, count: int) -> Tensor:
    """The `count` largest of each row, in any order; all of a shorter row.

    Args:
        values: [rows, n].
        count: how many.

    Returns:
        [rows, min(count, n)].
    """
    num_rows, size = values.shape
    if size <= max(_WHOLE, count):
        return _largest(values, min(count, size))
    depth = 1 << round(math.log2(math.sqrt(size / count) / 2))  # measured: deeper, and the gather costs more
    width = size // depth
    groups = values[:, : depth * width].view(num_rows, depth, width)  # group j has the columns j, j + width, …
    chosen = _largest_places(groups.amax(1), count)
    inside = groups.gather(2, chosen[:, None].expand(-1, depth, -1)).view(num_rows, -1)
    rest = values[:, depth * width :]
    return _largest(torch.cat([inside, rest], 1) if rest.shape[1] else inside, count)


def _largest(values: Tensor, count: int) -> Tensor:
    if values.device.type == "cpu" and count < values.shape[1]:
        # A partition by vector instructions: several times as fast as torch's topk.
        parted = np.partition(values.numpy(), values.shape[1] - count, axis=1)
        return torch.from_numpy(parted[:, -count:].copy())
    return values.topk(count, 1, sorted=False).values


def _largest_places(values: Tensor, count: int) -> Tensor:
    if values.device.type == "cpu":
        parted = np.argpartition(values.numpy(), values.shape[1] - count, axis=1)
        return torch.from_numpy(parted[:, -count:].copy())
    return values.topk(count, 1, sorted=False).indices
