"""`mathmill train rpt`: Reinforcement Pre-Training."""

from functools import partial
from pathlib import Path

from training.rl.loop import PolicyTraining
from training.rl.record import PolicyRecord
from training.rpt.settings import LoadedRptRun, RptRun
from training.rpt.setup import make_task
from training.session import run_in_folder
from training.world import World, join_world

RptRecord = PolicyRecord[RptRun]


def train_rpt(loaded: LoadedRptRun, out: Path, *, resume: bool = False) -> Path:
    """Train to the end of the budget; goes on from the newest complete checkpoint in `out`, if there is one.

    Args and errors are those of `training.rl.train.train_rl`.
    """
    with join_world() as world:
        return train_rpt_in(world, loaded, out, resume=resume)


def train_rpt_in(world: World, loaded: LoadedRptRun, out: Path, *, resume: bool = False) -> Path:
    """`train_rpt` in a group of processes that stands already."""
    task = partial(make_task, loaded, verify=world.local_rank == 0)
    return run_in_folder(world, out, resume, lambda: PolicyTraining(loaded, out, world, task, RptRecord))
