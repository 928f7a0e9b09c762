"""`mathmill train`: mid, rl and rpt; each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

Overrides = Annotated[
    list[str], typer.Option("--set", metavar="a.b=c", help="Override a field of the run; the value is YAML.")
]

app = typer.Typer(help="Train a model: alone, under torchrun, or under srun.", no_args_is_help=True)


@app.command("mid")
def train_mid(
    run: Annotated[str, typer.Argument(help="A run file, or the name of a shipped one.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: out/NAME]")] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Refuse to begin anew.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print memory, time and data, and touch nothing.")] = False,
    devices: Annotated[int | None, typer.Option(min=1, help="With --plan: processes. [default: the GPUs here]")] = None,
    device: Annotated[str | None, typer.Option(help="With --plan: their kind, such as H100. [default: these]")] = None,
) -> None:
    """Mid-train on a mixture; the same command goes on from the newest checkpoint."""
    from training.run import load_run

    loaded = load_run(run, tuple(overrides))
    folder = out or Path("out") / loaded.run.name
    if plan:
        from training.forecast import render_forecast

        print(render_forecast(loaded, folder, devices, device))
        return
    from training.midtrain import train as run_training

    print(run_training(loaded, folder, resume=resume))


@app.command("rl")
def train_rl(
    run: Annotated[str, typer.Argument(help="An RL run file, or the name of a shipped one.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: out/NAME]")] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Refuse to begin anew.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and touch nothing.")] = False,
) -> None:
    """Reinforcement learning on verifiable answers; the same command goes on from the newest checkpoint."""
    from training.rl.plan import render_plan
    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl as run_training

    loaded = load_rl_run(run, tuple(overrides))
    folder = out or Path("out") / loaded.run.name
    if plan:
        print(render_plan(loaded, folder))
        return
    print(run_training(loaded, folder, resume=resume))


@app.command("rpt")
def train_rpt(
    run: Annotated[str, typer.Argument(help="An RPT run file, or the name of a shipped one.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: out/NAME]")] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Refuse to begin anew.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and touch nothing.")] = False,
    arms: Annotated[
        bool, typer.Option("--arms", help="Then the baselines: plain training and SFT at equal FLOPs and equal tokens.")
    ] = False,
) -> None:
    """Reinforcement Pre-Training on plain text; the same command goes on from the newest checkpoint."""
    from training.rpt.plan import render_plan
    from training.rpt.settings import load_rpt_run
    from training.rpt.train import train_rpt as run_training

    loaded = load_rpt_run(run, tuple(overrides))
    folder = out or Path("out") / loaded.run.name
    if arms:
        import training.rpt.arms
    if plan:
        print(render_plan(loaded, folder))
        if arms:
            print(training.rpt.arms.render_plan(loaded))
        return
    if arms:
        print(training.rpt.arms.train_with_arms(loaded, folder, resume=resume), end="")
        return
    print(run_training(loaded, folder, resume=resume))
