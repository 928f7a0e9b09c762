"""What differs between torch 2.11 and 2.13, in one place; `FALLBACKS` lets the tests take the old way on a new torch.

GPU machines lag behind: a cluster's torch is often a year old. transformers 5.17 to 5.23 need nothing here, since
activation checkpointing, masks and loading go through torch and not through its switches, and the loss is our own on
every torch (training/loss.py).
"""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import torch.distributed as dist
from torch import Tensor

FALLBACKS: set[Literal["varlen_gqa"]] = set()
"""Fallbacks that are taken although this torch has the real thing; for tests."""


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
