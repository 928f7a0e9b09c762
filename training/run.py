"""A run: one YAML file that says what to train, on which mixture, for how long, as frozen, validated models."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, model_validator

from pipeline.config import find_config, load_config, read_yaml
from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from training.schedule import Schedule

AnyRun = TypeVar("AnyRun", bound=Frozen)

RUN_FILE = "run.yaml"
"""The run, overrides included, in the run's own folder."""


class ModelSettings(Frozen):
    """Any transformers causal LM with full attention: by path or Hub name, or from a config with random weights."""

    path: str | None = None
    """Folder (relative paths start at the run file) or Hub name of a checkpoint in safetensors."""
    revision: str | None = None
    """Revision on the Hub."""
    config: dict[str, Any] | None = None
    """Config with `model_type`, as in a checkpoint's config.json; weights are drawn from the run's seed."""
    dtype: Literal["bfloat16", "float32", "float64"] = "bfloat16"
    """Type of compute. Weights, their sums and the optimizer are float32 (float64 for float64)."""
    activation_checkpointing: bool = False
    """Compute each layer's activations again in the backward pass: less memory, a third more work."""
    compile: bool = False
    """torch.compile of each layer; minutes before the first step, faster ones after it."""

    @model_validator(mode="after")
    def _one_source(self) -> "ModelSettings":
        if (self.path is None) == (self.config is None):
            raise ValueError("give either path (a checkpoint) or config (random weights)")
        if self.config is not None and "model_type" not in self.config:
            raise ValueError("config lacks model_type; add it, for example model_type: llama")
        return self


class OptimizerSettings(Frozen):
    """AdamW."""

    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the first moment."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the second moment."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled decay of matrices; vectors (norms, biases) are not decayed."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients of a larger global norm are scaled down to it."""


class ParallelSettings(Frozen):
    """How a step is spread over processes; nothing here changes what is trained on."""

    micro_batch: int = Field(default=1, ge=1)
    """Sequences of one forward pass on one process; the rest of a step is accumulated."""
    replicas: int = Field(default=1, ge=1)
    """Copies of the sharded model (HSDP); 1 shards over all processes."""
    loader_threads: int = Field(default=2, ge=0)
    """Threads that read micro-batches ahead; 0 reads in line."""
    timeout_s: float = Field(default=600.0, gt=0)
    """Deadline of a collective once the first step is done; the first step has an hour, since it compiles."""


class CheckpointSettings(Frozen):
    """When checkpoints are written, and which stay. The last step of a run and a branch's parent always stay."""

    every_steps: int = Field(default=1000, ge=1)
    """Steps between checkpoints."""
    keep_last: int = Field(default=2, ge=2)
    """Newest checkpoints to keep; at least 2, since the newest one may be in flight when a run is killed."""
    keep_every_steps: int | None = Field(default=None, ge=1)
    """Checkpoints at multiples of this are kept for good."""
    upload: str | None = None
    """Folder that complete checkpoints are copied to: s3://bucket/folder or any other of fsspec, or
    hf://OWNER/NAME[/folder], a model repository of the Hub."""


class EvaluationSettings(Frozen):
    """Held-out loss by component."""

    mixture: str
    """Mixture of held-out token shards: a file, or the name of a shipped one."""
    num_sequences: int = Field(default=64, ge=1)
    """Sequences to score, the first of that mixture's order: always the same ones."""
    every_steps: int = Field(default=500, ge=1)
    """Steps between evaluations; there is one at the end too."""


class WatchSettings(Frozen):
    """Where figures go besides the console and metrics.jsonl."""

    every_steps: int = Field(default=10, ge=1)
    """Steps per line on the console; every step is in metrics.jsonl."""
    tensorboard: bool = True
    """Event files for TensorBoard, where it is installed."""
    wandb_project: str | None = None
    """Project of Weights & Biases; needs the package wandb."""


class Parent(Frozen):
    """What a branch starts from: the checkpoint's weights and optimizer state; steps and tokens count from 0 again."""

    checkpoint: str
    """Checkpoint folder; a relative path starts at the folder that holds the run folders (`out`)."""
    digest: str | None = None
    """The checkpoint's digest, checked at start; null in a shipped run, whose parent is still to be trained."""
    tokens: int | None = Field(default=None, ge=0)
    """Tokens that the parent had seen, its own parents' included; recorded by `mathmill branch`."""


