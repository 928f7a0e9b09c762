"""Submits the chain: for each step an array, and after it, however that ended, a finalise job."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import write_text
from pipeline.slurm import queue, submission
from pipeline.slurm.profile import Resources
from pipeline.slurm.submission import Submission
from pipeline.worker import GIVEN_UP

# An element of an array is named by array and index: its SLURM_JOB_ID may be that of the whole array (the last element
# has it), and `scontrol requeue` would then start every element again, those that are done and those at work.
_ARRAY = """\
element="${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
code=0
srun --ntasks=1 --cpus-per-task={cpus} python3 -P -m pipeline.slurm.element {folder} {number} "$1" || code=$?
# Another try, if it failed by itself: not where it is over ({given_up}), cancelled, or being requeued already.
if [ "$code" -ne 0 ] && [ "$code" -ne {given_up} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {retries} ] &&
    [ "$(squeue --noheader --jobs="$element" --format=%T)" = RUNNING ]; then
    scontrol requeue "$element"
fi
exit "$code"
"""
_FINALISE = "exec python3 -P -m pipeline.slurm.finalise {folder} {number}\n"


def check_profile(plan: Submission, where: str) -> None:
    """Refuse a profile that sbatch refuses, before anything is submitted or written.

    Raises:
        BadInput: with sbatch's words.
    """
    queue.check_array_size(plan.profile, where)
    seen: list[Resources] = []
    with TemporaryDirectory() as folder, _outside_any_job():
        for number, step in enumerate(plan.steps):
            resources = plan.profile.resources(step.stage, step.phase)
            if resources in seen:
                continue
            seen.append(resources)
            script = _write_script(Path(folder), plan, number, "array", _ARRAY)
            array = _array_option(resources, min(step.tasks, step.chunk))
            if problem := queue.refusal([*_options(Path(folder), plan, number, "%A_%a"), array, str(script)]):
                raise BadInput(f"{where}: sbatch refuses {step.name}: {problem}; correct the profile")


def submit(folder: Path, plan: Submission) -> None:
    """Submit every step of a submission whose first step is planned.

    Raises:
        BuildFailed: sbatch refused; what was submitted is cancelled.
    """
    after: str | None = None
    try:
        with _outside_any_job():
            for number in range(len(plan.steps)):
                after = _submit_step(folder.absolute(), plan, number, after)
    except BaseException:
        submission.close(folder)
        with suppress(queue.CommandFailed):  # then they end as soon as they start, since the submission is closed
            queue.cancel(plan.key, plan.profile.poll_s)
        raise


def _submit_step(folder: Path, plan: Submission, number: int, after: str | None) -> str:
    """Submit a step's arrays and its finalise job, after the finalise job `after`; returns the id of its own."""
    step = plan.steps[number]
    resources = plan.profile.resources(step.stage, step.phase)
    before = [f"afterok:{after}"] if after else []
    script = _write_script(folder, plan, number, "array", _ARRAY)
    options = [*_options(folder, plan, number, "%A_%a"), *(f"--dependency={each}" for each in before)]
    arrays = []
    for first in range(0, step.tasks, step.chunk):
        array = _array_option(resources, min(step.chunk, step.tasks - first))
        arrays.append(_sbatch(plan, number, [*options, array, str(script), str(first)]))
        submission.record_job(folder, number, "array", arrays[-1])
    script = _write_script(folder, plan, number, "finalise", _FINALISE)
    waits = ",".join([f"afterany:{':'.join(arrays)}", *before])
    options = _options(folder, plan, number, "finalise-%j")
    finalise = _sbatch(plan, number, [*options, f"--dependency={waits}", str(script)])
    submission.record_job(folder, number, "finalise", finalise)
    return finalise


def _sbatch(plan: Submission, number: int, arguments: list[str]) -> str:
    try:
        return queue.submit(arguments)
    except queue.CommandFailed as error:
        raise BuildFailed(
            f"{plan.steps[number].name}: {error}; what was submitted is cancelled; mend it and run the same command"
        ) from error


def _options(folder: Path, plan: Submission, number: int, log: str) -> list[str]:
    """sbatch's options for the jobs of a step, the array's index and dependencies apart."""
    step, profile = plan.steps[number], plan.profile
    resources = profile.resources(step.stage, step.phase)
    logs = submission.step_folder(folder, plan, number) / "slurm"
    logs.mkdir(parents=True, exist_ok=True)
    values: Mapping[str, object] = {
        "job-name": f"{plan.recipe.name}.{step.stage}.{step.phase}.{plan.key}",
        "partition": resources.partition,
        "account": profile.account,
        "qos": profile.qos,
        "time": resources.time,
        "nodes": 1,
        "cpus-per-task": resources.cpus,
        "mem": resources.memory,
        "output": logs / f"{log}.out",
        "open-mode": "append",
        "requeue": "",
        "kill-on-invalid-dep": "yes",
        "export": "ALL",
        **resources.sbatch,
    }
    return [f"--{name}={value}" if value != "" else f"--{name}" for name, value in values.items() if value is not None]


def _array_option(resources: Resources, size: int) -> str:
    limit = f"%{resources.max_running}" if resources.max_running is not None else ""
    return f"--array=0-{size - 1}{limit}"


def _write_script(folder: Path, plan: Submission, number: int, name: str, work: str) -> Path:
    """Write the job script `name` of a step: the environment, then `work`."""
    step, profile = plan.steps[number], plan.profile
    resources = profile.resources(step.stage, step.phase)
    if profile.venv is not None:
        python = f"source {shlex.quote(str(Path(profile.venv).expanduser() / 'bin' / 'activate'))}"
    else:
        python = f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    ours = {"OMP_NUM_THREADS": str(resources.cpus), "TOKENIZERS_PARALLELISM": "false"}
    lines = [
        "#!/bin/bash",
        *profile.setup,
        python,
        *(f"export {key}={shlex.quote(value)}" for key, value in {**ours, **profile.env}.items()),
        f"[ ! -e {shlex.quote(str(folder / 'closed'))} ] || exit 1  # given up",
        work.format(
            folder=shlex.quote(str(folder)),
            number=number,
            cpus=resources.cpus,
            retries=profile.retries,
            given_up=GIVEN_UP,
        ),
    ]
    path = submission.step_folder(folder, plan, number) / f"{name}.sh"
    write_text(path, "\n".join(lines))
    return path


@contextmanager
def _outside_any_job() -> Iterator[None]:
    """Hide that the command itself may run in a job: sbatch would hand its limits and its array index down."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if _of_a_job(name)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _of_a_job(name: str) -> bool:
    return name.startswith(("SLURM_", "SLURMD_")) and name != "SLURM_CONF"
