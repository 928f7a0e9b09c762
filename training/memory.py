"""Memory and time of a run, estimated before it starts; the formulas stand in docs/training.md."""

from dataclasses import dataclass
from typing import Any

import psutil
import torch

from pipeline.errors import BadInput
from training.flops import head_width
from training.loss import chunk_rows
from training.run import Run
from training.world import World

_BYTES = {"bfloat16": 2, "float32": 4, "float64": 8}
_SPARE = 1 << 30
"""CUDA context, communication buffers and what the allocator cannot use."""


@dataclass(frozen=True)
class Memory:
    """Bytes on one device, by what they are for."""

    weights: int
    """Sharded master weights."""
    optimizer: int
    """Two moments of each."""
    gradients: int
    """Sharded, in the type of the master weights."""
    gathered: int
    """Weights in the type of compute: the root's, and those of two layers (all layers on one device)."""
    activations: int
    """Kept for the backward pass, of one micro-batch."""
    logits: int
    """One chunk of logits and its gradient."""

    @property
    def total(self) -> int:
        """All of it, and a GiB to spare."""
        parts = (self.weights, self.optimizer, self.gradients, self.gathered, self.activations, self.logits)
        return sum(parts) + _SPARE


def estimate_memory(run: Run, config: Any, num_parameters: int, sequence_length: int, num_shards: int) -> Memory:
    """Memory of one of `num_shards` devices.

    Activations are those of a layer of linear maps, norms and gated MLP: per token and layer 2 widths for the
    residual stream's inputs, 2 for norms, the widths of query, key, value and attention output, and 4 of the MLP; with
    activation checkpointing a width per layer and one whole layer.
    """
    compute = _BYTES[run.model.dtype]
    master = 8 if run.model.dtype == "float64" else 4
    layers, width = int(config.num_hidden_layers), int(config.hidden_size)
    head = head_width(config)
    attention = head * (2 * int(config.num_attention_heads) + 2 * int(config.num_key_value_heads))
    per_layer = 4 * width + attention + 4 * int(config.intermediate_size)
    per_token = layers * width + per_layer if run.model.activation_checkpointing else layers * per_layer
    vocabulary = int(config.vocab_size)
    root = vocabulary * width * (1 if config.tie_word_embeddings else 2)
    layer = (num_parameters - root) // layers
    unsharded = num_shards == 1 and run.model.dtype != "bfloat16"
    gathered = 0 if unsharded else root + layer * (layers if num_shards == 1 else 2)
    tokens = run.parallel.micro_batch * sequence_length
    return Memory(
        weights=master * num_parameters // num_shards,
        optimizer=2 * master * num_parameters // num_shards,
        gradients=master * num_parameters // num_shards,
        gathered=compute * gathered,
        activations=compute * tokens * per_token,
        logits=2 * 4 * chunk_rows(tokens, vocabulary) * vocabulary + (master + compute) * vocabulary * width,
    )


def available_memory(device: torch.device) -> int:
    """Bytes that a device has for a run."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def check_memory(run: Run, config: Any, num_parameters: int, sequence_length: int, world: World) -> None:
    """Refuse a run that cannot fit, before memory is taken.

    Raises:
        BadInput: with both figures.
    """
    need = estimate_memory(run, config, num_parameters, sequence_length, world.size // run.parallel.replicas).total
    per_device = 1 if world.device.type == "cuda" else world.size  # processes share the memory of a machine
    have = available_memory(world.device) // per_device
    if need > have:
        raise BadInput(
            f"run {run.name}: about {need / 2**30:.1f} GiB per process are needed, {have / 2**30:.1f} GiB are free on"
            f" {world.device}; take more GPUs, parallel.micro_batch below {run.parallel.micro_batch},"
            " model.activation_checkpointing: true, or a smaller model"
        )
