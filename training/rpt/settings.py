"""An RPT run: one YAML file that says which model, positions, objective and lengths, as frozen models."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from pipeline.config import find_config
from pipeline.frozen import Frozen
from training.evaluate.next_token import AccuracySettings
from training.rl.algorithms import Algorithm
from training.rl.settings import LengthStage, LoadedPolicyRun, PolicyRun, SamplingSettings
from training.rpt.objectives.next_token import NextTokenSettings
from training.rpt.objectives.settings import MixtureSettings, ObjectiveSettings
from training.rpt.selection import Selection
from training.run import CheckpointSettings, OptimizerSettings, load_kind

THOUGHTS = (
    "The text ends with “{tail}”. What comes next has to go on from there.",
    "Let me read the end again: “{tail}”. I look for what follows it.",
    "Before this point stands “{tail}”. The next piece of the text continues it.",
)
"""Of the format warm-up: they teach the form of an answer, and nothing about the text."""


class PositionSettings(Frozen):
    """Where the run predicts."""

    path: str | None = None
    """Folder of measured positions, from `mathmill positions`; relative paths start at the run file. Null: the
    selection needs no entropies, and `tokens` says of which tokens."""
    tokens: str | None = None
    """Folder of the token shards; relative paths start at the run file. Null: those that `path` names."""
    selection: Selection = Selection()
    """Which of them, in which order, and how many of a document together."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of the documents that are never trained on: evaluation asks at their positions."""

    @model_validator(mode="after")
    def _somewhere(self) -> "PositionSettings":
        if self.path is None and self.tokens is None:
            raise ValueError("give path (measured positions), or tokens with a selection by random or spans")
        return self


class WarmUpSettings(Frozen):
    """Format warm-up of a model that does not answer in the template's form: cross-entropy on well-formed answers."""

    steps: int = Field(ge=1)
    """Steps of `prompts_per_step` answers each, the first ones of the run: `num_steps` counts them in."""
    lr: float = Field(default=1e-5, gt=0)
    """Their learning rate, constant."""
    thoughts: tuple[str, ...] = Field(default=THOUGHTS, min_length=1)
    """What an answer thinks before it says the true next token, one for each position by its place in the order.
    `{tail}` is the end of the context."""


class RptEvaluation(AccuracySettings):
    """Next-token accuracy during the run and at its end."""

    positions: str | None = None
    """Folder of measured positions of other texts; relative paths start at the run file. Null: those of the documents
    that `positions.held_out` keeps apart."""
    template: str | None = None
    """Of reasoning; null: the objective's."""
    every_steps: int = Field(default=100, ge=1)
    """Steps between evaluations."""
    at_start: bool = True
    """Whether there is one before the first step."""
    at_steps: tuple[int, ...] = ()
    """Further steps: a scaling curve wants its first points close to each other."""


class CourseSettings(Frozen):
    """How a baseline learns texts by cross-entropy."""

    lr: float = Field(default=1e-6, gt=0)
    """Learning rate, constant. A fair baseline has its own: try several."""
    texts_per_step: int = Field(default=64, ge=1)
    """Documents, or answers, of an optimizer update."""


class ArmSettings(Frozen):
    """The baselines of `mathmill train rpt RUN --arms`; see `training.rpt.arms`."""

    plain: CourseSettings = CourseSettings()
    """Continued training on the documents."""
    sft: CourseSettings = CourseSettings()
    """Well-formed right answers without a thought, at the run's positions."""


class RptRun(PolicyRun):
    """A whole RPT run. The defaults are the published settings (arXiv 2506.08007 section 4 and appendix)."""

    positions: PositionSettings
    objective: ObjectiveSettings = NextTokenSettings()
    """What is asked at a position, with which template, and what an answer is worth."""
    max_prompt_tokens: int = Field(default=4096, ge=1)
    """Longest prompt; of a longer context the prompt shows a window, see `training.rpt.windows`."""
    window_hop: int | None = Field(default=None, ge=1)
    """Distance of window starts in tokens; null: half the longest context."""
    warmup: WarmUpSettings | None = None
    evaluation: RptEvaluation | None = None
    arms: ArmSettings = ArmSettings()
    language_loss_weight: float = Field(default=0.0, ge=0)
    """Weight of the plain next-token loss on the contexts of the trained positions, a mean over their tokens (RMT,
    arXiv 2509.24375); 0 (RPT) learns from rewards alone."""
    prompts_per_step: int = Field(default=256, ge=1)
    """Positions of a step."""
    prompts_per_update: int = Field(default=256, ge=1)
    """Positions of one optimizer update: by default a step is one update, exactly on-policy."""
    num_steps: int = Field(default=1000, ge=1)
    """Steps of the run, warm-up included."""
    sampling: SamplingSettings = SamplingSettings(
        samples=8, temperature=0.8, lengths=(LengthStage(step=0, max_new_tokens=8192),)
    )
    algorithm: Algorithm = Algorithm(refill=True, refill_from_step=500)
    optimizer: OptimizerSettings = OptimizerSettings(beta1=0.9, beta2=0.999, weight_decay=0.01)
    checkpoints: CheckpointSettings = CheckpointSettings(every_steps=100)

    FIXED: ClassVar[tuple[str, ...]] = (*PolicyRun.FIXED, "warmup", "language_loss_weight")

    @model_validator(mode="after")
    def _room(self) -> "RptRun":
        if self.warmup is not None and self.warmup.steps > self.num_steps:
            raise ValueError(
                f"warmup.steps {self.warmup.steps} is more than num_steps {self.num_steps}, which counts them in"
            )
        if self.language_loss_weight and isinstance(self.objective, MixtureSettings):
            templates = sorted({part.objective.template for part in self.objective.parts})
            if len(templates) > 1:
                raise ValueError(
                    f"language_loss_weight with templates {templates}: where the text begins in a prompt has to be one "
                    "place; give the objective's parts one template"
                )
        return self


LoadedRptRun = LoadedPolicyRun[RptRun]


def load_rpt_run(name: str | Path, overrides: tuple[str, ...] = ()) -> LoadedRptRun:
    """Read and validate a run by path or shipped name.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    path = find_config("run", str(name))
    return LoadedRptRun(load_kind("rpt", RptRun, path, overrides), path)
