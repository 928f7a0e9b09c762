"""An RL run: one YAML file that says which model, prompts, algorithm, rewards and lengths, as frozen models."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, field_validator, model_validator

import manifests
from pipeline.config import find_config
from pipeline.frozen import Frozen
from training.rl.algorithms import Algorithm
from training.rl.rewards import RewardSettings
from training.run import CheckpointSettings, ModelSettings, OptimizerSettings, WatchSettings, load_kind


class LengthStage(Frozen):
    """From `step` on, responses may have `max_new_tokens`."""

    step: int = Field(ge=0)
    max_new_tokens: int = Field(ge=1)


class PromptSettings(Frozen):
    """What is asked."""

    path: str
    """JSONL of questions and answers, as evaluation reads them; relative paths start at the run file."""
    template: str = "dialogue"
    """Shipped template or template file."""
    max_prompt_tokens: int = Field(default=400, ge=1)
    """Longer prompts are left out and counted (OctoThinker: 400)."""
    retire_after: int | None = Field(default=2, ge=1)
    """A prompt is retired once its last so many draws were all right: easy prompts teach nothing. Null: never."""
    seed: int = Field(default=0, ge=0)
    """Of the order: a bijection of the prompts, another one in each epoch."""


class SamplingSettings(Frozen):
    """How responses are drawn."""

    samples: int = Field(default=16, ge=2)
    """Responses per prompt: the group (OctoThinker: 16)."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampler and loss alike."""
    lengths: tuple[LengthStage, ...] = (LengthStage(step=0, max_new_tokens=4096),)
    """Stages of the longest response; the first begins at step 0."""
    max_batch: int = Field(default=64, ge=1)
    """Responses that the embedded engine of one process generates at a time."""
    seed: int = Field(default=0, ge=0)
    """Of the sampling noise."""

    @model_validator(mode="after")
    def _ordered(self) -> "SamplingSettings":
        steps = [stage.step for stage in self.lengths]
        if not steps or steps[0] != 0 or steps != sorted(set(steps)):
            raise ValueError(f"lengths begin at steps {steps}; the first at 0, each later one after the one before")
        return self

    def max_new_tokens(self, step: int) -> int:
        """The longest response at a step."""
        return next(stage.max_new_tokens for stage in reversed(self.lengths) if stage.step <= step)

    @property
    def longest(self) -> int:
        """The longest response of all stages."""
        return max(stage.max_new_tokens for stage in self.lengths)


class RlParallel(Frozen):
    """How a step is spread over processes; nothing here changes what is learned."""

    micro_batch_tokens: int = Field(default=16_384, ge=1)
    """Tokens of one forward pass on one process, prompts included; a longer answer is a pass of its own."""
    share_prefixes: bool = True
    """Compute once what prompts of a step have in common, where that saves tokens (docs/shared-prefixes.md)."""
    replicas: int = Field(default=1, ge=1)
    """Copies of the sharded model (HSDP)."""
    timeout_s: float = Field(default=1800.0, gt=0)
    """Deadline of a collective; processes wait for the slowest generation."""


class RlEvaluation(Frozen):
    """Accuracy during the run, greedy, zero-shot, with the run's template and the stage's length limit."""

    tasks: tuple[str, ...] = Field(min_length=1)
    """Shipped tasks or task files; the first one's accuracy tells which checkpoint is best."""
    data: str
    """Folder of their JSONL files; relative paths start at the run file."""
    every_steps: int = Field(default=4, ge=1)
    """Steps between evaluations (OctoThinker: 4); there is one before the first step and one at the end."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first so many problems of each task."""


class CollapseSettings(Frozen):
    """When a run counts as collapsing; see `training.rl.collapse`."""

    action: Literal["none", "stop", "return"] = "none"
    """What follows. `stop` ends the run as failed; `return` ends it with the best checkpoint as its result; either way
    that one is named, and the same command does not train on. `none` says so, and goes on."""
    window: int = Field(default=4, ge=1)
    """Evaluations that have to be worse, each than the one before."""
    fall: float = Field(default=0.2, gt=0, lt=1)
    """Relative fall of accuracy below its best so far. On OctoThinker's published curves 0.15 to 0.25 mark the two runs
    that went to nothing, at 0.59 and 0.74 of their best, and no other."""
    at_limit: float = Field(default=0.5, gt=0, le=1)
    """Share of responses at the length limit."""
    repetition: float = Field(default=0.3, gt=0, le=1)
    """Share of responses that repeat themselves."""


class SampleSettings(Frozen):
    """Answers for a reader; `mathmill rollouts` shows any others."""

    number: int = Field(default=4, ge=0)
    """Answers of each step written as text beside its Parquet file: the best, the worst, then others by lot."""
    log_every_steps: int | None = Field(default=None, ge=1)
    """Steps between printing them on the console as well; null: never."""


class EmbeddedSettings(Frozen):
    """Answers are drawn by the processes that train."""

    kind: Literal["embedded"] = "embedded"
    cuda_graphs: bool = False
    """On a GPU, decoding steps are recorded as CUDA graphs; a step then computes every slot, busy or not."""


