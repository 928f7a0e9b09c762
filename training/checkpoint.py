"""Checkpoints that are complete or not there: DCP shards, then `done.json`, written last.

`step-NNNNNNN/` holds the shards of weights and optimizer, the model's config.json, `branches/` (a file for each branch
that started here: such a checkpoint is never pruned) and `done.json`, which says where in the data the run stands. A
folder without done.json never happened. Loading works on any number of processes.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from pydantic import ConfigDict, Field, ValidationError
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import digest, file_digest, write_json
from pipeline.frozen import Frozen
from pipeline.publish.uploader import Uploader
from training.ledger import ComponentLedger, Ledger
from training.model import LossModel
from training.run import CheckpointSettings, Run
from training.world import World

DONE = "done.json"
BRANCHES = "branches"
_OPTIONS = StateDictOptions(flatten_optimizer_state_dict=True)


class File(Frozen):
    """A file of a checkpoint."""

    bytes: int
    xxh3_128: str


class ParentRecord(Frozen):
    """What a branch came from. Its parent's ledger stays apart from its own."""

    checkpoint: str
    digest: str
    tokens: int
    ledger: dict[str, dict[str, int]]


class CheckpointRecord(Frozen):
    """What every kind of run writes into done.json."""

    schema_version: Literal[1] = 1
    step: int
    """Steps done."""
    run: Any
    """The run, overrides included."""
    files: dict[str, File] = Field(default_factory=dict)
    """Every file but this one, by relative path."""

    @property
    def digest(self) -> str:
        """32 hex digits over the record, and with it over every byte of the checkpoint."""
        return digest(self.model_dump(mode="json"))

    @property
    def kept_step(self) -> int | None:
        """A step whose checkpoint is not pruned, beside those that the settings keep."""
        return None


class AnyRecord(CheckpointRecord):
    """What is common to the records of all kinds of runs; the rest of done.json is left unread."""

    model_config = ConfigDict(extra="ignore")


class Record(CheckpointRecord):
    """done.json of a mid-training run. Steps and tokens are its own; a branch counts from 0.

    The next sequence is step × run.sequences_per_step.
    """

    tokens: int
    """Tokens seen."""
    lr: float
    """Rate that the schedule has here: a branch starts with it."""
    base_lr: float
    """Rate that the schedule started from: the run's own, or the parent's."""
    order_digest: str
    """Of the data's order; a resume under another one is refused."""
    ledger: dict[str, dict[str, int]]
    """By component: sequences, seen, trained, masked, dropped, repeats."""
    tokenizer: dict[str, Any]
    """Of the token shards."""
    run: Run
    """The run, overrides included; relative paths in it start at the run's folder."""
    parent: ParentRecord | None = None

    @property
    def total_tokens(self) -> int:
        """Tokens that the weights have seen, the parent's included."""
        return self.tokens + (self.parent.tokens if self.parent else 0)


Kind = TypeVar("Kind", bound=CheckpointRecord)


def plain_ledger(ledger: Ledger) -> dict[str, dict[str, int]]:
    """A ledger as JSON values."""
    return {name: asdict(part) for name, part in ledger.items()}


def parse_ledger(values: dict[str, dict[str, int]]) -> Ledger:
    """A ledger from JSON values."""
    return {name: ComponentLedger(**part) for name, part in values.items()}


@overload
def read_record(folder: Path) -> Record: ...
@overload
def read_record(folder: Path, kind: type[Kind]) -> Kind: ...
def read_record(folder: Path, kind: type[CheckpointRecord] = Record) -> CheckpointRecord:
    """The record of a complete checkpoint of a kind of run.

    Raises:
        BadInput: there is none, or it is not one.
    """
    path = folder / DONE
    if not path.is_file():
        raise BadInput(f"{folder}: not a complete checkpoint (no {DONE}); give a step-NNNNNNN folder of a run")
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        raise BadInput(f"{path}: {field}: {problem['msg']}; take another checkpoint") from error


def complete_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"step-*/{DONE}"))


def step_folder(folder: Path, step: int) -> Path:
    """Where a run's checkpoint of a step stands."""
    return folder / f"step-{step:07d}"


def check_files(folder: Path, record: CheckpointRecord, rank: int = 0, size: int = 1) -> None:
    """Compare sizes and digests of a checkpoint's files; of `size` ranks each reads its share.

    Raises:
        BadInput: names the file.
    """
    for index, (name, file) in enumerate(sorted(record.files.items())):
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != file.bytes:
            raise BadInput(
                f"{path}: {'missing' if found is None else f'{found} bytes'}, {DONE} says {file.bytes} bytes"
            )
        if index % size == rank and file_digest(path) != file.xxh3_128:
            raise BadInput(f"{path}: its bytes are not those of {DONE}; restore it, or take an earlier checkpoint")


