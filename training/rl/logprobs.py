"""Log-probs of given tokens, and entropies, with no more logits in memory than a chunk has.

The backward pass computes a chunk's logits again, and its gradient in place of them: d log p(label) / d logits is
one-hot(label) − p, so the normalisers are all that is kept of the forward pass.
"""

from typing import Any

import torch
from torch import Tensor

from training.loss import chunk_rows


def token_logprobs(
    hidden: Tensor, head: Tensor, labels: Tensor, temperature: float, *, entropy: bool = True
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ head.T / temperature) at the labels, and the entropies of the distributions.

    Args:
        hidden: [tokens, width].
        head: [vocabulary, width].
        labels: [tokens] int64.
        temperature: logits are divided by it.
        entropy: whether the entropies are wanted; else they are 0.

    Returns:
        Log-probs [tokens] with gradient and entropies [tokens] in nats without; float64 for float64, else float32.
    """
    logprobs, entropies = _ChunkedLogprobs.apply(hidden, head, labels, temperature, entropy)
    return logprobs, entropies


class _ChunkedLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor, temperature: float, entropy: bool
    ) -> tuple[Tensor, Tensor]:
        wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        logprobs, normalisers, entropies = (hidden.new_zeros(len(hidden), dtype=wide) for _ in range(3))
        for rows in _chunks(hidden, head):
            logits = _logits(hidden[rows], head, temperature, wide)
            chosen = logits.gather(1, labels[rows, None])[:, 0]
            top = logits.amax(1)
            # In place: logits below the highest one.
            below = logits.sub_(top[:, None])
            weights = below.exp() if entropy else below.exp_()
            total = weights.sum(1)
            log_total = total.log()
            normalisers[rows] = top + log_total
            logprobs[rows] = chosen - normalisers[rows]
            if entropy:
                entropies[rows] = log_total - torch.linalg.vecdot(weights, below) / total
        ctx.save_for_backward(hidden, head, labels, normalisers)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropies)
        return logprobs, entropies

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden, head, labels, normalisers = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden)
        grad_head = torch.zeros_like(head, dtype=scale.dtype)
        scale = scale / ctx.temperature
        for rows in _chunks(hidden, head):
            logits = _logits(hidden[rows], head, ctx.temperature, scale.dtype)
            gradient = logits.sub_(normalisers[rows, None]).exp_().mul_(-scale[rows, None])
            gradient.scatter_add_(1, labels[rows, None], scale[rows, None])
            gradient = gradient.to(hidden.dtype)
            torch.mm(gradient, head, out=grad_hidden[rows])
            if hidden.dtype == scale.dtype:
                grad_head.addmm_(gradient.T, hidden[rows])
            else:
                grad_head += gradient.T @ hidden[rows]
        return grad_hidden, grad_head.to(head.dtype), None, None, None


def _chunks(hidden: Tensor, head: Tensor) -> list[slice]:
    size = chunk_rows(len(hidden), len(head), hidden.device.type)
    return [slice(first, first + size) for first in range(0, len(hidden), size)]


def _logits(hidden: Tensor, head: Tensor, temperature: float, dtype: torch.dtype) -> Tensor:
    logits = (hidden @ head.T).to(dtype)
    return logits if temperature == 1 else logits.div_(temperature)
