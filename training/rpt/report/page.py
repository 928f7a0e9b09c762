"""From a position folder to one HTML page that needs nothing else: no script, no image, no font, no network."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.files import write_text
from pipeline.report.charts import Chart, quantity_chart
from pipeline.report.page import report_environment
from pipeline.report.visible import visible
from training.rpt.positions import Histogram, PositionManifest
from training.rpt.selection import Bands

_BAR = 5
"""Bins of a histogram in a bar."""
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
_TEXT_CHARS = 4000
_TOKEN_CHARS = 60


@dataclass(frozen=True)
class Band:
    """A band of difficulty and its positions, nested (all from `low` on) and apart (up to the next band)."""

    name: str
    low: float
    nested: int
    apart: int


@dataclass(frozen=True)
class Guess:
    """A token that the proxy thinks likely."""

    text: str
    probability: float
    right: bool


@dataclass(frozen=True)
class Look:
    """A position to look at. `before` ends where the position is; `after` are the tokens that really follow."""

    title: str
    place: str
    entropy: float
    full_entropy: float
    probability: float
    before: str
    after: tuple[str, ...]
    guesses: tuple[Guess, ...]
    correct: bool


def write_page(manifest: PositionManifest) -> Path:
    """Write report.html into a position folder."""
    path = manifest.folder / "report.html"
    write_text(path, render_page(manifest))
    return path


def render_page(manifest: PositionManifest) -> str:
    """The page of a position folder; two renders are equal, and no path of the machine is in it.

    Raises:
        BadInput: the folder's samples are missing.
    """
    return (
        report_environment("training.rpt.report", "pipeline.report")
        .get_template("positions.html.j2")
        .render(
            manifest=manifest,
            totals=manifest.totals,
            charts=[
                ("Entropy over the 16 likeliest tokens", _chart(manifest.entropy, manifest.floor)),
                ("Entropy over the vocabulary", _chart(manifest.full_entropy, 0)),
            ],
            bands=bands(manifest.entropy, Bands()),
            shares=[(share, least_of_share(manifest.entropy, share)) for share in _SHARES],
            ceiling=math.log(manifest.top),
            looks=_looks(manifest),
        )
    )


def bands(entropy: Histogram, settings: Bands) -> list[Band]:
    """The sizes of bands, from a histogram of all measured positions."""
    limits = list(settings.thresholds.items())
    ends = [low for _, low in limits[1:]] + [math.inf]
    found = []
    for (name, low), end in zip(limits, ends, strict=True):
        nested = entropy.at_least(low)
        beyond = 0 if end == math.inf else entropy.at_least(end)
        found.append(Band(name, low, nested, nested - beyond))
    return found


def least_of_share(entropy: Histogram, share: float) -> float:
    """Where the highest `share` of positions begins, to a bin of the histogram."""
    wanted, found = share * sum(entropy.counts), 0
    for place in range(len(entropy.counts) - 1, -1, -1):
        found += entropy.counts[place]
        if found >= wanted:
            return place * entropy.width
    return 0.0


def _chart(histogram: Histogram, kept_from: float) -> Chart:
    counts = histogram.counts
    bars = [sum(counts[first : first + _BAR]) for first in range(0, len(counts), _BAR)]
    return quantity_chart(bars, histogram.width * _BAR, "nats", kept_from, "positions")


def _looks(manifest: PositionManifest) -> list[Look]:
    path = manifest.folder / manifest.samples.path
    if not path.is_file():
        raise BadInput(f"{path}: missing, though {manifest.name} names it; measure the positions again")
    return [_look(row) for row in pq.read_table(path).to_pylist()]


def _look(row: dict[str, Any]) -> Look:
    first = row["after"][0]
    return Look(
        title=visible(row["url"] or f"document {row['document']}", _TEXT_CHARS),
        place=f"document {row['document']:,} ({row['id']}), token {row['offset']:,}",
        entropy=row["entropy"],
        full_entropy=row["full_entropy"],
        probability=math.exp(row["logprob"]),
        before="\n".join(visible(line, _TEXT_CHARS) for line in row["before"].split("\n")),
        after=tuple(visible(token, _TOKEN_CHARS) for token in row["after"]),
        guesses=tuple(
            Guess(visible(guess["text"], _TOKEN_CHARS), guess["probability"], guess["text"] == first)
            for guess in row["guesses"]
        ),
        correct=row["correct"],
    )
