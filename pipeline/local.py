"""Runs the missing parts of a phase as local processes, one per task, started and watched here.

A task that dies is seen by its exit code and started once more (it goes on behind its committed parts); one that dies
twice fails the phase, by name. datatrove's own process pool is not used: it waits for ever for a killed worker.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from pipeline.attempt import current_part, done_bytes, write_attempt
from pipeline.errors import BuildFailed
from pipeline.stage import Part, Phase, Stage
from pipeline.worker import GIVEN_UP, run_task

# Forked: a task starts in milliseconds, where a fresh interpreter takes a second to import the pipeline, seven times
# a build. It is safe because the build runs no second thread (`pipeline.progress` draws its bar in this one) but, with
# remote inputs, fsspec's: that one sleeps by then, and fsspec starts another in a forked process.
_CONTEXT = multiprocessing.get_context("fork")
_POLL_S = 0.1
_TRIES = 2


@dataclass
class _Task:
    rank: int
    tries: int
    process: ForkProcess
    problem: Connection
    log: Path


def run_phase(stage: Stage, phase: Phase, missing: list[Part], tasks: int, on_progress: Callable[[int], None]) -> None:
    """Run `missing` with at most `tasks` processes; `on_progress` gets the bytes done, several times a second.

    Raises:
        BuildFailed: a task failed twice, or said that another try would end the same way. Parts that other tasks
            committed stay.
    """
    attempt = _new_attempt(stage.folder / "logs", phase.name)
    count = write_attempt(attempt, stage, phase, missing, tasks).tasks
    running: list[_Task] = []
    failures: list[str] = []
    try:
        for rank in range(count):
            running.append(_start(attempt, rank, 1))  # one by one: an interruption must find those that started
        while running:
            wait([task.process.sentinel for task in running], timeout=_POLL_S)
            on_progress(done_bytes(attempt, count))
            for task in [task for task in running if not task.process.is_alive()]:
                running.remove(task)
                problem = _problem(task)
                if problem is None:
                    continue
                if task.process.exitcode == GIVEN_UP:
                    failures.append(f"{stage.name}/{phase.name}: {problem}")
                elif task.tries < _TRIES:
                    running.append(_start(attempt, task.rank, task.tries + 1))
                else:
                    label = current_part(attempt, task.rank)
                    where = f" at {label}" if label else ""
                    failures.append(
                        f"{stage.name}/{phase.name}: task {task.rank + 1} of {count} failed twice{where}: "
                        f"{problem}; log: {task.log}"
                    )
    finally:
        for task in running:
            task.process.kill()
            task.process.join()
    if failures:
        raise BuildFailed("\n".join(dict.fromkeys(failures)))


def _new_attempt(logs: Path, phase: str) -> Path:
    number = 1 + len(list(logs.glob(f"{phase}-*")))
    attempt = logs / f"{phase}-{number:03d}"
    attempt.mkdir(parents=True)
    return attempt


def _start(attempt: Path, rank: int, tries: int) -> _Task:
    log = attempt / f"task-{rank:05d}.try-{tries}.log"
    problem, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=run_task, args=(attempt, rank, log, sender))
    process.start()
    sender.close()
    return _Task(rank, tries, process, problem, log)


def _problem(task: _Task) -> str | None:
    """Why an ended task failed; None when it did not."""
    code = task.process.exitcode
    if code == 0:
        return None
    assert code is not None
    with contextlib.suppress(EOFError):  # it ended without a word
        return str(task.problem.recv())
    return f"killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