def load_checkpoint(
    folder: Path,
    record: CheckpointRecord,
    model: LossModel,
    optimizer: torch.optim.Optimizer,
    world: World,
    average: LossModel | None = None,
) -> None:
    """Fill a sharded model and its optimizer from a checkpoint of any number of processes, whose record is given.

    `average` is a second model that the checkpoint holds too.

    Raises:
        BadInput: it is incomplete, or a file is not what done.json says.
    """
    check_files(folder, record, world.rank, world.size)
    weights, moments = get_state_dict(model.model, optimizer, options=_OPTIONS)
    state = {"model": weights, "optimizer": moments}
    if average is not None:
        state["average"] = get_model_state_dict(average.model)
    dcp.load(state, checkpoint_id=folder)
    if average is not None:
        set_model_state_dict(average.model, state["average"])
    set_state_dict(
        model.model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"], options=_OPTIONS
    )


def load_weights(folder: Path, model: LossModel) -> None:
    """Fill a sharded model from a checkpoint of any number of processes, which was checked before."""
    weights = get_model_state_dict(model.model)
    dcp.load({"model": weights}, checkpoint_id=folder)
    set_model_state_dict(model.model, weights)


class Checkpointer:
    """Writes the checkpoints of a run in the background, and removes those that need not stay.

    Args:
        folder: of the run.
        world: the group of processes.
        settings: which checkpoints stay.
        on_complete: called on the first process with the record of each checkpoint once it is complete, before others
            are removed.
    """

    def __init__(
        self,
        folder: Path,
        world: World,
        settings: CheckpointSettings,
        on_complete: Callable[[Any], None] | None = None,
    ) -> None:
        self._folder, self._world, self._settings, self._on_complete = folder, world, settings, on_complete
        self._uploader = Uploader(settings.upload) if settings.upload is not None else None
        # Planning collectives on NCCL have run out of GPU memory; gloo's need none, and this group is nobody else's.
        self._group = dist.new_group(backend="gloo")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None

    def save(
        self,
        record: CheckpointRecord,
        config: Any,
        model: LossModel,
        optimizer: torch.optim.Optimizer,
        average: LossModel | None = None,
    ) -> None:
        """Copy the state and return; the files follow in the background. Waits for the save before."""
        self.wait()
        folder = step_folder(self._folder, record.step)
        if self._world.is_first:
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            config.save_pretrained(folder)
        dist.barrier(group=self._group)
        weights, moments = get_state_dict(model.model, optimizer, options=_OPTIONS)
        state = {"model": weights, "optimizer": moments}
        if average is not None:
            state["average"] = get_model_state_dict(average.model)
        saved = dcp.async_save(state, checkpoint_id=folder, process_group=self._group)
        self._pending = self._thread.submit(self._finish, saved, folder, record)

    def wait(self) -> None:
        """Return when the last save is complete.

        Raises:
            BuildFailed: it failed.
        """
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        try:
            pending.result()
        except (OSError, RuntimeError, dcp.CheckpointException) as error:
            raise BuildFailed(f"the checkpoint could not be written: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        """Finish what was begun."""
        self.wait()
        self._thread.shutdown()

    def _finish(self, saved: "Future[Any]", folder: Path, record: CheckpointRecord) -> None:
        saved.result()
        pattern = f"__{self._world.rank}_*"
        mine = {path.name: _describe(path) for path in folder.glob(pattern)}
        gathered: list[dict[str, File] | None] = [None] * self._world.size
        dist.all_gather_object(gathered, mine, group=self._group)
        if not self._world.is_first:
            return
        files = {name: file for part in gathered if part is not None for name, file in part.items()}
        for path in sorted(folder.iterdir()):
            if path.name not in files:
                files[path.name] = _describe(path)
        record = record.model_copy(update={"files": dict(sorted(files.items()))})
        write_json(folder / DONE, record.model_dump(mode="json"))
        if self._on_complete is not None:
            self._on_complete(record)
        self._prune(record)
        if self._uploader is not None:
            self._uploader.send(folder, [*record.files, DONE], f"{record.run.name}/{folder.name}")

    def _prune(self, newest: CheckpointRecord) -> None:
        folders = complete_checkpoints(self._folder)
        every = self._settings.keep_every_steps
        for folder in folders[: -self._settings.keep_last]:
            step = int(folder.name.removeprefix("step-"))
            kept = (every is not None and step % every == 0) or step in (newest.run.num_steps, newest.kept_step)
            if not kept and not (folder / BRANCHES).exists():
                remove(folder)


def _describe(path: Path) -> File:
    return File(bytes=path.stat().st_size, xxh3_128=file_digest(path))


def remove(folder: Path) -> None:
    """Delete a checkpoint, done.json first, so that what is left of a killed deletion is no checkpoint."""
    (folder / DONE).unlink(missing_ok=True)
    shutil.rmtree(folder)


def remove_incomplete(folder: Path) -> Iterator[Path]:
    """Delete what killed saves left in a run folder, and tell what. Call it while no run writes there."""
    for path in sorted(folder.glob("step-*")):
        if not (path / DONE).exists():
            shutil.rmtree(path)
            yield path


def mark_branch(checkpoint: Path, name: str) -> None:
    """Note in a checkpoint that a branch starts there: it is never pruned."""
    write_json(checkpoint / BRANCHES / f"{name}.json", {"branch": name})
