"""Where a run begins: anew, at its own newest checkpoint, or, in a branch, at its parent's."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput
from training.checkpoint import (
    ParentRecord,
    Record,
    complete_checkpoints,
    mark_branch,
    parse_ledger,
    read_record,
)
from training.data import MixtureData
from training.ledger import Ledger
from training.run import Run
from training.watch import beginning


@dataclass(frozen=True)
class Start:
    """Where a run begins."""

    step: int
    """Steps done."""
    base_lr: float
    """Rate that the schedule starts from."""
    ledger: Ledger
    """Of the steps done; a parent's is not in it."""
    checkpoint: Path | None = None
    """What weights and optimizer state are read from; None: the model's own weights."""
    parent: ParentRecord | None = None

    def describe(self, run: Run) -> str:
        """In one line."""
        if self.step == 0 and self.parent is not None:
            return f"{run.name}: branches from {self.parent.checkpoint} with learning rate {self.base_lr:g}"
        return f"{run.name}: {beginning(self.step, run.num_steps)}"


def find_start(run: Run, out: Path, data: MixtureData, *, mark: bool = False) -> Start:
    """Where `run` begins in the folder `out`.

    Args:
        run: the run.
        out: its folder.
        data: its mixture.
        mark: note a branch in its parent's checkpoint, so that it is never pruned.

    Raises:
        BadInput: the newest checkpoint is of another run or order, or the parent is not what the branch names.
    """
    if complete := complete_checkpoints(out):
        return _resume(run, complete[-1], data)
    if run.parent is None:
        assert run.schedule.lr is not None
        return Start(0, run.schedule.lr, data.ledger(0, 0))
    folder = out.parent / Path(run.parent.checkpoint).expanduser()
    record = read_record(folder)
    if run.parent.digest is not None and run.parent.digest != record.digest:
        raise BadInput(
            f"parent.checkpoint: {folder}: its digest is {record.digest}, the branch names {run.parent.digest};"
            " give the checkpoint that the branch was made from, or branch again"
        )
    if record.tokenizer != data.tokenizer.model_dump():
        raise BadInput(
            f"mixture: {run.mixture}: its tokens were made with {data.tokenizer.name}, {folder} was trained on those of"
            f" {record.tokenizer['name']}; tokenize with that one"
        )
    if mark:
        mark_branch(folder, run.name)
    parent = ParentRecord(
        checkpoint=run.parent.checkpoint, digest=record.digest, tokens=record.total_tokens, ledger=record.ledger
    )
    return Start(0, record.lr, data.ledger(0, 0), folder, parent)


def _resume(run: Run, folder: Path, data: MixtureData) -> Start:
    record = read_record(folder)
    if record.order_digest != data.order_digest:
        raise BadInput(
            f"{folder}: made with the data order {record.order_digest}, the mixture now gives {data.order_digest};"
            " restore mixture and token shards, or begin anew with another --out"
        )
    for field, mine, theirs in _fixed(run, record):
        if mine != theirs:
            raise BadInput(
                f"{folder}: made with {field}: {theirs!r}, the run says {mine!r}; restore it, or take another --out"
            )
    if record.step > run.num_steps:
        raise BadInput(f"num_steps: {run.num_steps}: {folder} has {record.step} steps already; raise it")
    return Start(record.step, record.base_lr, parse_ledger(record.ledger), folder, record.parent)


def _fixed(run: Run, record: Record) -> list[tuple[str, object, object]]:
    """What a resume may not change, since position or weights depend on it."""
    before = record.run
    parent = None if run.parent is None else run.parent.checkpoint
    return [
        ("sequences_per_step", run.sequences_per_step, before.sequences_per_step),
        ("model.path", run.model.path, before.model.path),
        ("model.config", run.model.config, before.model.config),
        ("parent.checkpoint", parent, None if before.parent is None else before.parent.checkpoint),
    ]
