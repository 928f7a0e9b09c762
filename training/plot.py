"""Curves of runs in one picture: what their logs hold, or published curves from CSV files, side by side."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import BadInput
from training.watch import METRICS, read_metrics

_FIGURES = (
    ("loss", "train/loss"),
    ("held-out loss", "eval/loss/"),
    ("learning rate", "train/lr"),
    ("tokens per second and device", "speed/tokens_per_s_per_device"),
    ("accuracy", "eval/accuracy/"),
    ("tokens of answers", "eval/length/"),
    ("tokens of right answers", "eval/length_correct/"),
    ("share at the length limit", "eval/at_limit/"),
    ("reward of rollouts", "rollout/reward"),
    ("tokens of rollouts", "rollout/length"),
    ("share of repetitive rollouts", "rollout/repetition"),
    ("entropy, nats", "policy/entropy"),
    ("KL of sampler and trainer", "policy/sampler_kl"),
)
"""Titles, and the figure that each panel draws; one that ends in `/` gives a panel to each of its parts."""

_SHARES = ("eval/accuracy/", "eval/at_limit/", "rollout/repetition")
"""Figures that are read in percent."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by every eye (Okabe and Ito 2008); the eighth run takes the first colour again, dashed."""

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "mathmill",
}
_COLUMNS, _ANNOTATED = 4, 4
"""Panels in a row; runs up to which the best accuracy is written beside its point."""

Series = dict[str, list[tuple[float, float]]]
"""Points over steps, by the name of the figure."""


class Panel(NamedTuple):
    """A panel: the figures of one `family`, which are parts of one figure, stand in rows of their own."""

    family: str
    title: str
    figure: str


def plot(sources: Sequence[Path], target: Path) -> Path:
    """Draw runs into the picture `target` (.png, .svg or .pdf); a panel per figure that any of them has.

    In panels of accuracy a point marks the best of each run.

    Args:
        sources: folders of runs; or CSV files of published curves with a column per run, whose heading
            (OctoThinker's) or name (`acc_TASK.csv`, `length_TASK.csv`) tells the figure; or folders of any of these.
        target: the picture.

    Raises:
        BadInput: a source holds none, there is nothing to draw, or the picture is of another kind.
    """
    if target.suffix not in (".png", ".svg", ".pdf"):
        raise BadInput(f"--out {target}: {target.suffix or 'no ending'}: name it .png, .svg or .pdf")
    runs: dict[str, Series] = {}
    for source in sources:
        for name, series in _read(source).items():
            runs.setdefault(name, {}).update(series)
    panels = _panels(runs)
    if not panels:
        raise BadInput(f"{', '.join(map(str, sources))}: no figure to draw; give folders of runs that have made steps")
    target.parent.mkdir(parents=True, exist_ok=True)
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    rows = _rows(panels)
    columns = max(map(len, rows))
    with matplotlib.rc_context(_STYLE):
        size = (max(5.0, 3.4 * columns), 2.6 * len(rows) + 0.5)
        figure, axes = pyplot.subplots(len(rows), columns, figsize=size, layout="constrained", squeeze=False)
        for row, places in zip(rows, axes, strict=True):
            for axis in places[len(row) :]:
                axis.remove()
            for panel, axis in zip(row, places, strict=False):
                _draw(axis, panel, runs)
        _name_runs(figure, runs)
        figure.savefig(target, dpi=150, metadata={"Date": None} if target.suffix == ".svg" else None)
        pyplot.close(figure)
    return target


def _draw(axis: Any, panel: Panel, runs: dict[str, Series]) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    highest = 0.0
    for number, series in enumerate(runs.values()):
        if points := series.get(panel.figure):
            style = _style(number)
            axis.plot(*zip(*points, strict=True), marker="." if len(points) == 1 else None, **style)
            step, value = max(points, key=lambda point: (point[1], -point[0]))
            highest = max(highest, value)
            if panel.family == "eval/accuracy/":
                axis.plot(step, value, "o", color=style["color"], markersize=4)
                if len(runs) <= _ANNOTATED:
                    words = {"text": f"{value:.1%}", "xytext": (3, 3), "textcoords": "offset points"}
                    axis.annotate(xy=(step, value), color=style["color"], fontsize=8, **words)
    axis.set_title(panel.title)
    axis.set_xlabel("step")
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if panel.family in _SHARES:
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if highest > 0.05 else 1))
        axis.set_ylim(bottom=0, top=None if highest else 1)


def _style(number: int) -> dict[str, Any]:
    lap, place = divmod(number, len(_COLOURS))
    return {"color": _COLOURS[place], "linestyle": ("-", "--", ":", "-.")[lap % 4]}


def _name_runs(figure: Any, runs: dict[str, Series]) -> None:
    """One legend for all panels, above them."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_style(number)) for number in range(len(runs))]
    labels = _labels(list(runs))
    columns = max(1, int(figure.get_figwidth() / (0.5 + 0.075 * max(map(len, labels)))))
    figure.legend(handles, labels, loc="outside upper left", ncols=min(columns, len(labels)), fontsize=9)


def _labels(names: Sequence[str]) -> list[str]:
    """The names without what all folders, or all published runs, begin with."""
    folders = [name for name in names if "/" in name]
    published = [name for name in names if "/" not in name]
    found = {**_without_beginning(folders), **_without_beginning(published)}
    return [found[name] for name in names]


def _without_beginning(names: Sequence[str]) -> dict[str, str]:
    if len(names) == 1:
        return {names[0]: _short(Path(names[0]).name)}
    parts = [re.split(r"(?<=[/._-])", name) for name in names]
    common = sum(1 for _ in takewhile(lambda pieces: len(set(pieces)) == 1, zip(*parts, strict=False)))
    return {name: _short("".join(pieces[common:]) or name) for name, pieces in zip(names, parts, strict=True)}


def _rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Panels of a family in rows of their own, so that the same task stands below itself; single ones fill rows."""
    rows, sizes = [], Counter(panel.family for panel in panels)
    for _, members in groupby(panels, key=lambda panel: sizes[panel.family] > 1 and panel.family):
        row = list(members)
        rows += [row[first : first + _COLUMNS] for first in range(0, len(row), _COLUMNS)]
    return rows


def _panels(runs: dict[str, Series]) -> list[Panel]:
    """Every panel that some run has points for."""
    known = sorted({key for series in runs.values() for key, points in series.items() if points})
    found = []
    for title, wanted in _FIGURES:
        for key in known:
            if key == wanted:
                found.append(Panel(wanted, title, key))
            elif wanted.endswith("/") and key.startswith(wanted):
                found.append(Panel(wanted, f"{title}: {key.removeprefix(wanted)}", key))
    return found


def _read(source: Path) -> dict[str, Series]:
    """Runs by name; of a run's folder its path is the name."""
    if source.suffix == ".csv":
        return _read_csv(source)
    if source.is_dir() and not (source / METRICS).is_file():
        runs: dict[str, Series] = {}
        inner = [*sorted(source.glob("*.csv")), *sorted(path.parent for path in source.glob(f"*/{METRICS}"))]
        inner += sorted({path.parent for path in source.glob("*/*.csv")} - set(inner))
        for place in inner:
            for name, series in _read(place).items():
                runs.setdefault(name, {}).update(series)
        if runs:
            return runs
    series = {}
    for event in read_metrics(source):
        for key, value in event.items():
            if key not in ("step", "time"):
                series.setdefault(key, list[tuple[float, float]]()).append((event["step"], value))
    return {source.as_posix(): series}


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
    return name if len(name) <= 60 else f"{name[:29]}…{name[-30:]}"
