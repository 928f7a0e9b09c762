"""The baselines that RPT has to beat, beside it by one command: `mathmill train rpt RUN --arms`.

`plain` is continued training on the run's documents by next-token loss; `sft` learns right answers in the template's
form, without a thought, at the run's positions in the run's order. Each comes once with the FLOP that RPT spent
(drawing, scoring and training) and once with as many tokens of training as RPT read tokens of prompts. All begin with
RPT's own start weights, skip the documents that it holds out, and are evaluated on the same positions.

An arm is a run of the same loop in which every step learns texts: so it is resumable, exact, and the same on any
number of processes. How many steps it has follows from RPT's log and the cost of its first texts; the table says what
it spent.
"""

import math
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import BadInput
from pipeline.files import write_json
from training.checkpoint import complete_checkpoints, read_record
from training.evaluate.results import load_results
from training.evaluate.table import estimate_cell
from training.flops import Cost
from training.model import load_model_config, meta_model
from training.rl.compute import Spent, lesson_work, trained
from training.rl.loop import PolicyTraining
from training.rl.settings import CollapseSettings
from training.rl.task import PromptState
from training.rl.tokenizer import load_tokenizer
from training.rpt.settings import LoadedRptRun, RptRun, WarmUpSettings
from training.rpt.setup import make_task
from training.rpt.train import RptRecord, train_rpt_in
from training.session import run_in_folder
from training.world import World, join_world

Kind = Literal["plain", "sft"]
Budget = Literal["flops", "tokens"]
ARMS: tuple[tuple[Kind, Budget], ...] = (("plain", "flops"), ("plain", "tokens"), ("sft", "flops"), ("sft", "tokens"))
FOLDER = "arms"
"""In the RPT run's folder; each arm has its own in it."""
_SAMPLED_STEPS = 16
"""Steps whose texts tell what a step costs."""


@dataclass(frozen=True)
class Arm:
    """What a run spent and how its model does; `results` are the rows of its last evaluation's results.json."""

    name: str
    spent: Spent
    updates: int
    results: list[dict[str, Any]]

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "spent": self.spent.model_dump()}


def train_with_arms(loaded: LoadedRptRun, out: Path, *, resume: bool = False) -> str:
    """The run itself, then its arms; a table of all on the first process, nothing on the others.

    Args and errors are those of `train_rpt` and `run_arms`.
    """
    _check(loaded)
    with join_world() as world:
        train_rpt_in(world, loaded, out, resume=resume)
        arms = run_arms(world, loaded, out)
        return render_arms(arms) + "\n" if world.is_first else ""


def run_arms(world: World, loaded: LoadedRptRun, out: Path) -> list[Arm]:
    """Train and evaluate the arms of a finished RPT run, those that are not finished yet; all arms, RPT and its start.

    Args:
        world: the group of processes.
        loaded: the RPT run.
        out: its folder.

    Raises:
        BadInput: the run is not finished, or has no evaluation.
        BuildFailed, Interrupted: as a run.
    """
    _check(loaded)
    complete = complete_checkpoints(out)
    record = read_record(complete[-1], RptRecord) if complete else None
    if record is None or record.step < loaded.run.num_steps:
        raise BadInput(f"{out}: the run has not made its {loaded.run.num_steps} steps; train it first")
    finished = [_arm("start", out, 0, Spent(), 0), _arm("rpt", out, record.step, record.spent, record.updates)]
    for kind, budget in ARMS:
        arm, folder = _arm_run(loaded, kind, budget, record.spent), out / FOLDER / f"{kind}-{budget}"
        task = partial(make_task, arm, plain=kind == "plain")
        last = run_in_folder(world, folder, False, partial(PolicyTraining[RptRun], arm, folder, world, task, RptRecord))
        done = read_record(last, RptRecord)
        finished.append(_arm(f"{kind}, equal {budget}", folder, done.step, done.spent, done.step))
    if world.is_first:
        rows = [arm.summary() for arm in finished]
        write_json(out / FOLDER / "arms.json", {"run": loaded.run.name, "arms": rows})
    return finished


