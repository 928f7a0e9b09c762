"""The loss: Σ weight × cross entropy over tokens, undivided, with no more logits in memory than a chunk has.

Gradients are computed in the forward pass, while a chunk's logits are there. torch 2.13 has an operator that does the
same; ours is used on every torch, because that one sums 16-bit inputs in 16 bits (a loss off by up to 0.2 %), knows no
weights per token, and took 1.8 times the CPU time at a vocabulary of 8,192. The tests hold the two against each other.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

IGNORE = -100
"""Label of a position that is not trained on."""

_CHUNK_BYTES = {"cpu": 1 << 22, "cuda": 1 << 29}
"""Float32 logits of a chunk: on a CPU they stay in its cache, on a GPU they keep it busy. The peak is twice that."""


def summed_cross_entropy(
    hidden: Tensor, head: Tensor, labels: Tensor, weights: Tensor | None = None, *, compiled: bool = False
) -> Tensor:
    """Weighted sum of the cross entropies of `hidden @ head.T`.

    Args:
        hidden: [tokens, width].
        head: [vocabulary, width].
        labels: [tokens] int64; `IGNORE` where a position does not count.
        weights: [tokens], constants; None: all 1.
        compiled: fuse the element-wise part of the chunks (CUDA).

    Returns:
        A scalar: float64 for float64, else float32.
    """
    if not torch.is_grad_enabled():  # inside the function that cannot be seen any more
        hidden, head = hidden.detach(), head.detach()
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, head, labels, weights, compiled)
    return loss


def chunk_rows(num_tokens: int, vocab_size: int, device: str = "cuda") -> int:
    """Tokens per chunk: a power of two, so that most chunks have one shape."""
    fitting = max(1, _CHUNK_BYTES.get(device, 1 << 22) // (4 * vocab_size))
    return min(max(num_tokens, 1), 1 << (fitting.bit_length() - 1))


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor, weights: Tensor | None, compiled: bool
    ) -> Tensor:
        wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        total = hidden.new_zeros((), dtype=wide)
        counted = (labels != IGNORE).to(wide)
        if weights is not None:
            counted *= weights
        kernel = _compiled_kernel() if compiled else _loss_and_gradient
        needs = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        grad_hidden = torch.empty_like(hidden) if needs else None
        grad_head = torch.zeros_like(head, dtype=wide) if needs else None
        size = chunk_rows(hidden.shape[0], head.shape[0], hidden.device.type)
        for first in range(0, hidden.shape[0], size):
            rows = slice(first, first + size)
            loss, grad_logits = kernel(hidden[rows] @ head.T, labels[rows], counted[rows], needs)
            total += loss
            if grad_hidden is not None and grad_head is not None:
                grad_logits = grad_logits.to(hidden.dtype)
                torch.mm(grad_logits, head, out=grad_hidden[rows])
                if hidden.dtype == wide:
                    grad_head.addmm_(grad_logits.T, hidden[rows])
                else:
                    grad_head += grad_logits.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden, None if grad_head is None else grad_head.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * scale.to(grad_hidden.dtype), grad_head * scale.to(grad_head.dtype), None, None, None


def _loss_and_gradient(logits: Tensor, labels: Tensor, weights: Tensor, needs: bool) -> tuple[Tensor, Tensor]:
    """Weighted loss of a chunk and the gradient of its logits, [rows, vocabulary], in place of them."""
    logits = logits.to(weights.dtype)
    target = labels.clamp(min=0).unsqueeze(1)
    normaliser = torch.logsumexp(logits, 1, keepdim=True)
    loss = ((normaliser - logits.gather(1, target)).squeeze(1) * weights).sum()
    if not needs:
        return loss, logits
    gradient = logits.sub_(normaliser).exp_()
    gradient.scatter_add_(1, target, gradient.new_full((), -1).expand_as(target))
    return loss, gradient.mul_(weights.unsqueeze(1))


@cache
def _compiled_kernel() -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_loss_and_gradient)  # type: ignore[no-any-return]
