"""Runs the missing parts of a phase as local processes, one per task, started and watched here.

A task that dies is seen by its exit code and started once more (it goes on behind its committed parts); one that dies
twice fails the phase, by name. datatrove's own process pool is not used: it waits for ever for a killed worker.
"""

import heapq
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.errors import BuildFailed
from pipeline.files import write_json
from pipeline.stage import Part, Phase, Stage
from pipeline.worker import Spec

_POLL_S = 0.1
_TRIES = 2


@dataclass
class _Task:
    rank: int
    tries: int
    process: subprocess.Popen[str]
    log: Path


def run_phase(stage: Stage, phase: Phase, missing: list[Part], tasks: int, on_progress: Callable[[int], None]) -> None:
    """Run `missing` with at most `tasks` processes; `on_progress` gets the bytes done, several times a second.

    Raises:
        BuildFailed: a task failed twice. Parts that other tasks committed stay.
    """
    attempt = _new_attempt(stage.folder / "logs", phase.name)
    shares = share_out(missing, tasks)
    spec = Spec(
        recipe=stage.recipe,
        recipe_path=str(stage.loaded.path.absolute()),
        folders=tuple(str(folder.absolute()) for folder in stage.folders()),
        phase=phase.name,
        attempt=str(attempt.absolute()),
        tasks=len(shares),
    )
    spec_path = attempt / "spec.json"
    write_json(spec_path, spec.model_dump())
    for rank, share in enumerate(shares):
        write_json(attempt / f"share-{rank:05d}.json", [part.model_dump() for part in share])
    running: list[_Task] = []
    failures: list[str] = []
    try:
        running += [_start(spec_path, rank, 1) for rank in range(len(shares))]
        while running:
            _wait_for_one(running)
            on_progress(sum(_done_bytes(attempt / f"progress-{rank:05d}") for rank in range(len(shares))))
            for task in [task for task in running if task.process.poll() is not None]:
                running.remove(task)
                problem = _problem(task)
                if problem is None:
                    continue
                if task.tries < _TRIES:
                    running.append(_start(spec_path, task.rank, task.tries + 1))
                else:
                    where = _current_part(attempt / f"progress-{task.rank:05d}")
                    failures.append(
                        f"{stage.name}/{phase.name}: task {task.rank + 1} of {len(shares)} failed twice{where}: "
                        f"{problem}; log: {task.log}"
                    )
    finally:
        for task in running:
            task.process.kill()
            task.process.wait()
    if failures:
        raise BuildFailed("\n".join(failures))


def share_out(parts: list[Part], tasks: int) -> list[list[Part]]:
    """Parts to at most `tasks` shares of about equal bytes: largest first, each to the share that has least."""
    shares: list[list[Part]] = [[] for _ in range(min(tasks, len(parts)))]
    loads = [(0, index) for index in range(len(shares))]
    for part in sorted(parts, key=lambda part: (-part.bytes, part.name)):
        load, index = heapq.heappop(loads)
        shares[index].append(part)
        heapq.heappush(loads, (load + part.bytes + 1, index))
    return shares


def _new_attempt(logs: Path, phase: str) -> Path:
    number = 1 + len(list(logs.glob(f"{phase}-*")))
    attempt = logs / f"{phase}-{number:03d}"
    attempt.mkdir(parents=True)
    return attempt


def _start(spec_path: Path, rank: int, tries: int) -> _Task:
    log = spec_path.parent / f"task-{rank:05d}.try-{tries}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.worker", str(spec_path), str(rank)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    return _Task(rank, tries, process, log)


def _wait_for_one(running: list[_Task]) -> None:
    """Wait a moment for the first task; whichever ended is found by the caller."""
    try:
        running[0].process.wait(timeout=_POLL_S)
    except subprocess.TimeoutExpired:
        return


def _problem(task: _Task) -> str | None:
    """Why an ended task failed; None when it did not."""
    process = task.process
    output: IO[str] | None = process.stdout
    assert output is not None
    assert process.stdin is not None
    lines = output.read().splitlines()
    output.close()
    process.stdin.close()
    if process.returncode == 0:
        return None
    if process.returncode < 0:
        return f"killed by signal {-process.returncode} ({signal.Signals(-process.returncode).name})"
    return lines[-1] if lines else f"exit code {process.returncode}"


def _progress(path: Path) -> tuple[int, str]:
    if not path.exists():
        return 0, ""
    done, label, *_ = path.read_text(encoding="utf-8").splitlines()
    return int(done), label


def _done_bytes(path: Path) -> int:
    return _progress(path)[0]


def _current_part(path: Path) -> str:
    label = _progress(path)[1]
    return f" at {label}" if label else ""