class Run(Frozen):
    """A whole run, or a branch where `parent` is set."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run and of its folder: letters, digits, `.`, `_`, `-`."""
    model: ModelSettings
    mixture: str
    """Mixture file (relative paths start at the run file), or the name of a shipped mixture."""
    num_steps: int = Field(ge=1)
    """Budget, in optimizer steps."""
    sequences_per_step: int = Field(ge=1)
    """Global batch, in sequences of the mixture's length."""
    schedule: Schedule
    optimizer: OptimizerSettings = OptimizerSettings()
    parallel: ParallelSettings = ParallelSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings | None = None
    watch: WatchSettings = WatchSettings()
    parent: Parent | None = None
    seed: int = Field(default=0, ge=0)
    """Seed of random weights; the order of the data has its own seed, in the mixture."""

    @model_validator(mode="after")
    def _rate(self) -> "Run":
        if self.parent is None and self.schedule.lr is None:
            raise ValueError("schedule.lr is missing; add it (only a branch reads it from its parent)")
        if self.parent is not None and self.schedule.lr is not None:
            raise ValueError(f"schedule.lr {self.schedule.lr} in a branch; leave it out, the parent's rate is read")
        return self

    def num_tokens(self, sequence_length: int) -> int:
        """The budget in tokens."""
        return self.num_steps * self.sequences_per_step * sequence_length


@dataclass(frozen=True)
class LoadedRun:
    """A run and where it came from; relative paths in it start at `folder`."""

    run: Run
    path: Path

    @property
    def folder(self) -> Path:
        """Folder of the run file."""
        return self.path.parent

    def moved(self, folder: Path) -> "LoadedRun":
        """The same run as a file in another folder: relative paths are written anew."""
        run = self.run

        def path(value: str) -> str:
            if Path(value).expanduser().is_absolute() or not (self.folder / value).exists():
                return value  # a name, of a shipped mixture or on the Hub
            return os.path.relpath((self.folder / value).resolve(), folder.resolve())

        model = run.model if run.model.path is None else run.model.model_copy(update={"path": path(run.model.path)})
        evaluation = run.evaluation
        if evaluation is not None:
            evaluation = evaluation.model_copy(update={"mixture": path(evaluation.mixture)})
        update = {"mixture": path(run.mixture), "model": model, "evaluation": evaluation}
        return LoadedRun(run.model_copy(update=update), folder / RUN_FILE)

    def write(self) -> None:
        """Write `text` to `path`."""
        from pipeline.files import write_text  # pyarrow is not wanted where a run is only read

        write_text(self.path, self.text())

    def text(self) -> str:
        """The run file, overrides included."""
        values = self.run.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    def mixture(self, name: str) -> Path:
        """The mixture file that a field names.

        Raises:
            BadInput: there is none.
        """
        local = self.folder / Path(name).expanduser()
        return local if local.is_file() else find_config("mixture", name)


def load_run(name: str | Path, overrides: tuple[str, ...] = ()) -> LoadedRun:
    """Read and validate a run by path or shipped name; `overrides` are `a.b=value`, the value in YAML.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    path = find_config("run", str(name))
    return LoadedRun(load_kind("mid", Run, path, overrides), path)


_KINDS = {"mid": "mixture", "rl": "prompts", "rpt": "positions"}
"""Commands of `train`, and the key that only their runs have."""


def load_kind(kind: str, model: type[AnyRun], path: Path, overrides: tuple[str, ...]) -> AnyRun:
    """Read and validate the run of one command of `train`.

    Raises:
        BadInput: one line that names file, field, value and mend; of a run of another command, that command.
    """
    try:
        return load_config(model, path, overrides)
    except BadInput as error:
        keys = read_yaml(path)
        if not isinstance(keys, dict) or _KINDS[kind] in keys:
            raise
        for other, key in _KINDS.items():
            if key in keys:
                mend = f"run it by `mathmill train {other}`, or give a run with {_KINDS[kind]}"
                raise BadInput(f"{path}: a run of `train {other}`, as it has {key}; {mend}") from error
        raise
