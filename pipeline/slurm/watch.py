"""Watches a submission: tells how far it is, and what became of it. It changes nothing."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pipeline.attempt import done_bytes, read_spec
from pipeline.errors import BuildFailed
from pipeline.progress import Reporter
from pipeline.slurm import queue, submission
from pipeline.slurm.queue import Job
from pipeline.slurm.submission import Submission, step_folder

_NO_REASON = ("Dependency", "None")
_STUCK = {
    "AccountNotAllowed", "BadConstraints", "InvalidAccount", "InvalidQOS", "JobHeldAdmin", "JobHeldUser",
    "PartitionDown", "PartitionInactive", "PartitionNodeLimit", "PartitionTimeLimit", "QOSNotAllowed",
    "launch failed requeued held",
}  # fmt: skip
"""Reasons that do not pass by themselves."""
_LATER = "; run the same command again: it cancels what is left and submits the missing parts"


@dataclass(frozen=True)
class State:
    """Where a submission is: the number of its current step (that of all steps when it is complete), and, unless it
    can still end well by itself, why not. `failed`: a finalise job said so, and that is final."""

    step: int
    problem: str | None = None
    failed: bool = False


def judge(folder: Path, plan: Submission, alive: list[Job]) -> State:
    """What the files say now, and `alive`, the jobs that had not ended shortly before."""
    for number in range(len(plan.steps)):
        where = step_folder(folder, plan, number)
        if submission.verdict(where, "complete.json") is None:
            if failure := submission.verdict(where, "failed.json"):
                return State(number, failure["problem"], failed=True)
            return State(number, _problem(folder, plan, number, alive))
    return State(len(plan.steps))


def _problem(folder: Path, plan: Submission, current: int, alive: list[Job]) -> str | None:
    """Why the steps from `current` on cannot all be done by the jobs in the queue; None when they can."""
    jobs = submission.jobs(folder)
    if len(jobs) < sum(step.chunks + 1 for step in plan.steps):
        return "not all jobs were submitted"
    arrays = {job.array for job in alive}
    for job in alive:
        if job.reason == queue.NEVER:
            return f"job {job.id} ({job.name.rpartition('.')[0]}) waits for a job that failed"
    for needed in jobs:
        later = needed.step > current or (needed.step == current and needed.kind == "finalise")
        if later and needed.id not in arrays:
            return f"job {needed.id} ({needed.kind} of {plan.steps[needed.step].name}) is no longer in the queue"
    if ended := _ended_early(folder, plan, current, alive):
        return f"{plan.steps[current].name}: job {', '.join(ended)} ended before its parts were complete"
    return None


def _ended_early(folder: Path, plan: Submission, current: int, alive: list[Job]) -> list[str]:
    """Elements of the current array that left the queue without a word of success."""
    where, step = step_folder(folder, plan, current), plan.steps[current]
    arrays = submission.arrays(folder, current)
    present = {job.id for job in alive}
    elements = [f"{arrays[rank // step.chunk]}_{rank % step.chunk}" for rank in range(read_spec(where).tasks)]
    gone = [(rank, element) for rank, element in enumerate(elements) if element not in present]
    # datatrove's completion file is only a hint here, but a cheap one; what is complete is decided by the parts.
    return [element for rank, element in gone if not (where / "completions" / f"{rank:05d}").exists()]


def watch(folder: Path, reporter: Reporter) -> None:
    """Wait for the end of a submission.

    Raises:
        BuildFailed: a step failed, or jobs were cancelled.
    """
    plan = submission.read(folder)
    for number in range(len(plan.steps)):
        _watch_step(folder, plan, number, reporter)


def _watch_step(folder: Path, plan: Submission, number: int, reporter: Reporter) -> None:
    where, step = step_folder(folder, plan, number), plan.steps[number]
    spec = read_spec(where)
    look = _Look(folder, plan, reporter)
    with reporter.phase(step.name, spec.total_bytes, spec.before_bytes, lambda: look.note) as on_progress:
        while look.step(number):
            on_progress(done_bytes(where, spec.tasks))
            time.sleep(plan.profile.poll_s)
    complete = submission.verdict(where, "complete.json")
    assert complete is not None
    if complete["summary"]:
        reporter.line(complete["summary"])


class _Look:
    """Looks at the queue again and again; a problem counts once it has lasted as long as files may take to be seen."""

    def __init__(self, folder: Path, plan: Submission, reporter: Reporter) -> None:
        self._folder, self._plan, self._reporter = folder, plan, reporter
        self._since: float | None = None
        self.note = ""

    def step(self, number: int) -> bool:
        """Whether the step `number` is still to be waited for.

        Raises:
            BuildFailed: it will not be done.
        """
        try:
            alive = queue.jobs_of(self._plan.key)
        except queue.CommandFailed as silence:
            self._say(f"{silence}; asking again")
            return True
        state = judge(self._folder, self._plan, alive)
        if state.step > number:
            return False
        if state.failed:
            raise BuildFailed(f"{state.problem}\nthe same command submits the missing parts")
        if state.problem is None:
            self._since = None
            self._describe(alive)
            return True
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since >= self._plan.profile.settle_s:
            if not self._ends_in_a_verdict(number, alive):
                logs = step_folder(self._folder, self._plan, number) / "slurm"
                raise BuildFailed(f"{state.problem}; logs in {logs}{_LATER}")
            self._say(state.problem)
        return True

    def _ends_in_a_verdict(self, number: int, alive: list[Job]) -> bool:
        """Whether the finalise job of the current step will still run, and tell more."""
        finalise = next(
            job.id for job in submission.jobs(self._folder) if job.step == number and job.kind == "finalise"
        )
        return any(job.id == finalise and job.reason != queue.NEVER for job in alive)

    def _say(self, note: str) -> None:
        """A line, unless it was the last one said."""
        if note != self.note:
            self.note = note
            self._reporter.line(note)

    def _describe(self, alive: list[Job]) -> None:
        """The queue in a few words beside the progress; in a line of its own when nothing runs."""
        for job in alive:
            if job.state == "PENDING" and job.reason.replace("_", " ") in _STUCK:
                self._say(f"job {job.id} does not start by itself ({job.reason}): see `scontrol show job {job.id}`")
                return
        running = sum(job.state != "PENDING" for job in alive)
        reasons = Counter(job.reason for job in alive if job.state == "PENDING" and job.reason not in _NO_REASON)
        waits = [f"{count} waiting ({reason})" for reason, count in sorted(reasons.items())]
        note = ", ".join([f"{running} running", *waits])
        if running or not reasons or self._reporter.quiet:
            self.note = note
        else:
            self._say(note)
