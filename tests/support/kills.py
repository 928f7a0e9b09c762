"""Jobs of ranks that kill themselves at a chosen moment of a run."""

import os
import signal
import time
from pathlib import Path

import training.checkpoint
import training.midtrain
from training.checkpoint import DONE
from training.midtrain import train_in
from training.run import load_run


def finish(world, path: Path, out: Path, *overrides):
    """A run to its end."""
    train_in(world, load_run(path, overrides), out)


def kill_at_step(world, path: Path, out: Path, step: int, after: str):
    """SIGKILL on every rank when `step` steps are done and the checkpoint `after` is complete."""
    done = 0
    real = training.midtrain.train_step

    def train_step(*args, **kwargs):
        nonlocal done
        result = real(*args, **kwargs)
        done += 1
        if done == step:
            while not (out / after / DONE).exists():
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    training.midtrain.train_step = train_step
    finish(world, path, out)


def kill_in_save(world, path: Path, out: Path, step: int):
    """SIGKILL on the first rank when all files of a step's checkpoint are there but done.json."""
    real = training.checkpoint.write_json

    def write_json(target, value):
        if target.name == DONE and value["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        real(target, value)

    training.checkpoint.write_json = write_json
    finish(world, path, out)


def signal_at_step(world, path: Path, out: Path, step: int, number: int):
    """A signal to one rank in the middle of a step; the run saves, and the process ends as the command would."""
    from pipeline.interrupt import Interrupted

    done = 0
    real = training.midtrain.train_step

    def train_step(*args, **kwargs):
        nonlocal done
        done += 1
        if done == step and world.rank == world.size - 1:
            os.kill(os.getpid(), number)
        return real(*args, **kwargs)

    training.midtrain.train_step = train_step
    try:
        finish(world, path, out)
    except Interrupted:
        os._exit(130)
