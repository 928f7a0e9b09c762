"""Branches: runs that go on from a checkpoint on other data, written as records and then trained like any run."""

import os
from pathlib import Path

from pydantic import ValidationError

from pipeline.config import find_config
from pipeline.errors import BadInput
from training.checkpoint import check_files, mark_branch, read_record
from training.run import RUN_FILE, LoadedRun, Parent, Run
from training.schedule import Schedule


def make_branches(
    checkpoint: Path,
    mixtures: list[str],
    *,
    num_steps: int | None = None,
    decay: str = "cosine",
    final_ratio: float = 0.1,
    folder: Path | None = None,
) -> list[Path]:
    """Write a run file for each mixture; they differ in name and mixture alone.

    A branch keeps its parent's model, optimizer and batch, starts with the parent's learning rate and optimizer state,
    and counts steps and tokens from 0. The checkpoint is marked, so that it is never pruned.

    Args:
        checkpoint: folder of a complete checkpoint; every byte of it is checked.
        mixtures: mixture files, or names of shipped ones.
        num_steps: of each branch; None: a tenth of the parent's, as OctoThinker has it (20B after 200B tokens).
        decay: shape of the learning rate; `constant` for none.
        final_ratio: fraction of the parent's rate that the decay ends at.
        folder: where the files go; None: where the folder of the parent's run stands.

    Returns:
        The run files.

    Raises:
        BadInput: no complete checkpoint, no such mixture, or a branch of that name that is another.
    """
    try:
        schedule = Schedule.model_validate({"decay": decay, "final_ratio": final_ratio})
    except ValidationError as error:
        raise BadInput(f"--decay {decay}: {error.errors()[0]['msg']}; correct it") from error
    record = read_record(checkpoint)
    check_files(checkpoint, record)
    home = checkpoint.absolute().parent
    folder = home.parent if folder is None else folder
    parent = Parent(checkpoint=f"{home.name}/{checkpoint.name}", digest=record.digest, tokens=record.total_tokens)
    base = LoadedRun(record.run, home / RUN_FILE).moved(folder).run
    steps = max(1, -(-record.run.num_steps // 10)) if num_steps is None else num_steps
    written = []
    for mixture in mixtures:
        found = find_config("mixture", mixture)
        run = base.model_copy(
            update={
                "name": f"{record.run.name}-{found.stem}",
                "mixture": _relative(mixture, found, folder),
                "num_steps": steps,
                "schedule": schedule,
                "parent": parent,
            }
        )
        loaded = LoadedRun(Run.model_validate(run.model_dump()), folder / f"{run.name}.yaml")
        if loaded.path.exists() and loaded.path.read_text(encoding="utf-8") != loaded.text():
            raise BadInput(f"{loaded.path}: another branch of that name; delete it, or give another --out")
        loaded.write()
        mark_branch(checkpoint, run.name)
        written.append(loaded.path)
    return written


def _relative(name: str, found: Path, folder: Path) -> str:
    """How a run file in `folder` names a mixture."""
    return os.path.relpath(found.resolve(), folder.resolve()) if Path(name).is_file() else name
