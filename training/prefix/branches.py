"""Attention of branches: each sees the first tokens of a spine, computed before, then a tail, then itself.

A spine's keys and values come in as leaves; their gradients gather there in float32 (float64 for float64), over any
number of passes of branches, and go into the spine's own backward pass once, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.prefix.attend import attend, attend_backward, wide

Range = tuple[int, int]
"""First and end."""


@dataclass(frozen=True)
class Crossing:
    """Rows of a pass that see, all of them, the same keys from before: a piece of the packed spines, then a tail."""

    rows: Range
    spine: Range
    """In the packed spines."""
    tail: Range
    """In the pass; may be empty."""


@dataclass(frozen=True)
class Layout:
    """What each row of a pass sees besides itself."""

    documents: tuple[Range, ...]
    """Tails and answers, end to end over all rows; causal within each."""
    crossings: tuple[Crossing, ...]


class SpineKeys:
    """Keys and values of packed spines, by layer, each [1, key heads, tokens, dim]; no part of a graph.

    A plain class, and no dataclass: FSDP2 looks into those for tensors, and would hang its hooks on each layer's leaves
    at every layer.
    """

    def __init__(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
        self.pairs = [(key.detach(), value.detach()) for key, value in pairs]
        grads = torch.is_grad_enabled()
        self.leaves = [
            tuple(tensor.to(wide(tensor.dtype)).detach().requires_grad_(grads) for tensor in pair)
            for pair in self.pairs
        ]

    def gradients(self) -> list[Tensor]:
        """Of keys and values, layer by layer, in their own type; zeros where no branch has seen them."""
        return [
            (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad).to(tensor.dtype)
            for pair, leaves in zip(self.pairs, self.leaves, strict=True)
            for tensor, leaf in zip(pair, leaves, strict=True)
        ]


class BranchAttention:
    """Stands in for the attention to documents in a pass of branches (`instead` of `document_attention`)."""

    def __init__(self, layout: Layout, spine: SpineKeys) -> None:
        self._layout, self._spine = layout, spine

    def __call__(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Output [1, tokens, heads, dim] of [1, heads, tokens, dim]; the layer's own `layer_idx` finds its spine."""
        layer = int(module.layer_idx)
        output: Tensor = _Branches.apply(
            query, key, value, *self._spine.leaves[layer], *self._spine.pairs[layer], self._layout, scale
        )
        return output


class _Branches(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_leaf: Tensor,
        value_leaf: Tensor,
        spine_key: Tensor,
        spine_value: Tensor,
        layout: Layout,
        scale: float,
    ) -> Tensor:
        _, heads, rows, dim = query.shape
        output = query.new_empty((rows, heads, dim), dtype=wide(query.dtype)).transpose(0, 1)
        logsum = query.new_empty((heads, rows), dtype=wide(query.dtype))
        for first, end in layout.documents:
            own = slice(first, end)
            output[:, own], logsum[:, own] = attend(query[0, :, own], key[0, :, own], value[0, :, own], True, scale)
        for crossing in layout.crossings:
            crossed = slice(*crossing.rows)
            keys, values = _seen(crossing, spine_key, key), _seen(crossing, spine_value, value)
            part, part_logsum = attend(query[0, :, crossed], keys, values, False, scale)
            share = torch.sigmoid(part_logsum - logsum[:, crossed])
            output[:, crossed] = torch.lerp(output[:, crossed], part.to(output.dtype), share[..., None])
            logsum[:, crossed] = torch.logaddexp(logsum[:, crossed], part_logsum)
        output = output.to(query.dtype)
        ctx.save_for_backward(query, key, value, spine_key, spine_value, output, logsum)
        ctx.layout, ctx.scale = layout, scale
        return output.transpose(0, 1)[None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, spine_key, spine_value, output, logsum = ctx.saved_tensors
        layout, scale = ctx.layout, ctx.scale
        grad = grad[0].transpose(0, 1)
        type_ = wide(query.dtype)
        grad_query, grad_key, grad_value = (
            tensor.new_empty(tensor.transpose(1, 2).shape[1:], dtype=type_).transpose(0, 1)
            for tensor in (query, key, value)
        )
        grad_spine_key, grad_spine_value = (
            torch.zeros_like(tensor[0], dtype=type_) for tensor in (spine_key, spine_value)
        )
        for first, end in layout.documents:
            own = slice(first, end)
            grad_query[:, own], grad_key[:, own], grad_value[:, own] = attend_backward(
                grad[:, own],
                query[0, :, own],
                key[0, :, own],
                value[0, :, own],
                output[:, own],
                logsum[:, own],
                True,
                scale,
            )
        for crossing in layout.crossings:
            crossed, spine, tail = slice(*crossing.rows), slice(*crossing.spine), slice(*crossing.tail)
            num_spine = spine.stop - spine.start
            queries, keys, values = attend_backward(
                grad[:, crossed],
                query[0, :, crossed],
                _seen(crossing, spine_key, key),
                _seen(crossing, spine_value, value),
                output[:, crossed],
                logsum[:, crossed],
                False,
                scale,
            )
            grad_query[:, crossed] += queries
            grad_spine_key[:, spine] += keys[:, :num_spine]
            grad_spine_value[:, spine] += values[:, :num_spine]
            grad_key[:, tail] += keys[:, num_spine:]
            grad_value[:, tail] += values[:, num_spine:]
        grads = (tensor[None].to(query.dtype) for tensor in (grad_query, grad_key, grad_value))
        return (*grads, grad_spine_key[None], grad_spine_value[None], None, None, None, None)


def _seen(crossing: Crossing, spine: Tensor, own: Tensor) -> Tensor:
    """Keys (or values) that a crossing sees, [key heads, m, dim]."""
    before = spine[0, :, slice(*crossing.spine)]
    if crossing.tail[0] == crossing.tail[1]:
        return before
    return torch.cat([before, own[0, :, slice(*crossing.tail)]], dim=1)
