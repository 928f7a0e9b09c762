"""What generates completions: one interface of three methods, for the embedded engine and for a server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import Field
from torch import Tensor

from pipeline.frozen import Frozen

StopReason = Literal["stop", "length", "stop_string"]


class Sampling(Frozen):
    """How completions are drawn. No top_p, no top_k: log-probs of a truncated sampler are those of another policy."""

    temperature: float = Field(default=1.0, ge=0)
    """Logits are divided by it, and the reported log-probs are those of the divided logits; 0 takes the likeliest."""
    max_new_tokens: int = Field(default=4096, ge=1)
    """Longest completion, in tokens."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion, turn markers for example. The tokens that complete one stay in the completion."""
    seed: int = Field(default=0, ge=0)
    """Of the sampling noise."""


@dataclass(frozen=True)
class Request:
    """One completion to draw: `prompt` names the prompt and `sample` the draw, whose noise depends on both.

    Raises:
        ValueError: no tokens.
    """

    tokens: tuple[int, ...]
    prompt: int
    sample: int = 0

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError("an empty prompt; give at least one token (BOS, say)")


@dataclass(frozen=True)
class Completion:
    """A drawn completion.

    `logprobs` are the sampler's, at its temperature, one per token. `text` ends before a stop string and has no special
    tokens. `weights_version` is that of `update_weights`. `stale_draws` counts those that were dropped before this one,
    because too old weights had drawn them.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    stop_reason: StopReason
    text: str
    weights_version: int
    stale_draws: int = 0


Weights = Mapping[str, Tensor]
"""Parameters by the names of a transformers checkpoint, whole tensors; tied ones once."""


class RolloutEngine(Protocol):
    """Generates completions from weights that it is handed."""

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """A completion per request, in order. `step` enters the noise; `on_progress` gets the number finished."""
        ...

    def update_weights(self, weights: Weights, version: int) -> None:
        """Take new weights; whatever was kept of old ones (prefixes, caches) is gone."""
        ...

    def close(self) -> None:
        """Let go of memory, processes, connections."""
        ...


def end_tokens(config: Any, tokenizer: Any) -> set[int]:
    """Tokens that end a completion: EOS of the tokenizer, and of the transformers config."""
    eos = getattr(config, "eos_token_id", None)
    ends = [tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])]
    return {int(token) for token in ends if token is not None}
