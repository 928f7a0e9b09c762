"""Attention that cannot cross a document: one function for every model, and it does not run without document bounds.

transformers isolates packed documents only by `position_ids`, and drops that silently as soon as a cache object exists;
its logits are then those of no mask at all. So the bounds travel to the attention function itself, by argument.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from pipeline.errors import BadInput
from training import compat

NAME = "documents"
"""What `attn_implementation` is called."""

_UNSUPPORTED = {
    "attn_logit_softcapping": "a soft cap on attention scores",
    "final_logit_softcapping": "a soft cap on logits",
    "logit_scale": "a scale on logits",
    "logits_scaling": "a scale on logits",
    "attention_dropout": "dropout in attention",
    "attention_chunk_size": "attention in chunks",
}
_NEUTRAL = (None, 0, 0.0, 1, 1.0, False)


def document_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    cu_seqlens: Tensor | None = None,
    max_seqlen: int | None = None,
    kept: list[Tensor] | None = None,
    instead: Callable[[nn.Module, Tensor, Tensor, Tensor, float], Tensor] | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each document.

    Args:
        module: the attention layer.
        query: [1, heads, tokens, dim].
        key: [1, key heads, tokens, dim].
        value: [1, key heads, tokens, dim].
        attention_mask: None.
        scaling: of the scores; None: dim ** -0.5.
        cu_seqlens: int32 [documents + 1], where documents begin, and the end.
        max_seqlen: no document is longer.
        kept: gets key and value (training.prefix).
        instead: attention of another kind over the same rows, called with module, query, key, value and scale.
        options: what the model passes besides; windows, soft caps and sinks are refused.

    Returns:
        [1, tokens, heads, dim], and no weights.

    Raises:
        ValueError: no bounds, a mask, more than one row, or an option that this function would ignore.
    """
    if cu_seqlens is None or max_seqlen is None:
        raise ValueError("attention without document bounds; pass cu_seqlens and max_seqlen to the model")
    if attention_mask is not None or query.shape[0] != 1:
        raise ValueError(f"documents are packed in one row without a mask, not in {query.shape[0]} rows with one")
    for name in ("sliding_window", "softcap", "s_aux"):
        if options.get(name) is not None:
            raise ValueError(f"attention with {name}={options[name]!r}, which documents masks do not know")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if kept is not None:
        kept += (key, value)
    if instead is not None:
        return instead(module, query, key, value, scale), None
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        query, key, value = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        return compat.varlen_attention(query, key, value, cu_seqlens, max_seqlen, scale)[None], None
    lengths = [end - first for first, end in pairwise(cu_seqlens.tolist())]
    grouped = key.shape[1] != query.shape[1]
    # Split, not sliced: the gradient of each slice would be a tensor of all documents' size.
    queries, keys, values = (tensor.split(lengths, dim=2) for tensor in (query, key, value))
    outputs = [
        functional.scaled_dot_product_attention(*document, is_causal=True, scale=scale, enable_gqa=grouped)
        for document in zip(queries, keys, values, strict=True)
    ]
    return torch.cat(outputs, dim=2).transpose(1, 2), None


def _no_mask(*_: Any, **__: Any) -> None:
    """The bounds say it all."""


AttentionInterface.register(NAME, document_attention)
AttentionMaskInterface.register(NAME, _no_mask)


def check_config(config: Any) -> None:
    """Refuse what document bounds alone cannot express, or what training without the model's own head would lose.

    Raises:
        BadInput: names the field and its value.
    """

    def refuse(field: str, what: str) -> BadInput:
        value = getattr(config, field)
        return BadInput(f"model {config.model_type}: {field}: {value!r}: {what} is not supported; take another model")

    layers = getattr(config, "layer_types", None) or ()
    if any(kind != "full_attention" for kind in layers):
        raise refuse("layer_types", "attention other than full")
    windowed = getattr(config, "use_sliding_window", True)
    if windowed and getattr(config, "sliding_window", None) is not None and not layers:
        raise refuse("sliding_window", "a sliding window")
    for field, what in _UNSUPPORTED.items():
        if getattr(config, field, None) not in _NEUTRAL:
            raise refuse(field, what)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):  # frequencies then depend on the longest document of a batch
        raise refuse("rope_parameters", "a rotary embedding that depends on the batch")


def check_model(model: PreTrainedModel) -> None:
    """Refuse a model whose layers would not call `document_attention`, or that has attention sinks.

    Raises:
        BadInput: names the model.
    """
    name = model.config.model_type
    if not model._supports_attention_backend:
        raise BadInput(f"model {name}: its attention cannot be replaced (no attention backend); take another model")
    if sinks := [key for key, _ in model.named_parameters() if key.endswith("sinks")]:
        raise BadInput(f"model {name}: {sinks[0]}: attention sinks are not supported; take another model")
