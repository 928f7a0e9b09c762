"""One attempt at a phase: its missing parts shared out to tasks, in a folder that the tasks read and report to.

The folder holds `spec.json`, `share-RANK.json` (the parts of a task) and `progress-RANK` (how far the task is).
"""

import heapq
from pathlib import Path

from pipeline.files import read_json, write_json
from pipeline.frozen import Frozen
from pipeline.recipe import Recipe
from pipeline.stage import Part, Phase, Stage


class Spec(Frozen):
    """What the tasks of an attempt need. `folders` are those of the stage and of all before it."""

    recipe: Recipe
    recipe_path: str
    folders: tuple[str, ...]
    phase: str
    tasks: int
    """Shares; 0 when nothing was missing."""
    total_bytes: int
    """Bytes of all parts of the phase; 0 when nothing was missing."""
    before_bytes: int
    """Bytes of the parts that were committed before."""


def write_attempt(folder: Path, stage: Stage, phase: Phase, missing: list[Part], tasks: int) -> Spec:
    """Share out `missing` to at most `tasks` tasks and write that down in `folder`; `spec.json` comes last."""
    shares = share_out(missing, min(tasks, phase.most_tasks or tasks))
    for rank, share in enumerate(shares):
        write_json(folder / f"share-{rank:05d}.json", [part.model_dump() for part in share])
    total = sum(part.bytes for part in phase.parts()) if missing else 0
    spec = Spec(
        recipe=stage.recipe,
        recipe_path=str(stage.loaded.path.absolute()),
        folders=tuple(str(folder.absolute()) for folder in stage.folders()),
        phase=phase.name,
        tasks=len(shares),
        total_bytes=total,
        before_bytes=total - sum(part.bytes for part in missing),
    )
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return spec


def read_spec(folder: Path) -> Spec:
    """The spec of an attempt."""
    return Spec.model_validate(read_json(folder / "spec.json"), strict=False)


def read_share(folder: Path, rank: int) -> list[Part]:
    """The parts of a task."""
    return [Part.model_validate(part) for part in read_json(folder / f"share-{rank:05d}.json")]


def progress_path(folder: Path, rank: int) -> Path:
    """Where a task says how far it is: the bytes done, and the part it is at, on a line each."""
    return folder / f"progress-{rank:05d}"


def done_bytes(folder: Path, tasks: int) -> int:
    """Bytes that the tasks of an attempt have done so far."""
    return sum(_progress(folder, rank)[0] for rank in range(tasks))


def current_part(folder: Path, rank: int) -> str:
    """Label of the part that a task is at, or was when it ended; empty between parts."""
    return _progress(folder, rank)[1]


def _progress(folder: Path, rank: int) -> tuple[int, str]:
    path = progress_path(folder, rank)
    if not path.exists():
        return 0, ""
    done, label, *_ = path.read_text(encoding="utf-8").splitlines()
    return int(done), label


def share_out(parts: list[Part], tasks: int) -> list[list[Part]]:
    """Parts to at most `tasks` shares of about equal bytes: largest first, each to the share that has least."""
    shares: list[list[Part]] = [[] for _ in range(min(tasks, len(parts)))]
    loads = [(0, index) for index in range(len(shares))]
    for part in sorted(parts, key=lambda part: (-part.bytes, part.name)):
        load, index = heapq.heappop(loads)
        shares[index].append(part)
        heapq.heappush(loads, (load + part.bytes + 1, index))
    return shares
