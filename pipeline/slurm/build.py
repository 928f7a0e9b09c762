"""`mathmill build --executor slurm`: submit what is missing, or attach to the jobs that are at it."""

import shlex
import time
from pathlib import Path

from pipeline.build import check
from pipeline.corpus import finish_corpus
from pipeline.errors import BadInput, BuildFailed
from pipeline.interrupt import Interrupted
from pipeline.lock import output_lock
from pipeline.progress import Reporter
from pipeline.recipe import LoadedRecipe
from pipeline.shard.manifest import Manifest
from pipeline.slurm import queue, submission
from pipeline.slurm.finalise import prepare
from pipeline.slurm.launch import check_profile, submit
from pipeline.slurm.profile import Profile
from pipeline.slurm.submission import Submission
from pipeline.slurm.watch import judge, watch
from pipeline.stage import Stage


def build(
    loaded: LoadedRecipe,
    out: Path,
    profile: Profile,
    profile_path: Path,
    *,
    tasks: int,
    detach: bool,
    reporter: Reporter,
) -> Manifest | None:
    """Build the corpus in `out` by Slurm jobs. Returns its manifest, or None when detached from jobs at work.

    Raises:
        BadInput: the inputs, the models or the profile cannot work, or others hold `out`.
        BuildFailed: a step failed or jobs were cancelled; the same call goes on behind what is complete.
    """
    first = check(loaded, out)
    try:
        # Held only while it is decided and submitted: the jobs, which go on without this process, are found in Slurm's
        # queue by name, from every host.
        with output_lock(out):
            folder = _attach(loaded, out, reporter) or _submit(first, profile, profile_path, tasks, reporter)
        if folder is not None and detach:
            reporter.line(f"the same command without --detach watches them; to end them: {cancel_command(folder)}")
            return None
        if folder is not None:
            watch(folder, reporter)
    except queue.CommandFailed as silence:
        raise BuildFailed(f"{silence}; nothing was submitted; try again") from silence
    except Interrupted:
        if left := submission.newest(out):
            reporter.line(
                f"Slurm jobs {_ids(left)} go on without this command; the same command attaches to them; "
                f"to end them: {cancel_command(left)}"
            )
        raise
    return Manifest.load(out)


def _attach(loaded: LoadedRecipe, out: Path, reporter: Reporter) -> Path | None:
    """The submission at work, if it can end well by itself; else what is left of it is cancelled."""
    folder = submission.newest(out)
    alive = queue.jobs_of(submission.key_of(out))
    if folder is not None:
        plan = submission.read(folder)
        state = judge(folder, plan, alive)
        # What another node wrote may not be seen here yet: a healthy chain must not be cancelled for that.
        end = time.monotonic() + plan.profile.settle_s
        while state.problem is not None and not state.failed and time.monotonic() < end:
            time.sleep(plan.profile.poll_s)
            alive = queue.jobs_of(submission.key_of(out))
            state = judge(folder, plan, alive)
        if state.problem is None and state.step < len(plan.steps):
            if plan.recipe != loaded.recipe:
                raise BadInput(
                    f"{out}: Slurm jobs {_ids(folder)} build here with other settings; wait for them, or end them with "
                    f"`{cancel_command(folder)}`"
                )
            reporter.line(f"attached to Slurm jobs {_ids(folder)}")
            return folder
        submission.close(folder)
        if alive:
            reporter.line(f"{state.problem or 'jobs are left'}: cancelling jobs that are left")
    if alive:
        cancelled = queue.cancel(submission.key_of(out), 1.0)
        reporter.line(f"cancelled Slurm jobs {queue.shorten(cancelled)}")
    return None


def _submit(first: Stage, profile: Profile, profile_path: Path, tasks: int, reporter: Reporter) -> Path | None:
    """Submit what is missing; None when nothing is, and the corpus stands."""
    done, plan = plan_submission(first, profile, profile_path, tasks)
    for stage in done:
        reporter.line(f"{stage.name}: done before, {stage.ledger().in_words()}")
    if not plan.steps:
        finish_corpus(first.loaded, first.out, done)
        return None
    check_profile(plan, str(profile_path))
    folder = submission.create(plan)
    prepare(folder, plan, 0)
    submit(folder, plan)
    reporter.line(f"submitted Slurm jobs {_ids(folder)}; logs in {folder}")
    return folder


def plan_submission(first: Stage, profile: Profile, profile_path: Path, tasks: int) -> tuple[list[Stage], Submission]:
    """The stages that are done, and the submission that would do the rest. Nothing is written."""
    done, steps = submission.chain(first, tasks, queue.array_size(profile))
    known = {name for step in steps for name in (step.stage, step.name)} | {stage.name for stage in done}
    known |= {f"{stage.name}/{phase.name}" for stage in done for phase in stage.phases()}
    if unknown := sorted(set(profile.phases) - known):
        raise BadInput(
            f"{profile_path}: phases.{unknown[0]}: no such stage or phase; known here: {', '.join(sorted(known))}"
        )
    plan = Submission(
        recipe=first.recipe,
        recipe_path=str(first.loaded.path.absolute()),
        out=str(first.out.absolute()),
        key=submission.key_of(first.out),
        profile=profile,
        steps=steps,
    )
    return done, plan


def cancel_command(folder: Path) -> str:
    """What a user types to end the jobs of a submission."""
    return shlex.join(["scancel", *(job.id for job in submission.jobs(folder))])


def _ids(folder: Path) -> str:
    return queue.shorten(job.id for job in submission.jobs(folder))
