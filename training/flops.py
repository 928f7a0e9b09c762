"""Work and speed of a model: the formula behind TFLOP/s and MFU, in one place. See docs/training.md."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.world import World


@dataclass(frozen=True)
class Device:
    """What a vendor's data sheet says of a device."""

    name: str
    """Part of the name that the driver tells."""
    peak_flops: float
    """Dense 16-bit FLOP/s, without sparsity."""
    memory_gib: float


DEVICES = (
    Device("B200", 2250e12, 180),
    Device("H200", 989e12, 140),
    Device("GH200", 989e12, 95),
    Device("H100 PCIe", 756e12, 79),
    Device("H100 NVL", 835e12, 93),
    Device("H100", 989e12, 79),
    Device("A100", 312e12, 79),
    Device("L40S", 362e12, 44),
    Device("A10G", 70e12, 22),
    Device("RTX 4090", 165e12, 23),
)


def matmul_parameters(model: nn.Module, config: Any) -> int:
    """Parameters that a token is multiplied with: all matrices and the head, but no look-up of embeddings."""
    total: int = sum(parameter.numel() for parameter in model.parameters() if parameter.ndim >= 2)
    # Tied: the one matrix counts as the head. Untied: the embedding's own is only looked up.
    unused = 0 if config.tie_word_embeddings else int(config.vocab_size * config.hidden_size)
    return total - unused


def flops_per_token(num_matmul: int, config: Any, sequence_length: int) -> float:
    """FLOP of a token, forward and backward: 6 N + 12 L d T.

    The second term is attention over a whole sequence, neither halved for causality nor lowered for the bounds of
    documents, as OLMo-core and torchtitan count; recomputation is not counted.

    Args:
        num_matmul: N, from `matmul_parameters`.
        config: of the model: L layers, d = heads × head width.
        sequence_length: T.
    """
    width = int(config.num_attention_heads) * head_width(config)
    return 6.0 * num_matmul + 12.0 * int(config.num_hidden_layers) * width * sequence_length


@dataclass(frozen=True)
class Work:
    """What forward passes over texts computed, exactly: no padding, and keys as a causal mask shows them."""

    tokens: int = 0
    """Through the layers."""
    keys: int = 0
    """That the tokens attended to, summed over tokens; a token attends to itself too."""
    logits: int = 0
    """Tokens whose distribution over the vocabulary was computed."""

    def __add__(self, other: "Work") -> "Work":
        return Work(self.tokens + other.tokens, self.keys + other.keys, self.logits + other.logits)


def work_behind(context: int, tokens: int, logits: int) -> Work:
    """The work of `tokens` that stand behind a `context` whose keys are there already."""
    return Work(tokens, tokens * context + tokens * (tokens + 1) // 2, logits)


@dataclass(frozen=True)
class Cost:
    """FLOP of a model's work: 2 for each parameter that a token meets, 4 for each key and unit of attention width."""

    layers: int
    """Parameters of all matrices but embedding and head."""
    head: int
    """Parameters of the head."""
    attention: int
    """Attention width (heads × head width), summed over layers."""

    @classmethod
    def of(cls, model: nn.Module, config: Any) -> "Cost":
        """Of a transformers model and its config."""
        head = int(config.vocab_size * config.hidden_size)
        width = int(config.num_attention_heads) * head_width(config) * int(config.num_hidden_layers)
        return cls(matmul_parameters(model, config) - head, head, width)

    def forward(self, work: Work) -> float:
        """FLOP of forward passes; forward and backward together are three times as many."""
        return float(2 * self.layers * work.tokens + 2 * self.head * work.logits + 4 * self.attention * work.keys)


def head_width(config: Any) -> int:
    """Width of one attention head."""
    width = getattr(config, "head_dim", None)
    return int(width or config.hidden_size // config.num_attention_heads)


def find_device(name: str) -> Device | None:
    """The device whose name is part of `name`; None when it is not known."""
    return next((device for device in DEVICES if device.name.lower() in name.lower()), None)


class Speed:
    """Figures of steps: tokens/s and TFLOP/s for each device, and the part of its peak where that is known."""

    def __init__(
        self, model: nn.Module, config: Any, sequence_length: int, sequences_per_step: int, world: World
    ) -> None:
        num_matmul = matmul_parameters(model, config)
        self._flops = flops_per_token(num_matmul, config, sequence_length)
        self._tokens = sequence_length * sequences_per_step / world.size
        cuda = world.device.type == "cuda"
        known = find_device(torch.cuda.get_device_name(world.device)) if cuda else None
        self._peak = None if known is None else known.peak_flops

    def figures(self, seconds: float) -> dict[str, float]:
        """Of a step that took `seconds`; the names are those of metrics.jsonl."""
        rate = self._tokens / seconds
        figures = {
            "speed/step_s": seconds,
            "speed/tokens_per_s_per_device": rate,
            "speed/tflops_per_device": rate * self._flops / 1e12,
        }
        if self._peak is not None:
            figures["speed/mfu"] = rate * self._flops / self._peak
        return figures