class ServedSettings(Frozen):
    """Answers are drawn by a vLLM server; see docs/rollouts.md for how to start it."""

    kind: Literal["served"]
    url: str
    """Address of the server, without /v1."""
    weights_folder: str | None = None
    """Folder that the weights are handed over in, which trainer and server see by the same path; relative paths start
    at the run file. Null: in the run's folder."""
    concurrency: int = Field(default=256, ge=1)
    """Requests of one process at a time; the server batches as many as it has memory for."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """Of one request, its wait in the server's queue included."""
    give_up_s: float = Field(default=900.0, gt=0)
    """The run ends when the server has answered nothing for so long; it may take that long to start, too."""
    max_staleness: int = Field(default=0, ge=0)
    """Answers of weights that are more versions old than this are dropped, counted and drawn anew."""

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if re.fullmatch(r"https?://[^/]+(/.*)?", value) is None:
            raise ValueError("is no address of a server; write http://HOST:PORT")
        return value


EngineSettings = Annotated[EmbeddedSettings | ServedSettings, Field(discriminator="kind")]


class PolicyRun(Frozen):
    """What RL on answers and RPT have in common: everything but what is asked, how it is rewarded and evaluated."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run and of its folder: letters, digits, `.`, `_`, `-`."""
    model: ModelSettings
    tokenizer: str | None = None
    """Folder or Hub name of the tokenizer; null: model.path."""
    num_steps: int = Field(ge=1)
    """Steps of the run, each of which draws answers and learns from them."""
    prompts_per_step: int = Field(default=128, ge=1)
    """Prompts of a step."""
    prompts_per_update: int = Field(default=64, ge=1)
    """Prompts of one optimizer update (PPO mini-batch); below prompts_per_step there are several a step."""
    sampling: SamplingSettings = SamplingSettings()
    engine: EngineSettings = EmbeddedSettings()
    algorithm: Algorithm = Algorithm()
    lr: float = Field(default=1e-6, gt=0)
    """Learning rate after the warm-up, constant."""
    warmup_updates: int = Field(default=0, ge=0)
    """Updates of linear warm-up."""
    optimizer: OptimizerSettings = OptimizerSettings(weight_decay=0.01, beta2=0.999)
    parallel: RlParallel = RlParallel()
    checkpoints: CheckpointSettings = CheckpointSettings(every_steps=40)
    collapse: CollapseSettings = CollapseSettings()
    keep_best: bool = True
    """Save a checkpoint after each evaluation that is the best so far (by its first task), keep the best one whatever
    is pruned, and name it in best.json. Costs such a checkpoint beside those of `checkpoints`."""
    watch: WatchSettings = WatchSettings(every_steps=1)
    samples: SampleSettings = SampleSettings()
    seed: int = Field(default=0, ge=0)
    """Seed of random weights, where the model has a config and no path."""

    FIXED: ClassVar[tuple[str, ...]] = ("model", "prompts_per_step", "prompts_per_update", "sampling", "algorithm")
    """Fields that a resume may not change: what is learned depends on them."""

    @model_validator(mode="after")
    def _fits(self) -> "PolicyRun":
        if self.prompts_per_step % self.prompts_per_update:
            raise ValueError(
                f"prompts_per_update {self.prompts_per_update} does not divide prompts_per_step "
                f"{self.prompts_per_step}; take a divisor"
            )
        if self.tokenizer is None and self.model.path is None:
            raise ValueError("tokenizer is missing; a model without path needs one")
        if self.collapse.action == "return" and (not self.keep_best or getattr(self, "evaluation", None) is None):
            raise ValueError("collapse.action return needs an evaluation and keep_best; add evaluation, or take stop")
        return self


class RlRun(PolicyRun):
    """A whole run of RL on answers. The defaults are OctoThinker's paper settings (arXiv 2506.20512 section 4)."""

    prompts: PromptSettings
    reward: RewardSettings = RewardSettings()
    evaluation: RlEvaluation | None = None

    FIXED: ClassVar[tuple[str, ...]] = (*PolicyRun.FIXED, "reward")


Settings = TypeVar("Settings", bound=PolicyRun, covariant=True)


@dataclass(frozen=True)
class LoadedPolicyRun(Generic[Settings]):
    """A run and where it came from; relative paths in it start at `folder`."""

    run: Settings
    path: Path

    @property
    def folder(self) -> Path:
        """Folder of the run file; of a shipped run the working directory."""
        return Path() if manifests.ROOT in self.path.absolute().parents else self.path.parent

    def resolve(self, path: str) -> Path:
        """A path of the run file."""
        return self.folder / Path(path).expanduser()


LoadedRlRun = LoadedPolicyRun[RlRun]


def load_rl_run(name: str | Path, overrides: tuple[str, ...] = ()) -> LoadedRlRun:
    """Read and validate a run by path or shipped name.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    path = find_config("run", str(name))
    return LoadedRlRun(load_kind("rl", RlRun, path, overrides), path)
