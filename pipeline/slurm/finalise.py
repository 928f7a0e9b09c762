"""The finalise job of a step: it runs after the step's array, however that ended.

It checks the parts, closes the stage when the phase was its last (ledger, done.json), and writes what the tasks of the
next step read; after the last step it makes the corpus. Then it writes `complete.json`; or `failed.json`, and exits
with 1, and Slurm ends the jobs that depend on it.
"""

import sys
import time
import traceback
from pathlib import Path

from pipeline.attempt import current_part, read_share, read_spec, write_attempt
from pipeline.errors import BadInput, BuildFailed
from pipeline.files import write_json
from pipeline.slurm import submission
from pipeline.slurm.element import problem_path
from pipeline.slurm.submission import Submission, step_folder
from pipeline.stage import Part, Phase, Stage

_LOG_LINES = 5
_NAMED = 5


def finalise(folder: Path, number: int) -> None:
    """Finish a step and plan the next one.

    Raises:
        BuildFailed: parts are not complete; it names the elements, with the last lines of their logs.
    """
    plan = submission.read(folder)
    stage = submission.stage_of(plan, number)
    phase = _phase(stage, plan, number)
    if not stage.is_done():
        if missing := _missing(stage, phase, plan.profile.settle_s):
            raise BuildFailed(_explain(folder, plan, number, {part.name for part in missing}))
        if plan.steps[number].last:
            stage.finish()
    if number + 1 < len(plan.steps):
        prepare(folder, plan, number + 1)
    else:
        from pipeline.corpus import finish_corpus  # the report's imports are dear, and only the last job needs them

        finish_corpus(plan.loaded, Path(plan.out), stage.lineage())
    summary = f"{stage.name}: {stage.ledger().in_words()}" if plan.steps[number].last else ""
    write_json(step_folder(folder, plan, number) / "complete.json", {"summary": summary})


def prepare(folder: Path, plan: Submission, number: int) -> None:
    """Write what the tasks of a step read: the missing parts of its phase, shared out."""
    stage = submission.stage_of(plan, number)
    phase = _phase(stage, plan, number)
    done = stage.is_done()
    if not done and phase.name == stage.phases()[0].name:
        stage.begin()
    write_attempt(
        step_folder(folder, plan, number), stage, phase, [] if done else stage.missing(phase), plan.steps[number].tasks
    )


def _phase(stage: Stage, plan: Submission, number: int) -> Phase:
    return next(phase for phase in stage.phases() if phase.name == plan.steps[number].phase)


def _missing(stage: Stage, phase: Phase, settle_s: float) -> list[Part]:
    """The missing parts, once what other nodes wrote must be visible here."""
    end = time.monotonic() + settle_s
    while (missing := stage.missing(phase)) and time.monotonic() < end:
        time.sleep(1)
    return missing


def _explain(folder: Path, plan: Submission, number: int, missing: set[str]) -> str:
    """Which elements did not do their share, and what their logs say last."""
    step, attempt = plan.steps[number], step_folder(folder, plan, number)
    arrays = submission.arrays(folder, number)
    tasks = read_spec(attempt).tasks
    failed = [rank for rank in range(tasks) if missing & {part.name for part in read_share(attempt, rank)}]
    if not failed:
        return f"{step.name}: {len(missing)} input(s) came after the jobs were submitted"
    lines = [f"{step.name}: {len(missing)} part(s) not complete, of {len(failed)} of {tasks} task(s)"]
    for rank in failed[:_NAMED]:
        element = f"{arrays[rank // step.chunk]}_{rank % step.chunk}"
        label = current_part(attempt, rank)
        lines.append(
            f"task {rank + 1}, job {element}{f', at {label}' if label else ''}: {_why(attempt, rank, element)}"
        )
    if len(failed) > _NAMED:
        lines.append(f"and {len(failed) - _NAMED} more; logs in {attempt / 'slurm'}")
    return "\n".join(lines)


def _why(attempt: Path, rank: int, element: str) -> str:
    """What a task said of its end; of one that was killed, the last lines of its log."""
    log = attempt / "slurm" / f"{element}.out"
    if not log.exists():
        return "it never started"
    if (problem := problem_path(attempt, rank)).exists():
        return f"{problem.read_text(encoding='utf-8')}; log: {log}"
    last = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-_LOG_LINES:]
    return "\n    ".join([f"the last lines of {log}", *last])


def main(folder: str, number: str) -> int:
    """The finalise job of step `number` of the submission in `folder`; its exit code."""
    where, step = Path(folder), int(number)
    try:
        finalise(where, step)
    except Exception as error:  # noqa: BLE001 - the process boundary: the watching command has only this file to read
        problem = str(error)
        if not isinstance(error, (BadInput, BuildFailed)):
            traceback.print_exc()
            problem = f"{type(error).__name__}: {error}"
        print(problem, file=sys.stderr)
        write_json(step_folder(where, submission.read(where), step) / "failed.json", {"problem": problem})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
