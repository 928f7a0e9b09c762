"""The sub-commands that train and evaluate; each imports what it needs when it runs (`build --help` loads no torch)."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

_Set = Annotated[
    list[str], typer.Option("--set", metavar="a.b=c", help="Override a field of the run; the value is YAML.")
]

train = typer.Typer(help="Train a model: alone, under torchrun, or under srun.", no_args_is_help=True)


@train.command("mid")
def train_mid(
    run: Annotated[str, typer.Argument(help="A run file, or the name of a shipped one.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: out/NAME]")] = None,
    overrides: _Set = [],  # noqa: B006 - typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Refuse to begin anew.")] = False,
) -> None:
    """Mid-train on a mixture; the same command goes on from the newest checkpoint."""
    from training.midtrain import train as run_training
    from training.run import load_run

    loaded = load_run(run, tuple(overrides))
    last = run_training(loaded, out or Path("out") / loaded.run.name, resume=resume)
    print(last)


COMMANDS: tuple[Callable[..., Any], ...] = ()
