"""What every kind of run does around its steps: the folder's lock, leftovers of killed saves, signals."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import torch.distributed as dist

from pipeline.errors import BadInput
from pipeline.interrupt import Interrupted
from pipeline.lock import output_lock
from training.checkpoint import complete_checkpoints, remove_incomplete
from training.stopping import Stop, stop_on_signals
from training.world import World


class Training(Protocol):
    """A run that is ready for its next step."""

    def run(self, stop: Stop) -> Path:
        """Steps to the end of the budget or a signal, whichever is first; returns the newest checkpoint."""
        ...


def run_in_folder(world: World, out: Path, resume: bool, prepare: Callable[[], Training]) -> Path:
    """Prepare a run and take it to its end, in a folder that is this run's alone meanwhile.

    Args:
        world: the group of processes, which stands already.
        out: folder of the run.
        resume: refuse to begin anew when there is no checkpoint.
        prepare: makes the run, once the folder is clean.

    Returns:
        The last checkpoint.

    Raises:
        BadInput: another process works in the folder, there is nothing to resume, or what `prepare` refuses.
        Interrupted: a signal; a checkpoint was written first.
    """
    with ExitStack() as stack:
        if world.is_first:
            stack.enter_context(output_lock(out))
            for path in remove_incomplete(out):
                print(f"removed an incomplete checkpoint: {path.name}", flush=True)
        dist.barrier()
        if resume and not complete_checkpoints(out):
            raise BadInput(f"{out}: no complete checkpoint to resume from; leave out --resume to begin anew")
        training = prepare()
        stop = stack.enter_context(stop_on_signals())
        last = training.run(stop)
        if stop.name is not None:
            raise Interrupted(stop.name)
        return last
