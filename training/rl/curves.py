"""Curves of RL runs, ours from metrics.jsonl and published ones from CSV files with a column per run."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput
from training.rl.collapse import Point
from training.watch import read_metrics

_PUBLISHED = {
    "val/test_score": "eval/accuracy",
    "val_response_length/test_length_correct": "eval/length_correct",
}
"""Headings of OctoThinker's published curves (verl's), and what our log calls the same; lengths are those of right
answers alone."""


@dataclass(frozen=True)
class Curve:
    """A figure of one run over its steps."""

    run: str
    points: tuple[tuple[int, float], ...]
    figure: str | None = None
    """Its name in metrics.jsonl, where the heading of a published curve tells it."""


def read_csv(path: Path) -> list[Curve]:
    """The curves of an export of Weights & Biases: `Step`, then `run - figure` columns with their MIN and MAX.

    Raises:
        BadInput: no such table.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; give an export of Weights & Biases, or a run's folder")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = [*csv.reader(file)] or [[]]
    if header[:1] != ["Step"]:
        raise BadInput(
            f"{path}: its first column is {', '.join(header[:1]) or 'missing'}, not Step; give an export with steps"
        )
    curves = []
    for column, name in enumerate(header[1:], start=1):
        if name.endswith(("__MIN", "__MAX")):
            continue
        try:
            points = tuple((int(float(row[0])), float(row[column])) for row in rows if row[column] not in ("", "NaN"))
        except (ValueError, IndexError) as error:
            raise BadInput(f"{path}: column {name}: not numbers: {error}; give an export with steps") from error
        run, _, heading = name.rpartition(" - ")
        kind, _, task = heading.rpartition("/")
        figure = f"{_PUBLISHED[kind]}/{task.lower()}" if kind in _PUBLISHED else None
        curves.append(Curve(run, points, figure))
    return curves


def run_points(folder: Path, name: str) -> list[Point]:
    """What the collapse rules look at, of our own run: the figure `name` (0..1) with the rollouts' shares beside it.

    Raises:
        BadInput: the folder has no metrics.
    """
    points = []
    at_limit = repetition = None
    for event in read_metrics(folder):
        at_limit = event.get("rollout/at_limit", at_limit)
        repetition = event.get("rollout/repetition", repetition)
        if name in event:
            points.append(Point(int(event["step"]), event[name], at_limit, repetition))
    return points
