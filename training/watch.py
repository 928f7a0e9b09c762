"""What a run tells: a line on the console, every step in metrics.jsonl, TensorBoard and W&B where installed."""

import json
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import BadInput
from training.run import WatchSettings

METRICS = "metrics.jsonl"


class Watched(Protocol):
    """What a watcher wants to know of a run."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def num_steps(self) -> int:
        """Its budget."""

    @property
    def watch(self) -> WatchSettings:
        """Where figures go."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Its settings as JSON values."""
        ...


class Watcher:
    """Figures of one run; only the first process has one."""

    def __init__(self, folder: Path, run: Watched, first_step: int) -> None:
        self._run, self._steps_before, self._started = run, first_step, time.monotonic()
        self._path = folder / METRICS
        _forget(self._path, first_step if first_step else -1)  # a run that begins anew has no log
        self._file = self._path.open("a", encoding="utf-8")
        self._sinks: list[Any] = []
        if run.watch.tensorboard and find_spec("tensorboard") is not None:
            self._sinks.append(_TensorBoard(folder / "tensorboard", first_step))
        if run.watch.wandb_project is not None:
            self._sinks.append(_WeightsAndBiases(run, folder))

    def say(self, text: str) -> None:
        """One line on standard error."""
        print(text, file=sys.stderr, flush=True)

    def event(self, step: int, figures: Mapping[str, float]) -> None:
        """Record figures after `step` steps, under names like `train/loss`."""
        self._file.write(json.dumps({"step": step, "time": round(time.time(), 3), **figures}) + "\n")
        self._file.flush()
        for sink in self._sinks:
            sink.write(step, figures)

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """Record a step, and every so often say it."""
        self.event(step, figures)
        if step % self._run.watch.every_steps == 0 or step == self._run.num_steps:
            self.say(self._line(step, figures))

    def evaluation(self, step: int, losses: Mapping[str, float]) -> None:
        """Record and say held-out losses by component."""
        self.event(step, {f"eval/loss/{name}": value for name, value in losses.items()})
        self.say("held out  " + "  ".join(f"{name} {value:.4f}" for name, value in losses.items()))

    def close(self) -> None:
        """End the files."""
        self._file.close()
        for sink in self._sinks:
            sink.close()

    def _line(self, step: int, figures: Mapping[str, float]) -> str:
        width = len(str(self._run.num_steps))
        parts = [
            f"step {step:{width}d}/{self._run.num_steps}",
            f"loss {figures['train/loss']:.4f}",
            f"lr {figures['train/lr']:.3g}",
            f"grad {figures['train/grad_norm']:.3g}",
            f"{figures['speed/tokens_per_s_per_device']:,.0f} tok/s/GPU",
            f"{figures['speed/tflops_per_device']:.3g} TFLOP/s",
        ]
        if "speed/mfu" in figures:
            parts.append(f"MFU {figures['speed/mfu']:.1%}")
        shares = [(name.removeprefix("seen/"), value) for name, value in figures.items() if name.startswith("seen/")]
        parts.append("seen " + " ".join(f"{name} {short(value)}" for name, value in shares))
        pace = (time.monotonic() - self._started) / (step - self._steps_before)
        parts.append(f"left {duration(pace * (self._run.num_steps - step))}")
        return "  ".join(parts)


class _TensorBoard:
    def __init__(self, folder: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=first_step + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, run: Watched, folder: Path) -> None:
        if find_spec("wandb") is None:
            raise BadInput(
                f"watch.wandb_project: {run.watch.wandb_project!r}: wandb is not installed; pip install wandb,"
                " or leave it out"
            )
        import wandb

        self._run = wandb.init(
            project=run.watch.wandb_project,
            name=run.name,
            id=run.name,
            resume="allow",
            dir=str(folder),
            config=run.model_dump(mode="json"),
        )

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        self._run.finish()


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The events of a run, oldest first.

    Raises:
        BadInput: the folder has none.
    """
    path = folder / METRICS
    if not path.is_file():
        raise BadInput(f"{folder}: no {METRICS}; give the folder of a run")
    # A killed run may end in half a line.
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def _forget(path: Path, step: int) -> None:
    """Drop what a killed run recorded beyond the checkpoint that it goes on from."""
    if path.exists():
        kept = [event for event in read_metrics(path.parent) if event["step"] <= step]
        path.write_text("".join(json.dumps(event) + "\n" for event in kept), encoding="utf-8")


def beginning(done: int, num_steps: int) -> str:
    """What a run says first: that it begins, goes on, or is at its end."""
    if done == num_steps:
        return f"finished, all {num_steps} steps are done; raise num_steps to go on"
    return f"goes on after step {done} of {num_steps}" if done else f"begins, {num_steps} steps"


def short(count: float) -> str:
    """A count in three digits: 1.23M."""
    for unit in ("", "k", "M", "B"):
        if count < 999.5:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}T"


def duration(seconds: float) -> str:
    """Seconds, minutes, hours or days, whatever fits."""
    for unit, size in (("s", 60.0), ("min", 60.0), ("h", 48.0)):
        if seconds < size:
            return f"{seconds:.3g} {unit}"
        seconds /= 24 if unit == "h" else 60
    return f"{seconds:.3g} d"
