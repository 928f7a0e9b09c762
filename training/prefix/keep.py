"""Keys and values out of a model's layers, as outputs of each layer.

Under FSDP2 a hook on a layer's outputs gathers its weights before its backward pass. What leaves a layer another way,
through a cache object say, has a backward pass that finds freed weights. So a layer returns its keys and values beside
its hidden states, and a hook that runs after FSDP2's takes them off again: the model's own loop sees what it always
saw. Within a layer they travel in a list of that one call, so that a checkpointed layer, which runs twice, changes no
state.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class Kept:
    """Keys and values that a forward pass was asked for, layer by layer, each [1, key heads, tokens, dim]."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Tensor, ...]] = []


def returning_keys(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A layer's `forward` that, called with `keep`, returns (what it returned, its keys and values)."""

    def keeping(*args: Any, keep: Kept | None = None, **options: Any) -> Any:
        if keep is None:
            return forward(*args, **options)
        kept: list[Tensor] = []
        output = forward(*args, kept=kept, **options)
        # Copies: FSDP2's hooks must not hang on views.
        return output, tuple(tensor.clone() for tensor in kept)

    return keeping


def hand_over(layers: Sequence[nn.Module]) -> None:
    """Have each layer's keys go into `keep`, and its output alone to the model; call it after `fully_shard`."""

    def strip(_: nn.Module, __: tuple[Any, ...], options: dict[str, Any], output: Any) -> Any:
        keep: Kept | None = options.get("keep")
        if keep is None:
            return output
        hidden, pair = output
        keep.pairs.append(pair)
        return hidden

    for layer in layers:
        layer.register_forward_hook(strip, with_kwargs=True)


def why_unshared(model: PreTrainedModel, layers: Sequence[nn.Module], compiled: bool) -> str | None:
    """Why sequences cannot share a computed beginning in such a model; None: they can.

    Args:
        model: one of its kind, on the meta device in bfloat16 (experts have no other shapes there), to be run once.
        layers: its decoder layers.
        compiled: whether layers are going to be compiled.
    """
    if compiled:
        return "model.compile: compiled layers hand no keys out"
    for name, module in model.named_modules():
        if isinstance(module, nn.Dropout) and module.p > 0:
            return f"{name}: dropout {module.p}: each answer has noise of its own on what it would share"
    for layer in layers:
        layer.forward = returning_keys(layer.forward)
    hand_over(layers)
    keep = Kept()
    tokens = torch.zeros((1, 2), dtype=torch.int64, device="meta")
    with torch.no_grad():
        model.base_model(
            input_ids=tokens,
            position_ids=tokens,
            attention_mask=torch.ones_like(tokens),  # without one, the values of position_ids would be looked at
            cu_seqlens=torch.tensor([0, 2], dtype=torch.int32),
            max_seqlen=2,
            use_cache=False,
            keep=keep,
        )
    places = {module.layer_idx for layer in layers for module in layer.modules() if hasattr(module, "layer_idx")}
    if [len(pair) for pair in keep.pairs] != [2] * len(layers) or places != set(range(len(layers))):
        return f"{model.config.model_type}: not one attention in each layer"
    if any(key.shape != value.shape for key, value in keep.pairs):
        return f"{model.config.model_type}: keys and values of different widths"
    return None
