"""What differs between torch 2.11 and 2.13, in one place; `FALLBACKS` lets the tests take the old way on a new torch.

GPU machines lag behind: a cluster's torch is often a year old. transformers 5.17 to 5.23 need nothing here, since
activation checkpointing, masks and loading go through torch and not through its switches.
"""

import inspect
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional

IGNORE = -100
"""Label of a position that is not trained on."""

FALLBACKS: set[Literal["linear_cross_entropy", "varlen_gqa"]] = set()
"""Fallbacks that are taken although this torch has the real thing; for tests."""

_CHUNK_BYTES = 1 << 29
"""Size of the float32 logits that one chunk of the fallback holds: its peak is about twice that."""


def summed_cross_entropy(
    hidden: Tensor, head: Tensor, labels: Tensor, weights: Tensor | None = None, *, compiled: bool = False
) -> Tensor:
    """Weighted sum of the cross entropies of `hidden @ head.T`, without ever holding all logits.

    Args:
        hidden: [tokens, width].
        head: [vocabulary, width].
        labels: [tokens] int64; `IGNORE` where a position does not count.
        weights: [tokens], constants; None: all 1.
        compiled: fuse the element-wise part of the chunks.

    Returns:
        A scalar: float64 for float64, else float32. Its backward may run once.

    torch's own operator (2.13) returns a 16-bit sum for 16-bit inputs, wrong by up to 0.2 %, so those take our chunks.
    """
    if weights is None and has_linear_cross_entropy() and hidden.dtype in (torch.float32, torch.float64):
        options = torch.nn.LinearCrossEntropyOptions()
        return functional.linear_cross_entropy(
            hidden, head, labels, reduction="sum", ignore_index=IGNORE, options=options
        )
    return _ChunkedCrossEntropy.apply(hidden, head, labels, weights, compiled)


def has_linear_cross_entropy() -> bool:
    """Whether torch has the fused operator (2.13)."""
    return "linear_cross_entropy" not in FALLBACKS and hasattr(torch.nn, "LinearCrossEntropyOptions")


def chunk_rows(num_tokens: int, vocab_size: int) -> int:
    """Tokens per chunk of the fallback: a power of two, so that most chunks have one shape."""
    fitting = max(1, _CHUNK_BYTES // (4 * vocab_size))
    return min(max(num_tokens, 1), 1 << (fitting.bit_length() - 1))


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Gradients are computed in the forward pass, chunk by chunk, while the chunk's logits are there."""

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
        size = chunk_rows(hidden.shape[0], head.shape[0])
        for first in range(0, hidden.shape[0], size):
            rows = slice(first, first + size)
            loss, grad_logits = kernel(hidden[rows] @ head.T, labels[rows], counted[rows], needs)
            total += loss
            if grad_hidden is not None and grad_head is not None:
                grad_logits = grad_logits.to(hidden.dtype)
                torch.mm(grad_logits, head, out=grad_hidden[rows])
                grad_head += grad_logits.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden, None if grad_head is None else grad_head.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * scale.to(grad_hidden.dtype), grad_head * scale.to(grad_head.dtype), None, None, None


def _loss_and_gradient(logits: Tensor, labels: Tensor, weights: Tensor, needs: bool) -> tuple[Tensor, Tensor]:
    """Weighted loss of a chunk and the gradient of its logits, [rows, vocabulary], both in the type of `weights`."""
    logits = logits.to(weights.dtype)
    target = labels.clamp(min=0).unsqueeze(1)
    normaliser = torch.logsumexp(logits, 1)
    loss = ((normaliser - logits.gather(1, target).squeeze(1)) * weights).sum()
    if not needs:
        return loss, logits
    gradient = torch.exp(logits - normaliser.unsqueeze(1))
    gradient = gradient.scatter_add(1, target, gradient.new_full((), -1).expand_as(target))
    return loss, gradient * weights.unsqueeze(1)


@cache
def _compiled_kernel() -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_loss_and_gradient)  # type: ignore[no-any-return]


def varlen_attention(
    query: Tensor, key: Tensor, value: Tensor, cu_seqlens: Tensor, max_seqlen: int, scale: float
) -> Tensor:
    """Causal attention inside documents, by the FlashAttention that torch bundles (CUDA, 16-bit).

    Args:
        query: [tokens, heads, dim].
        key: [tokens, key heads, dim].
        value: [tokens, key heads, dim].
        cu_seqlens: int32 [documents + 1], where documents begin, and the end.
        max_seqlen: no document is longer.
        scale: of the scores.
    """
    from torch.nn.attention.varlen import varlen_attn

    options: dict[str, Any] = {"scale": scale}
    if takes_gqa(varlen_attn):
        options["enable_gqa"] = True
    else:
        key, value = (repeat_heads(tensor, query.shape[1]) for tensor in (key, value))
    if "window_size" in inspect.signature(varlen_attn).parameters:
        options["window_size"] = (-1, 0)
    else:
        options["is_causal"] = True
    return varlen_attn(query, key, value, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen, **options)


def takes_gqa(function: Callable[..., Any]) -> bool:
    """Whether varlen_attn repeats key heads by itself (torch 2.12)."""
    return "varlen_gqa" not in FALLBACKS and "enable_gqa" in inspect.signature(function).parameters


def repeat_heads(tensor: Tensor, num_heads: int) -> Tensor:
    """[tokens, key heads, dim] to [tokens, heads, dim], each key head for its group of query heads."""
    return tensor.repeat_interleave(num_heads // tensor.shape[1], dim=1)


def set_timeout(seconds: float) -> None:
    """Give collectives of the default group another deadline: once nothing compiles, a hang shows in minutes."""
    from torch.distributed.distributed_c10d import _set_pg_timeout

    _set_pg_timeout(timedelta(seconds=seconds), dist.group.WORLD)
