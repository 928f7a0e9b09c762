"""Algorithms by name: which advantage, ratio, clip and average each one is, every part open to change."""

from typing import Any, Literal

from pydantic import Field, model_validator
from torch import Tensor

from pipeline.frozen import Frozen
from training.rl.advantages import Kind
from training.rl.losses import Level, cispo, clipped, log_ratios

PRESETS: dict[str, dict[str, Any]] = {
    "grpo": {"advantage": "normalised", "level": "token", "average": "answers"},
    "dr_grpo": {"advantage": "centred", "level": "token", "average": "constant"},
    "dapo": {"advantage": "normalised", "level": "token", "average": "tokens", "clip_high": 0.28, "refill": True},
    "rloo": {"advantage": "leave_one_out", "level": "sequence_product", "average": "answers"},
    "gspo": {
        "advantage": "normalised",
        "level": "sequence_mean",
        "average": "answers",
        "clip_low": 3e-4,
        "clip_high": 4e-4,
    },
    "cispo": {"advantage": "normalised", "level": "token", "average": "tokens", "term": "cispo"},
}
"""What each name stands for. Ratio level; clip form; denominator; and TRL 1.16's settings that give the same loss:

- `grpo` (arXiv 2402.03300): token; PPO's, 0.2 below and above; mean over an answer's tokens, then over answers.
  TRL: loss_type grpo, importance_sampling_level token, epsilon 0.2.
- `dr_grpo` (2503.20783): token; PPO's, 0.2 and 0.2; answers times the longest length. TRL: loss_type dr_grpo.
- `dapo` (2503.14476): token; PPO's, 0.2 below and 0.28 above; all tokens of the update; groups refilled.
  TRL: loss_type dapo, epsilon_high 0.28.
- `rloo` (2402.14740): product over the answer; PPO's, 0.2 and 0.2; answers. TRL: RLOOTrainer, epsilon 0.2.
- `gspo` (2507.18071): geometric mean over the answer; PPO's, 3e-4 below and 4e-4 above; as `grpo`.
  TRL: loss_type grpo, importance_sampling_level sequence, epsilon 3e-4, epsilon_high 4e-4.
- `cispo` (2506.13585): token; the constant weight min(r, `cispo_bound`) before log π, no lower bound; all tokens.
  TRL: loss_type cispo, epsilon_high 5.0 (absolute, as here; other libraries add 1 to theirs).
"""


class Algorithm(Frozen):
    """A policy-gradient algorithm. `name` fills what is not given; the defaults are those of `grpo`."""

    name: Literal["grpo", "dr_grpo", "dapo", "rloo", "gspo", "cispo"] = "grpo"
    """Preset."""
    advantage: Kind = "normalised"
    """How rewards of a group become advantages."""
    level: Level = "token"
    """What the ratio π / π_old is taken over."""
    term: Literal["clipped", "cispo"] = "clipped"
    """Form of the loss of a token."""
    clip_low: float = Field(default=0.2, ge=0, le=1)
    """The ratio is clipped at 1 − this where the advantage is negative."""
    clip_high: float = Field(default=0.2, ge=0)
    """The ratio is clipped at 1 + this where the advantage is positive."""
    cispo_bound: float = Field(default=5.0, gt=0)
    """Absolute upper bound of CISPO's ratio."""
    average: Literal["answers", "tokens", "constant"] = "answers"
    """Denominator of the loss."""
    refill: bool = False
    """Draw further prompts until the step has its number of groups with unequal rewards (DAPO's dynamic sampling); else
    groups of equal rewards are dropped and counted."""
    refill_from_step: int = Field(default=0, ge=0)
    """First step (from 0) that refills (RPT switches it on at 500)."""
    max_refills: int = Field(default=10, ge=1)
    """Draws after which a step goes on with what it has."""
    kl: Literal["k1", "k2", "k3"] = "k3"
    """Estimate of the reference KL."""
    kl_weight: float = Field(default=0.0, ge=0)
    """Weight of the reference KL; 0 (OctoThinker, DAPO, RPT) needs no reference model."""
    importance: Literal["none", "truncated", "masked"] = "none"
    """Mending of the mismatch π_old / μ between trainer and sampler."""
    importance_bounds: tuple[float, float] = Field(default=(0.5, 2.0), strict=False)
    """Bounds: the upper one of `truncated`, both of `masked`."""
    importance_level: Level = "token"
    """What `masked` looks at."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"name": data}
        if isinstance(data, dict) and (preset := PRESETS.get(str(data.get("name", "grpo")))) is not None:
            return {**preset, **data}
        return data

    @model_validator(mode="after")
    def _bounds(self) -> "Algorithm":
        low, high = self.importance_bounds
        if not 0 <= low < high:
            raise ValueError(f"importance_bounds {list(self.importance_bounds)}: give the lower one first")
        return self

    def terms(self, logprobs: Tensor, old: Tensor, advantages: Tensor, answers: Tensor, num_answers: int) -> Tensor:
        """The loss of each token, [tokens]; see `training.rl.losses`."""
        ratio = log_ratios(logprobs, old, answers, num_answers, self.level)
        if self.term == "cispo":
            return cispo(logprobs, ratio, advantages, self.cispo_bound)
        return clipped(ratio, advantages, self.clip_low, self.clip_high)
