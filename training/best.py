"""The best checkpoint of a run by its evaluations: kept, named in `best.json`, and what `export` takes of a run."""

import json
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.files import write_json
from pipeline.frozen import Frozen
from training.checkpoint import complete_checkpoints, step_folder

BEST = "best.json"


class Best(Frozen):
    """The evaluation that was best so far; of equal ones the first."""

    step: int
    """Steps done then; 0: the model that the run began with, which has no checkpoint."""
    figure: str
    """Which figure of metrics.jsonl it is, the higher the better."""
    value: float


def better(best: Best | None, step: int, figure: str, value: float) -> Best:
    """The best of an earlier best and a new evaluation."""
    return best if best is not None and best.value >= value else Best(step=step, figure=figure, value=value)


def write_best(folder: Path, best: Best) -> None:
    """Name the best checkpoint of the run in `folder`, once it is complete."""
    checkpoint = step_folder(folder, best.step).name if best.step else None
    write_json(folder / BEST, {**best.model_dump(mode="json"), "checkpoint": checkpoint})


def find_checkpoint(folder: Path) -> Path:
    """The checkpoint that `folder` means: itself, or of a run's folder the best one, else the newest.

    Raises:
        BadInput: a run without a complete checkpoint.
    """
    if folder.name.startswith("step-") or not folder.is_dir():
        return folder
    complete = complete_checkpoints(folder)
    if not complete:
        raise BadInput(f"{folder}: no complete checkpoint in it; give a run's folder, or its step-NNNNNNN")
    if not (folder / BEST).is_file():
        return complete[-1]
    named = json.loads((folder / BEST).read_text(encoding="utf-8"))["checkpoint"]
    return complete[-1] if named is None else folder / str(named)
