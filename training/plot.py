"""Curves of runs in one picture: what their logs hold, or published curves from CSV files, side by side."""

import math
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import BadInput
from training.watch import read_metrics

_PANELS = (
    ("loss", "train/loss"),
    ("held-out loss", "eval/loss/"),
    ("learning rate", "train/lr"),
    ("tokens per second and device", "speed/tokens_per_s_per_device"),
    ("accuracy", "eval/accuracy/"),
    ("length, tokens", "eval/length/"),
    ("length of right answers, tokens", "eval/length_correct/"),
    ("share at the length limit", "eval/at_limit/"),
    ("reward of rollouts", "rollout/reward"),
    ("length of rollouts, tokens", "rollout/length"),
    ("share of repetitive rollouts", "rollout/repetition"),
    ("entropy, nats", "policy/entropy"),
    ("KL of sampler and trainer", "policy/sampler_kl"),
)
"""Titles, and the figure that each panel draws; one that ends in `/` gives a panel to each of its parts."""

Series = dict[str, list[tuple[float, float]]]
"""Points over steps, by the name of the figure."""


def plot(sources: Sequence[Path], target: Path) -> Path:
    """Draw runs into the picture `target` (.png, .svg or .pdf); a panel per figure that any of them has.

    Args:
        sources: folders of runs; or CSV files of published curves with a column per run, whose heading
            (OctoThinker's) or name (`acc_TASK.csv`, `length_TASK.csv`) tells the figure; or folders of them.
        target: the picture.

    Raises:
        BadInput: a source holds neither, or there is nothing to draw.
    """
    runs: dict[str, Series] = {}
    for source in sources:
        for name, series in _read(source).items():
            runs.setdefault(name, {}).update(series)
    panels = _panels(runs)
    if not panels:
        raise BadInput(f"{', '.join(map(str, sources))}: no figure to draw; give folders of runs that have made steps")
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(6 * columns, 4 * rows), layout="constrained", squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for (title, key), axis in zip(panels, axes.flat, strict=False):
        for name, series in runs.items():
            if key in series:
                axis.plot(*zip(*series[key], strict=True), label=_short(name), linewidth=1)
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="x-small")
    figure.savefig(target)
    pyplot.close(figure)
    return target


def _panels(runs: dict[str, Series]) -> list[tuple[str, str]]:
    """(title, figure) of every panel that some run has points for."""
    known = sorted({key for series in runs.values() for key, points in series.items() if points})
    found = []
    for title, wanted in _PANELS:
        for key in known:
            if key == wanted:
                found.append((title, key))
            elif wanted.endswith("/") and key.startswith(wanted):
                found.append((f"{title}: {key.removeprefix(wanted)}", key))
    return found


def _read(source: Path) -> dict[str, Series]:
    if source.suffix == ".csv":
        return _read_csv(source)
    tables = sorted(source.glob("*.csv")) if source.is_dir() else []
    if tables:
        runs: dict[str, Series] = {}
        for table in tables:
            for name, series in _read_csv(table).items():
                runs.setdefault(name, {}).update(series)
        return runs
    series = {}
    for event in read_metrics(source):
        for key, value in event.items():
            if key not in ("step", "time"):
                series.setdefault(key, list[tuple[float, float]]()).append((event["step"], value))
    return {source.name: series}


def _read_csv(path: Path) -> dict[str, Series]:
    from training.rl.curves import read_csv

    kind, _, task = path.stem.partition("_")
    named = {"acc": "eval/accuracy", "length": "eval/length"}.get(kind)
    runs: dict[str, Series] = {}
    for curve in read_csv(path):
        figure = curve.figure or (f"{named}/{task}" if named is not None and task else None)
        if figure is None:
            raise BadInput(f"{path}: is it accuracy or length? Name it acc_TASK.csv or length_TASK.csv")
        if curve.run:
            runs.setdefault(curve.run, {})[figure] = list(curve.points)
    return runs


def _short(name: str) -> str:
    return name if len(name) <= 48 else "…" + name[-47:]
