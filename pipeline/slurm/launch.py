"""Submits the chain: for each step an array, through datatrove's SlurmPipelineExecutor, and a finalise job after it.

datatrove writes the job script and the pickled pipeline, submits the array in chunks, runs the rank of an element and
requeues it on SIGUSR1. What it has beyond that is not used, because it decides by rank what is complete:

- its completion files and `ranks_to_run.json`: which ranks are left would be fixed when the array is submitted, before
  the parts of a later phase are known. Here a step's ranks are all submitted, in a folder that no other submission
  shares, and a rank finds its parts in the share that the finalise job before it wrote;
- its `merge_stats` jobs, which wait for ever when an element failed. Here the finalise job runs after the array however
  that ended, looks at the parts, and fails by name.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datatrove.executor.slurm import SlurmPipelineExecutor, launch_slurm_job
from datatrove.utils.logging import logger

from pipeline.errors import BadInput, BuildFailed
from pipeline.slurm import queue, submission
from pipeline.slurm.profile import Profile, Resources
from pipeline.slurm.submission import Submission
from pipeline.worker import RunParts


class StepExecutor(SlurmPipelineExecutor):
    """datatrove's executor for one step."""

    def __init__(self, folder: Path, plan: Submission, number: int, after: str | None) -> None:
        """The step `number` of the submission in `folder`, after the finalise job `after`."""
        step, profile = plan.steps[number], plan.profile
        where = submission.step_folder(folder, plan, number).absolute()
        resources = profile.resources(step.stage, step.phase)
        self.options = {"mem": resources.memory, **resources.sbatch}
        self.folder = folder.absolute()
        self.retries = profile.retries
        super().__init__(
            [RunParts(where)],
            tasks=step.tasks,
            time=resources.time,
            partition=resources.partition,
            cpus_per_task=resources.cpus,
            workers=resources.max_running or -1,
            job_name=f"{plan.recipe.name}.{step.stage}.{step.phase}.{plan.key}",
            qos=profile.qos,
            env_command=_environment(profile, resources),
            sbatch_args={"account": profile.account, "kill-on-invalid-dep": "yes", "open-mode": "append"},
            max_array_size=step.chunk,
            depends_job_id=after,
            job_id_retriever=partial(submission.record_job, str(folder.absolute()), number, "array"),
            logging_dir=str(where),
            skip_completed=False,
            slurm_logs_folder=str(where / "slurm"),
            srun_args={"cpus-per-task": resources.cpus},
        )

    def launch_merge_stats(self) -> None:
        """Nothing: the finalise job comes after the array."""

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """datatrove's, with memory as the profile writes it, and without what the profile leaves open."""
        args = super().get_sbatch_args(max_array) | self.options
        return {key: value for key, value in args.items() if key != "mem-per-cpu" and value is not None}

    def get_launch_file_contents(self, sbatch_args: dict[str, Any], run_script: str) -> str:
        """datatrove's, for the array; an element that fails is started again, up to the profile's retries."""
        again = (
            f'[ "${{SLURM_RESTART_COUNT:-0}}" -lt {self.retries} ] && '
            # Not when it was cancelled, or is being requeued already.
            '[ "$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)" = RUNNING ] && '
            'scontrol requeue "$SLURM_JOB_ID"'
        )
        return self._script(sbatch_args, f"{run_script} || {{ code=$?; {again}; exit $code; }}")

    def finalise_script(self, number: int, arrays: list[str]) -> str:
        """The job after `arrays`, however they end; with the step's own resources."""
        wait = [f"afterany:{':'.join(arrays)}", *([f"afterok:{self.depends_job_id}"] if self.depends_job_id else [])]
        log = Path(self.slurm_logs_folder) / "finalise-%j.out"
        args = self.get_sbatch_args() | {"output": log, "error": log, "dependency": ",".join(wait)}
        del args["array"]
        return self._script(
            args, shlex.join(["python3", "-m", "pipeline.slurm.finalise", str(self.folder), str(number)])
        )

    def _script(self, sbatch_args: dict[str, Any], command: str) -> str:
        guard = f"[ ! -e {shlex.quote(str(self.folder / 'closed'))} ] || exit 1"
        script: str = super().get_launch_file_contents(sbatch_args, f"{guard}\n{command}")
        return script


def check_profile(plan: Submission, where: str) -> None:
    """Refuse a profile that sbatch refuses, before anything is submitted or written.

    Raises:
        BadInput: with sbatch's words.
    """
    seen: list[Resources] = []
    with TemporaryDirectory() as folder, _outside_any_job():
        for number, step in enumerate(plan.steps):
            resources = plan.profile.resources(step.stage, step.phase)
            if resources in seen:
                continue
            seen.append(resources)
            executor = StepExecutor(Path(folder), plan, number, None)
            script = executor.get_launch_file_contents(executor.get_sbatch_args(min(step.tasks, step.chunk)), "true")
            if problem := queue.refusal(script):
                raise BadInput(f"{where}: sbatch refuses {step.name}: {problem}; correct the profile")


def submit(folder: Path, plan: Submission) -> None:
    """Submit every step of a submission whose first step is planned.

    Raises:
        BuildFailed: sbatch failed; what was submitted is cancelled.
    """
    after: str | None = None
    try:
        logger.disable("datatrove")  # two lines for each job
        with _outside_any_job():
            for number in range(len(plan.steps)):
                after = _submit_step(folder, plan, number, after)
    except BaseException as error:
        submission.close(folder)
        queue.cancel(plan.key, plan.profile.poll_s)
        if isinstance(error, subprocess.CalledProcessError):
            raise BuildFailed(f"sbatch ended with exit code {error.returncode}; its words are above") from error
        raise


def _submit_step(folder: Path, plan: Submission, number: int, after: str | None) -> str:
    executor = StepExecutor(folder, plan, number, after)
    executor.launch_job()
    arrays = [job.id for job in submission.jobs(folder) if job.step == number]
    script = executor.finalise_script(number, arrays)
    record = partial(submission.record_job, str(folder), number, "finalise")
    finalise: str = launch_slurm_job(script, record, "--export=ALL")
    return finalise


def _environment(profile: Profile, resources: Resources) -> str:
    """Shell lines that come before the work of a job."""
    if profile.venv is not None:
        python = f"source {shlex.quote(str(Path(profile.venv).expanduser() / 'bin' / 'activate'))}"
    else:
        python = f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    ours = {"OMP_NUM_THREADS": str(resources.cpus), "TOKENIZERS_PARALLELISM": "false"}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in {**ours, **profile.env}.items()]
    return "\n".join([*profile.setup, python, *exports])


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
