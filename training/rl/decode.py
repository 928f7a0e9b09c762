"""Attention of the embedded engine: keys and values in fixed slots, handed out by prefill, extended by decoding.

transformers' layers call `rollout_attention` by its registered name, and hand it the store that the engine passed to
the model; no cache object, no mask tensor over the batch's longest prompt.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

NAME = "rollout"
"""What `attn_implementation` is called."""


class KeyValueStore:
    """Keys and values of every layer in `slots` rows of `length` tokens, and one row more, for prompts.

    Shapes per layer: [slots + 1, key heads, length, dim]. Memory is taken at the first prefill.
    """

    def __init__(self, slots: int, length: int) -> None:
        self.slots, self.length = slots, length
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}

    def layer(self, index: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """The two tensors of a layer, made like `like` ([1, key heads, tokens, dim]) when they are not there yet."""
        if index not in self.keys:
            shape = (self.slots + 1, like.shape[1], self.length, like.shape[3])
            self.keys[index] = like.new_zeros(shape)
            self.values[index] = like.new_zeros(shape)
        return self.keys[index], self.values[index]

    def hand_out(self, targets: list[int], length: int) -> None:
        """Copy the first `length` tokens of the prompts' row to slots."""
        for tensors in (self.keys, self.values):
            for tensor in tensors.values():
                tensor[targets, :, :length] = tensor[self.slots, :, :length]


@dataclass(frozen=True)
class Prefill:
    """The prompts' row is written from `start` on; the rows of a forward are these `tokens` alone."""

    store: KeyValueStore
    start: int
    tokens: int

    @cached_property
    def seen(self) -> Tensor:
        """Which tokens of the row each one attends to, [tokens, start + tokens]."""
        return torch.ones(self.tokens, self.start + self.tokens, dtype=torch.bool).tril(self.start)


@dataclass(frozen=True)
class Decode:
    """One token for each of `slots` [n], standing at `positions` [n]; no slot holds more than `length` tokens."""

    store: KeyValueStore
    slots: Tensor
    positions: Tensor
    length: int

    @cached_property
    def seen(self) -> Tensor:
        """Which tokens of its slot each one attends to, [n, 1, 1, length]: the same in every layer."""
        places = torch.arange(self.length, device=self.positions.device)
        return (places <= self.positions[:, None])[:, None, None]


def rollout_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    rollout: Prefill | Decode | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention that keeps keys and values.

    Args:
        module: the attention layer; its `layer_idx` names the place in the store.
        query: prefill [1, heads, tokens, dim]; decode [1, heads, n, dim], a token of each slot.
        key: the same with key heads.
        value: the same with key heads.
        attention_mask: None.
        scaling: of the scores; None: dim ** -0.5.
        rollout: what the forward is for.
        options: what the model passes besides; windows, soft caps and sinks are refused.

    Returns:
        [1, tokens, heads, dim], and no weights.

    Raises:
        ValueError: no `rollout`, or an option that this function would ignore.
    """
    if rollout is None:
        raise ValueError("rollout attention without a store; the model is the engine's own")
    for name in ("sliding_window", "softcap", "s_aux"):
        if options.get(name) is not None:
            raise ValueError(f"attention with {name}={options[name]!r}, which the engine does not know")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    keys, values = rollout.store.layer(int(module.layer_idx), key)
    if isinstance(rollout, Prefill):
        start, end = rollout.start, rollout.start + rollout.tokens
        row = rollout.store.slots
        keys[row, :, start:end] = key[0]
        values[row, :, start:end] = value[0]
        output = functional.scaled_dot_product_attention(
            query,
            keys[row : row + 1, :, :end],
            values[row : row + 1, :, :end],
            attn_mask=rollout.seen.to(query.device) if start else None,
            is_causal=start == 0,
            scale=scale,
            enable_gqa=key.shape[1] != query.shape[1],
        )
        return output.transpose(1, 2), None
    keys[rollout.slots, :, rollout.positions] = key[0].transpose(0, 1)
    values[rollout.slots, :, rollout.positions] = value[0].transpose(0, 1)
    whole = len(rollout.slots) == rollout.store.slots
    heads, count, dim = query.shape[1:]
    output = functional.scaled_dot_product_attention(
        # The heads that share a key head are rows of one product.
        query[0].transpose(0, 1).reshape(count, key.shape[1], -1, dim),
        (keys[:-1] if whole else keys[rollout.slots])[:, :, : rollout.length],
        (values[:-1] if whole else values[rollout.slots])[:, :, : rollout.length],
        attn_mask=rollout.seen,
        scale=scale,
    )
    return output.reshape(1, count, heads, dim), None


def _no_mask(*_: Any, **__: Any) -> None:
    """The store knows what is seen."""


AttentionInterface.register(NAME, rollout_attention)
AttentionMaskInterface.register(NAME, _no_mask)
