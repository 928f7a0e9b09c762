"""Jobs of ranks that end in the middle of a step of an RL run: while they draw, learn, or save."""

import os
import signal
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import training.checkpoint
from training.checkpoint import DONE, step_folder
from training.rl.settings import load_rl_run
from training.rl.train import train_rl_in
from training.rpt.settings import load_rpt_run
from training.rpt.train import train_rpt_in
from training.world import World

DRAWING = "training.rl.engine:EmbeddedEngine._advance"
LEARNING = "training.rl.learner:update"
HANDING_OVER = "training.rl.vllm:norms_apart"
"""The server has read new weights, and is paused."""


def finish(world: World, path: Path, out: Path, *overrides: str) -> None:
    """A run to its end, of RL on answers or of RPT."""
    if "positions:" in path.read_text(encoding="utf-8"):
        train_rpt_in(world, load_rpt_run(path, overrides), out)
    else:
        train_rl_in(world, load_rl_run(path, overrides), out)


def stop_in(
    world: World, path: Path, out: Path, where: str, stored: int, call: int, number: int, checkpoint: int = 2
) -> None:
    """A signal to this process at the `call`-th call of a function, once the rows of `stored` steps are on disk."""
    module, _, name = where.partition(":")
    *owners, last = name.split(".")
    owner: Any = import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    real, calls = getattr(owner, last), 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if len(list(out.glob("rollouts/step-*.parquet"))) == stored:
            calls += 1
            if calls == call:
                while not (step_folder(out, checkpoint) / DONE).exists():  # it is written in the background
                    time.sleep(0.005)
                os.kill(os.getpid(), number)
        return real(*args, **kwargs)

    setattr(owner, last, wrapped)
    end_as_the_command(partial(finish, world, path, out))


def kill_in_save(world: World, path: Path, out: Path, step: int) -> None:
    """SIGKILL on the first rank when all files of a step's checkpoint are there but done.json."""
    real = training.checkpoint.write_json

    def write_json(target: Path, value: dict[str, Any]) -> None:
        if target.name == DONE and value["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        real(target, value)

    training.checkpoint.write_json = write_json  # type: ignore[assignment]
    finish(world, path, out)


def end_as_the_command(run: Any) -> None:
    """Exit code 130 when a signal ended the run."""
    from pipeline.interrupt import Interrupted

    try:
        run()
    except Interrupted:
        os._exit(130)
