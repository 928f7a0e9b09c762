"""What the guard may say about a rewrite, and the thresholds that decide."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from pipeline.frozen import Frozen
from pipeline.refine.prompts import Mode

Action = Literal["accept", "retry", "keep_original", "drop"]

Reason = Literal[
    "finish_reason",
    "empty",
    "unfinished",
    "length",
    "overlap",
    "copied",
    "language",
    "refusal",
    "assistant_talk",
    "prompt_copied",
    "steered",
    "repetition",
    "delimiters",
    "formulas_altered",
    "formulas_lost",
    "formulas_new",
    "code_altered",
    "numbers_altered",
    "numbers_lost",
    "numbers_new",
    "names_new",
    "words_altered",
]


MODE_DEFAULTS: dict[Mode, dict[str, float]] = {
    "rewrite": {},
    # A pair need not hold everything of its page, but must hold nothing new.
    "extract_pairs": {"max_lost_formulas": 1.0, "max_lost_numbers": 1.0, "min_length_ratio": 0.0},
    # A worked solution keeps everything and spells steps out.
    "solution": {"max_new_formulas": 1.0, "max_new_numbers": 1.0, "max_length_ratio": 20.0, "min_overlap": 0.0},
}
"""Thresholds that differ from the strict ones, by the mode of the prompt; a recipe that sets a field keeps its own."""


class GuardSettings(Frozen):
    """Thresholds of the guard. The defaults are strict: every formula and every number is kept, and none is new."""

    min_length_ratio: float = Field(default=0.4, ge=0)
    """Words of the rewrite over words of the original, at least."""
    max_length_ratio: float = Field(default=1.8, gt=0)
    """The same, at most; 40 words more are always allowed."""
    min_overlap: float = Field(default=0.25, ge=0, le=1)
    """Share of the rewrite's content words that the original has, at least: below, it is about something else."""
    max_overlap: float = Field(default=1.0, ge=0, le=1)
    """Share of the rewrite's word trigrams that the original has, at most: above, it is a copy. 1 allows copies."""
    max_lost_formulas: float = Field(default=0.0, ge=0, le=1)
    """Share of the original's formulas that may be missing without a counterpart; an altered one is never allowed."""
    max_lost_numbers: float = Field(default=0.0, ge=0, le=1)
    """Share of the original's numbers outside formulas that may be missing; an altered one is never allowed."""
    max_new_formulas: float = Field(default=0.0, ge=0, le=1)
    """Share of the rewrite's formulas that the original does not support."""
    max_new_numbers: float = Field(default=0.0, ge=0, le=1)
    """Share of the rewrite's numbers that the original does not support."""
    max_new_names: int = Field(default=0, ge=0)
    """Named facts (theorems, laws, people) of the rewrite that the original does not name."""
    max_repetition: float = Field(default=0.1, ge=0, le=1)
    """Share of the rewrite that repeats itself, beyond what the original does."""
    same_language: bool = True
    """Whether the rewrite must be in the language of the original."""
    keep_original: tuple[Reason, ...] = ("steered",)
    """Reasons for which another try is not worth its price: the original stays."""
    drop: tuple[Reason, ...] = ()
    """Reasons for which the document is dropped."""

    @model_validator(mode="after")
    def _consistent(self) -> "GuardSettings":
        if self.min_length_ratio > self.max_length_ratio:
            raise ValueError(f"min_length_ratio {self.min_length_ratio} is above max_length_ratio; swap them")
        if both := sorted(set(self.keep_original) & set(self.drop)):
            raise ValueError(f"{', '.join(both)} is in keep_original and in drop; take it out of one")
        return self

    def for_mode(self, mode: Mode) -> "GuardSettings":
        """These settings, with the thresholds of a prompt's mode for every field that was not set."""
        defaults = MODE_DEFAULTS[mode]
        return self.model_copy(update={name: defaults[name] for name in defaults.keys() - self.model_fields_set})

    def action(self, reasons: list[str]) -> Action:
        """What follows from the reasons: the hardest that any of them asks for."""
        if not reasons:
            return "accept"
        if any(reason in self.drop for reason in reasons):
            return "drop"
        if any(reason in self.keep_original for reason in reasons):
            return "keep_original"
        return "retry"


@dataclass(frozen=True)
class Verdict:
    """The guard's answer: the named checks that failed, what to do, and what every check measured."""

    accept: bool
    reasons: list[str] = field(default_factory=list)
    action: Action = "accept"
    values: dict[str, float] = field(default_factory=dict)
