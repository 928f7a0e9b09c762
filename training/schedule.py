"""The learning rate as a pure function of tokens: nothing to save, nothing to restore.

A stage warms up, stays, and decays; each part may be empty. OctoThinker's stable stage is all "stays" and its branches
are all "decays" (arXiv 2506.20512, Tables 3 and 5), warmup-stable-decay in one run is all three.
"""

import math
from typing import Literal

from pydantic import Field, model_validator

from pipeline.frozen import Frozen

Shape = Literal["constant", "cosine", "linear", "one_minus_sqrt"]


class Schedule(Frozen):
    """Learning rate over a run's own tokens, which count from 0, in a branch too."""

    lr: float | None = Field(default=None, gt=0)
    """Rate after the warm-up. Null in a branch and only there: it is read from the parent's checkpoint."""
    warmup_tokens: int = Field(default=0, ge=0)
    """Tokens of linear warm-up from `warmup_ratio` × lr."""
    warmup_ratio: float = Field(default=0.0, ge=0, le=1)
    """Fraction of the rate that the warm-up starts from."""
    decay: Shape = "constant"
    """Shape of the decay; `constant` keeps the rate to the end."""
    decay_tokens: int | None = Field(default=None, ge=1)
    """Tokens of the decay, which ends with the run; null: everything after the warm-up."""
    final_ratio: float = Field(default=0.1, ge=0, le=1)
    """Fraction of the rate that the decay ends at."""

    @model_validator(mode="after")
    def _consistent(self) -> "Schedule":
        if self.decay == "constant" and self.decay_tokens is not None:
            raise ValueError(f"decay_tokens {self.decay_tokens} with decay constant; name a shape or leave it out")
        return self


def remaining(shape: Shape, progress: float) -> float:
    """What is left of a decay from 1 to 0 after the fraction `progress` of it."""
    match shape:
        case "constant":
            return 1.0
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "linear":
            return 1 - progress
        case "one_minus_sqrt":  # Hägele et al., arXiv 2405.18392
            return 1 - math.sqrt(progress)


def learning_rate(schedule: Schedule, lr: float, tokens: int, total_tokens: int) -> float:
    """Rate of the step that begins after `tokens` tokens of a run of `total_tokens`.

    The first step has the rate at 0 tokens (in a decay: exactly `lr`); the last one begins a step before the end, so it
    is one step short of `final_ratio` × lr, as in the published formula with T steps counted from 0.

    Args:
        schedule: the shape.
        lr: `schedule.lr`, or the parent's rate in a branch.
        tokens: tokens trained on before the step.
        total_tokens: the run's budget.
    """
    if tokens < schedule.warmup_tokens:
        return lr * (schedule.warmup_ratio + (1 - schedule.warmup_ratio) * tokens / schedule.warmup_tokens)
    length = total_tokens - schedule.warmup_tokens if schedule.decay_tokens is None else schedule.decay_tokens
    start = total_tokens - length
    if schedule.decay == "constant" or tokens <= start:
        return lr
    final = schedule.final_ratio * lr
    return final + (lr - final) * remaining(schedule.decay, min(1.0, (tokens - start) / length))
