"""A submission: the chain of jobs of one build, written down under `<out>/slurm/NNN/` before the first is submitted.

submission.json      what is to be done: recipe, profile, and the steps (a phase each), in order
jobs.json            ids of the jobs, each added as soon as sbatch tells it
closed               stands there once the submission is given up: a job that starts all the same ends at once
NN-stage-phase/      a step: an attempt at its phase (`pipeline.attempt`), job scripts and logs, and the finalise
                     job's verdict, `complete.json` or `failed.json`
"""

from pathlib import Path
from typing import Any, Literal

from pipeline.errors import BadInput
from pipeline.files import digest, read_json, write_json, write_text
from pipeline.frozen import Frozen
from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.slurm import queue
from pipeline.slurm.profile import Profile
from pipeline.stage import Stage
from pipeline.stages import stages_of


class Step(Frozen):
    """A phase of a stage: an array of `tasks` elements, submitted in chunks of `chunk`, and a finalise job."""

    stage: str
    phase: str
    last: bool
    """Whether the stage ends with this phase."""
    tasks: int
    chunk: int

    @property
    def name(self) -> str:
        """For people: stage/phase."""
        return f"{self.stage}/{self.phase}"

    @property
    def chunks(self) -> int:
        """Number of arrays."""
        return -(-self.tasks // self.chunk)


class SubmittedJob(Frozen):
    """A job of a step: a chunk of its array, or its finalise job."""

    id: str
    step: int
    kind: Literal["array", "finalise"]


class Submission(Frozen):
    """What the jobs of one submission need to know."""

    recipe: Recipe
    recipe_path: str
    out: str
    key: str
    """Ends the name of every job: the same for all submissions to one output folder, so that none is ever lost."""
    profile: Profile
    steps: tuple[Step, ...]

    @property
    def loaded(self) -> LoadedRecipe:
        """The recipe as the build that submitted had it."""
        return LoadedRecipe(self.recipe, Path(self.recipe_path))


def key_of(out: Path) -> str:
    """What the names of an output folder's jobs end in."""
    return digest(str(out.absolute()))[:12]


def chain(first: Stage, tasks: int, chunk: int) -> tuple[list[Stage], tuple[Step, ...]]:
    """The stages that are done, from the `first` on, and the steps that are left.

    No step gets more elements than there are input files: a phase has a part for each at most, or for many of them.
    """
    done: list[Stage] = []
    steps: list[Step] = []
    most = min(tasks, len(first.phases()[0].parts()))
    stage = first
    for position, kind in enumerate(stages_of(first.recipe)):
        if position:  # a stage's folder is known only when the one before is done; its phases are known always
            stage = kind(first.loaded, first.out, stage, first.out / kind.name if steps else None)
        if not steps and stage.is_done():
            done.append(stage)
            continue
        phases = stage.phases()
        steps += [
            Step(
                stage=stage.name,
                phase=phase.name,
                last=phase is phases[-1],
                tasks=min(most, phase.most_parts or most, phase.most_tasks or most),
                chunk=chunk,
            )
            for phase in phases
        ]
    return done, tuple(steps)


def stage_of(submission: Submission, number: int) -> Stage:
    """The stage of a step. Only once the stages before it are done."""
    stage: Stage | None = None
    for kind in stages_of(submission.recipe):
        stage = kind(submission.loaded, Path(submission.out), stage)
        if stage.name == submission.steps[number].stage:
            return stage
    raise AssertionError(f"the recipe has no stage {submission.steps[number].stage}")


def newest(out: Path) -> Path | None:
    """Folder of the last submission, if it is not closed."""
    folders = sorted((out / "slurm").glob("[0-9]*/submission.json"))
    return folders[-1].parent if folders and not (folders[-1].parent / "closed").exists() else None


def refuse_beside_jobs(out: Path) -> None:
    """Refuse to build in `out` by other means while Slurm jobs may be at work there.

    Raises:
        BadInput: they are, or it cannot be told.
    """
    folder = newest(out)
    if folder is None or verdict(step_folder(folder, plan := read(folder), len(plan.steps) - 1), "complete.json"):
        return
    try:
        alive = queue.jobs_of(plan.key)
    except (queue.CommandFailed, BadInput) as error:
        raise BadInput(
            f"{folder}: Slurm jobs may be at work ({error}); once they are gone, delete {folder.parent}"
        ) from error
    if alive:
        raise BadInput(
            f"{folder}: Slurm jobs {queue.shorten({job.array for job in alive})} are at work; use --executor slurm to "
            "watch them, or end them with scancel"
        )


def create(submission: Submission) -> Path:
    """A new submission's folder."""
    root = Path(submission.out) / "slurm"
    number = 1 + max((int(folder.name) for folder in root.glob("[0-9]*")), default=0)
    folder = root / f"{number:04d}"
    write_json(folder / "jobs.json", [])
    write_json(folder / "submission.json", submission.model_dump(mode="json"))
    return folder


def read(folder: Path) -> Submission:
    """The submission in a folder."""
    return Submission.model_validate(read_json(folder / "submission.json"), strict=False)


def close(folder: Path) -> None:
    """Give a submission up."""
    write_text(folder / "closed", "")


def step_folder(folder: Path, submission: Submission, number: int) -> Path:
    """Where a step of the submission in `folder` keeps its files."""
    step = submission.steps[number]
    return folder / f"{number:02d}-{step.stage}-{step.phase}"


def verdict(folder: Path, name: str) -> dict[str, Any] | None:
    """What a step's `complete.json` or `failed.json` says; None when there is none."""
    path = folder / name
    value = read_json(path) if path.exists() else None
    assert value is None or isinstance(value, dict)
    return value


def jobs(folder: Path) -> list[SubmittedJob]:
    """The jobs that were submitted, in order."""
    return [SubmittedJob.model_validate(job, strict=False) for job in read_json(folder / "jobs.json")]


def arrays(folder: Path, number: int) -> list[str]:
    """Ids of a step's arrays, in the order of their chunks."""
    return [job.id for job in jobs(folder) if job.step == number and job.kind == "array"]


def record_job(folder: Path, step: int, kind: Literal["array", "finalise"], id_: str) -> None:
    """Write down a job that sbatch has taken, before anything else."""
    job = SubmittedJob(id=id_, step=step, kind=kind)
    write_json(folder / "jobs.json", [each.model_dump() for each in (*jobs(folder), job)])