def render_plan(loaded: LoadedRptRun) -> str:
    """What would be trained beside the run; how many steps it takes is known when RPT has spent.

    Raises:
        BadInput: as `run_arms` for the run file.
    """
    _check(loaded)
    plain, sft = loaded.run.arms.plain, loaded.run.arms.sft
    return (
        "  arms       plain and SFT, each until it has spent RPT's FLOP, and until it has trained as many tokens as it "
        f"read;\n             updates of {plain.texts_per_step} documents at {plain.lr:g}, of {sft.texts_per_step} "
        f"answers at {sft.lr:g}"
    )


def _check(loaded: LoadedRptRun) -> None:
    settings = loaded.run.evaluation
    if settings is None:
        raise BadInput(f"{loaded.path}: evaluation is missing; the arms are compared by it")
    if not settings.at_start:
        raise BadInput(
            f"{loaded.path}: evaluation.at_start: false: the arms are compared with the start; set it to true"
        )


def render_arms(arms: list[Arm]) -> str:
    """A table in Markdown: a row per arm, what it spent, and accuracies with their intervals."""
    tasks = [row["task"] for row in arms[0].results]
    head = ["arm", "FLOP", "tokens trained", "tokens drawn", "updates"]
    lines = [
        "| " + " | ".join([*head, *(task.removeprefix("next-token-") for task in tasks)]) + " |",
        "|" + "---|" * (len(head) + len(tasks)),
    ]
    for arm in arms:
        accuracy = {row["task"]: estimate_cell(row["pass_at"]["1"]) for row in arm.results}
        spent = [f"{arm.spent.flops:.3g}", f"{arm.spent.trained:,}", f"{arm.spent.generated:,}", f"{arm.updates:,}"]
        lines.append("| " + " | ".join([arm.name, *spent, *(accuracy.get(task, "") for task in tasks)]) + " |")
    counts = {row["problems"] for arm in arms for row in arm.results}
    about = ", ".join(f"{count:,}" for count in sorted(counts))
    lines += ["", f"Next-token accuracy in percent, on {about} held-out positions; in brackets its 95 % interval."]
    return "\n".join(lines)


def _arm_run(loaded: LoadedRptRun, kind: Kind, budget: Budget, spent: Spent) -> LoadedRptRun:
    """The run of an arm that spends what RPT spent."""
    run, course = loaded.run, getattr(loaded.run.arms, kind)
    assert run.evaluation is not None

    def arm(steps: int) -> LoadedRptRun:
        assert run.evaluation is not None
        share = steps / run.num_steps  # so many evaluations and checkpoints as RPT has
        evaluation = {"every_steps": math.ceil(run.evaluation.every_steps * share), "at_steps": (), "at_start": False}
        fields = {
            "name": f"{run.name}-{kind}-{budget}",
            "num_steps": steps,
            "prompts_per_step": course.texts_per_step,
            "prompts_per_update": course.texts_per_step,
            "warmup": WarmUpSettings(steps=steps, lr=course.lr, thoughts=("",)),
            "language_loss_weight": 0.0,
            "evaluation": run.evaluation.model_copy(update=evaluation),
            "checkpoints": run.checkpoints.model_copy(
                update={"every_steps": math.ceil(run.checkpoints.every_steps * share)}
            ),
            "collapse": CollapseSettings(),
        }
        return LoadedRptRun(run.model_copy(update=fields), loaded.path)

    task = make_task(arm(1), load_tokenizer(loaded), plain=kind == "plain")
    config = load_model_config(run.model, loaded.folder)
    cost, sample, state = Cost.of(meta_model(run.model, config), config), Spent(), PromptState()
    assert task.warmup is not None
    for _ in range(_SAMPLED_STEPS):
        lessons, state = task.warmup.take(state)
        sample += trained(cost, lesson_work(lessons))
    wanted = spent.flops / sample.flops if budget == "flops" else spent.prefilled / sample.trained
    return arm(max(1, math.ceil(wanted * _SAMPLED_STEPS)))


def _arm(name: str, folder: Path, step: int, spent: Spent, updates: int) -> Arm:
    results = load_results(folder / "evaluations" / f"step-{step:07d}")["results"]
    return Arm(name, spent, updates, results)
