"""An element of a step's array: one task of the phase, through datatrove as in a local build.

On SIGUSR1, which Slurm can send before a time limit or a preemption, it goes back into the queue, and later goes on
behind its finished parts. What stops it is left in `problem-RANK` beside its share, for the finalise job to tell.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import write_text
from pipeline.slurm import submission
from pipeline.worker import GIVEN_UP, RankExecutor, RunParts


def problem_path(attempt: Path, rank: int) -> Path:
    """Where a task leaves what stopped it, in a line."""
    return attempt / f"problem-{rank:05d}"


def _requeue(number: int, frame: FrameType | None) -> None:
    element = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    subprocess.run(["scontrol", "requeue", element], check=True)
    sys.exit(128 + number)


def main(folder: str, number: str, first: str) -> int:
    """Run the task that this element of the array whose first task is `first` stands for; its exit code."""
    rank = int(first) + int(os.environ["SLURM_ARRAY_TASK_ID"])
    plan = submission.read(Path(folder))
    attempt = submission.step_folder(Path(folder), plan, int(number))
    problem = problem_path(attempt, rank)
    problem.unlink(missing_ok=True)
    signal.signal(signal.SIGUSR1, _requeue)
    try:
        RankExecutor([RunParts(attempt)], plan.steps[int(number)].tasks, rank, str(attempt)).run()
    except (BadInput, BuildFailed) as error:
        write_text(problem, str(error))
        return GIVEN_UP
    except Exception as error:  # noqa: BLE001 - the process boundary: datatrove logged the trace, the finalise job tells
        write_text(problem, f"{type(error).__name__}: {' '.join(str(error).split())}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
