"""`mathmill train rl`: RL on verifiable answers."""

from functools import partial
from pathlib import Path

from training.rl.answer_task import AnswerTask
from training.rl.loop import PolicyTraining
from training.rl.record import RlRecord
from training.rl.settings import LoadedRlRun
from training.session import run_in_folder
from training.world import World, join_world


def train_rl(loaded: LoadedRlRun, out: Path, *, resume: bool = False) -> Path:
    """Train to the end of the budget; goes on from the newest complete checkpoint in `out`, if there is one.

    Args:
        loaded: the run.
        out: folder of the run.
        resume: refuse to begin anew when there is no checkpoint.

    Returns:
        The last checkpoint.

    Raises:
        BadInput: something cannot work; nothing was trained.
        BuildFailed: loss or gradient is not finite, the run collapsed and is told to stop then, or a checkpoint could
            not be written.
        Interrupted: SIGTERM, SIGINT or SIGUSR1; a checkpoint was written first.
    """
    with join_world() as world:
        return train_rl_in(world, loaded, out, resume=resume)


def train_rl_in(world: World, loaded: LoadedRlRun, out: Path, *, resume: bool = False) -> Path:
    """`train_rl` in a group of processes that stands already."""
    return run_in_folder(
        world, out, resume, lambda: PolicyTraining(loaded, out, world, partial(AnswerTask, loaded), RlRecord)
    )
