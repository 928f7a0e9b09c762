"""How a number is made: everything that changes it, in one object whose name stands beside the number.

OctoThinker's headline compares few-shot scores of base models with zero-shot scores after RL; here two protocols are
two columns, never one.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rl.rollout import Sampling


class EvaluationSettings(Frozen):
    """What to draw and how to count."""

    shots: int | None = Field(default=None, ge=0)
    """Worked examples before the question; null: the task's own number with the template `few-shot`, else 0."""
    template: str = "few-shot"
    """Shipped template or template file; one without `exemplar` is zero-shot."""
    exemplars: str | None = None
    """JSONL file of worked examples, or `FILE:0,3,7`; null: the shipped ones."""
    samples: int = Field(default=1, ge=1)
    """Responses per problem."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest response."""
    k: tuple[int, ...] = (1,)
    """pass@k to report."""
    last_box: bool = False
    """OctoThinker's training rule: the last box, or no answer."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first so many problems of each task."""
    seed: int = Field(default=0, ge=0)
    """Of the sampling noise."""

    @model_validator(mode="after")
    def _drawable(self) -> "EvaluationSettings":
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(f"samples {self.samples} at temperature 0 are all the same; set a temperature")
        if max(self.k, default=1) > self.samples or min(self.k, default=1) < 1:
            raise ValueError(f"k {list(self.k)} of {self.samples} samples; draw more samples")
        return self

    def sampling(self, stop: tuple[str, ...]) -> Sampling:
        """The engine's part of it."""
        return Sampling(temperature=self.temperature, max_new_tokens=self.max_new_tokens, stop=stop, seed=self.seed)


@dataclass(frozen=True)
class Protocol:
    """One way of making a number."""

    template: str
    template_digest: str
    shots: int
    exemplars: str
    """Digest of the worked examples, `none` of none."""
    settings: EvaluationSettings

    @property
    def digest(self) -> str:
        """12 hex digits over everything that can change the number, `k` apart."""
        settings = self.settings.model_dump(exclude={"k", "template", "exemplars", "shots", "limit"})
        return digest([self.template_digest, self.shots, self.exemplars, settings])[:12]

    @property
    def mode(self) -> Literal["greedy", "sampled"]:
        """How tokens are chosen."""
        return "greedy" if self.settings.temperature == 0 else "sampled"

    def __str__(self) -> str:
        drawn = self.mode if self.mode == "greedy" else f"T={self.settings.temperature:g}, n={self.settings.samples}"
        rule = ", last box" if self.settings.last_box else ""
        examples = f" [{self.exemplars}]" if self.shots else ""
        return f"{self.shots}-shot{examples}, {self.template}, {drawn}, {self.settings.max_new_tokens} tokens{rule}"
