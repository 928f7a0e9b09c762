"""One task of a phase, in a process of its own: its share of the parts, through datatrove."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from datatrove.executor.base import DistributedEnvVars, PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats

from pipeline.attempt import progress_path, read_share, read_spec
from pipeline.errors import BuildFailed
from pipeline.files import writer
from pipeline.recipe import LoadedRecipe
from pipeline.stage import Part
from pipeline.stages import open_stage

GIVEN_UP = 3
_PROGRESS_EVERY_S = 0.5


class RunParts(PipelineStep):
    """The datatrove step that runs a task's share of a phase."""

    name = "parts"
    type = "mathmill"

    def __init__(self, attempt: Path) -> None:
        super().__init__()
        self.attempt = attempt

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Generator[Any, None, None]:
        """Run each part that is not committed yet; yields nothing. A rank beyond the shares has nothing to do."""
        spec = read_spec(self.attempt)
        if rank >= spec.tasks:
            return
        loaded = LoadedRecipe(spec.recipe, Path(spec.recipe_path))
        stage = open_stage(loaded, [Path(folder) for folder in spec.folders])
        phase = next(phase for phase in stage.phases() if phase.name == spec.phase)
        parts = read_share(self.attempt, rank)
        committed = stage.committed(phase.name, parts)
        reporter = _Reporter(progress_path(self.attempt, rank))
        try:
            for part in parts:
                if part.name not in committed:
                    reporter.start(part)
                    with self.track_time("part"):
                        stage.run_part(phase, part, reporter.part_bytes)
                    self.stat_update("committed")
                reporter.end(part)
        finally:
            stage.close()
        yield from ()


class _Reporter:
    """Writes the bytes done so far to a file that the build reads, a few times a second at most."""

    def __init__(self, path: Path) -> None:
        self._path, self._done, self._last = path, 0, 0.0

    def start(self, part: Part) -> None:
        self._write(self._done, part.label)
        self._label = part.label

    def part_bytes(self, done: int) -> None:
        if time.monotonic() - self._last >= _PROGRESS_EVERY_S:
            self._write(self._done + done, self._label)

    def end(self, part: Part) -> None:
        self._done += part.bytes
        self._write(self._done, "")

    def _write(self, done: int, label: str) -> None:
        self._last = time.monotonic()
        temporary = self._path.with_name(f"{self._path.name}.{writer()}.tmp")
        temporary.write_text(f"{done}\n{label}\n", encoding="utf-8")
        temporary.replace(self._path)


class RankExecutor(PipelineExecutor):
    """datatrove's executor for one rank in this very process: no pool, no manager process to leak or to wait for."""

    def __init__(self, pipeline: list[PipelineStep], tasks: int, rank: int, logging_dir: str) -> None:
        super().__init__(pipeline, logging_dir, skip_completed=False)
        self._tasks, self._rank = tasks, rank

    def run(self) -> PipelineStats:
        """Run the rank; raises what it raised."""
        return self._run_for_rank(self._rank)

    def get_distributed_env(self, node_rank: int = -1) -> DistributedEnvVars:
        """datatrove's variables for a single node."""
        return DistributedEnvVars(
            datatrove_node_ips="localhost",
            datatrove_cpus_per_task="-1",
            datatrove_mem_per_cpu="-1",
            datatrove_gpus_on_node="-1",
            datatrove_executor="LOCAL",
        )

    @property
    def world_size(self) -> int:
        """Number of tasks of the attempt."""
        return self._tasks


def run_task(attempt: Path, rank: int, log: Path, problem: Connection) -> None:
    """The body of a task's process: run its share and exit with 0, or send the problem as one line and exit with 1.

    `GIVEN_UP` is the exit code where another try would end the same way: what it waited for is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the build decides what ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_build()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a task is one core's worth of work
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        RankExecutor([RunParts(attempt)], read_spec(attempt).tasks, rank, str(attempt)).run()
    except BuildFailed as error:
        problem.send(str(error))
        sys.exit(GIVEN_UP)
    except Exception as error:  # noqa: BLE001 - the process boundary: datatrove logged the trace, the build names the task
        problem.send(f"{type(error).__name__}: {' '.join(str(error).split())}")
        sys.exit(1)


def _end_with_build() -> None:
    """End this process when the build that started it is gone: an orphan must not go on writing."""
    build = multiprocessing.parent_process()
    assert build is not None

    def watch() -> None:
        build.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
