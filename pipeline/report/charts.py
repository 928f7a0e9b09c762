"""Histograms as geometry: where bars, lines and labels stand, in the units of an SVG viewBox. No drawing here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.distributions import SCORE_BINS, Counts, Scores, Year, round_up

WIDTH, HEIGHT = 520.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 8.0, 26.0, 30.0
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_BASE = _TOP + _PLOT_HEIGHT


@dataclass(frozen=True)
class Bar:
    """A rectangle on the base line; `css` is its class and `tip` what a pointer on it reads."""

    x: float
    y: float
    width: float
    height: float
    css: str
    tip: str


@dataclass(frozen=True)
class Label:
    """A label at (x, y), or a grid line's; `anchor` is SVG's text-anchor."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """A histogram. `marker` is a vertical line with its label."""

    bars: tuple[Bar, ...]
    across: tuple[Label, ...]
    up: tuple[Label, ...]
    marker: Label | None
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    base: float = _BASE


def score_chart(scores: Scores) -> Chart:
    """Extracted pages behind the corpus, on a logarithmic scale: most of a crawl is far from mathematics.

    A bar's height is log(1 + count), so that an empty bin has none.
    """
    top = math.log1p(max((*scores.extracted, *scores.corpus, 9)))
    step = _PLOT_WIDTH / SCORE_BINS
    bars = []
    for css, name, counts in (("wide", "extracted", scores.extracted), ("full", "in the corpus", scores.corpus)):
        for number, count in enumerate(counts):
            if count:
                height = math.log1p(count) / top * _PLOT_HEIGHT
                low, high = number / SCORE_BINS, (number + 1) / SCORE_BINS
                inset = 1.0 if css == "wide" else 4.5
                tip = f"{low:.2f} to {high:.2f}: {count:,} {name}"
                bars.append(_bar(_LEFT + number * step + inset, step - 2 * inset, height, css, tip))
    up = [(math.log1p(10.0**power) / top, _short(10**power)) for power in range(12) if math.log1p(10**power) <= top]
    across = [Label(_LEFT + tenth / 10 * _PLOT_WIDTH, _BASE + 17, f"{tenth / 10:.1f}") for tenth in range(0, 11, 2)]
    marker = None
    if scores.threshold is not None:
        anchor = "start" if scores.threshold < 0.3 else "end"
        marker = Label(
            round(_LEFT + scores.threshold * _PLOT_WIDTH, 1), _TOP - 13, f"kept from {scores.threshold:g}", anchor
        )
    every = max(1, len(up) // 4)
    return Chart(tuple(bars), tuple(across), _grid(up[::every]), marker)


def count_chart(counts: Counts) -> Chart:
    """Documents per bin of a whole number, every bin as wide as the others."""
    return _binned(counts, counts.bins, "document", "documents")


def sum_chart(counts: Counts) -> Chart:
    """The same bins, as high as what their documents hold together: where the tokens of a corpus lie."""
    return _binned(counts, counts.sums, counts.name.removesuffix("s"), counts.name)


def _binned(counts: Counts, heights: Sequence[int], one: str, many: str) -> Chart:
    if not any(heights):
        return Chart((), (), (), None)
    step = round_up(max(heights) / 4)
    top = -(-max(heights) // step) * step
    width = _PLOT_WIDTH / max(len(heights), 8)
    doubling = len(counts.edges) > 2 and counts.edges[-1] == 2 * counts.edges[-2]
    bars, across = [], []
    for place, value in enumerate(heights):
        low, high = counts.edges[place], counts.edges[place + 1] - 1
        x = _LEFT + place * width
        if value:
            span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            tip = f"{span}: {value:,} {one if value == 1 else many}"
            bars.append(_bar(x + 1, width - 2, value / top * _PLOT_HEIGHT, "full", tip))
        # Of a bin of one number the label stands below its middle, of others below where they begin.
        text = _power(low) if doubling else _short(low)
        across.append(Label(round(x + width / 2 if low == high else x + 1, 1), _BASE + 17, text))
    up = [(value / top, _short(value)) for value in range(step, top + 1, step)]
    return Chart(tuple(bars), tuple(across[:: -(-len(across) // 11)]), _grid(up), None)


def quantity_chart(counts: Sequence[int], width: float, unit: str, kept_from: float, noun: str) -> Chart:
    """Bins of `width` from 0 on, of a quantity in `unit`: those from `kept_from` on full, with a line where they begin.

    `noun` names what is counted.
    """
    if not any(counts):
        return Chart((), (), (), None)
    step = round_up(max(counts) / 4)
    top = -(-max(counts) // step) * step
    bar = _PLOT_WIDTH / len(counts)
    bars = tuple(
        _bar(
            _LEFT + place * bar + 0.5,
            bar - 1,
            count / top * _PLOT_HEIGHT,
            "full" if place * width >= kept_from - width / 2 else "wide",
            f"{place * width:.2f} to {(place + 1) * width:.2f} {unit}: {count:,} {noun}",
        )
        for place, count in enumerate(counts)
        if count
    )
    end = len(counts) * width
    every = next(tick for tick in (0.25, 0.5, 1, 2, 5, 10, 20) if end / tick <= 12)
    across = [
        Label(round(_LEFT + tick * every / end * _PLOT_WIDTH, 1), _BASE + 17, f"{tick * every:g}")
        for tick in range(int(end / every + 1e-9) + 1)
    ]
    marker = None
    if kept_from > 0:
        marker = Label(
            round(_LEFT + kept_from / end * _PLOT_WIDTH, 1),
            _TOP - 13,
            f"stored from {kept_from:g}",
            "start" if kept_from < end / 2 else "end",
        )
    up = [(value / top, _short(value)) for value in range(step, top + 1, step)]
    return Chart(bars, tuple(across), _grid(up), marker)


def year_chart(years: Sequence[Year]) -> Chart:
    """Tokens per year of capture; years between the first and the last stand there though they hold nothing."""
    if not any(year.tokens for year in years):
        return Chart((), (), (), None)
    known = [year.year for year in years if year.year is not None]
    places: list[int | None] = [*range(min(known), max(known) + 1)] if known else []
    if any(year.year is None for year in years):
        places.append(None)
    most = max(year.tokens for year in years)
    step = round_up(most / 4)
    top = -(-most // step) * step
    width = _PLOT_WIDTH / max(len(places), 8)
    bars = tuple(
        _bar(
            _LEFT + places.index(year.year) * width + 2,
            width - 4,
            year.tokens / top * _PLOT_HEIGHT,
            "full",
            f"{_year(year.year)}: {year.tokens:,} tokens in {year.documents:,} document{'s' * (year.documents != 1)}",
        )
        for year in years
        if year.tokens
    )
    across = [
        Label(round(_LEFT + (place + 0.5) * width, 1), _BASE + 17, _year(year)) for place, year in enumerate(places)
    ]
    up = [(value / top, _short(value)) for value in range(step, top + 1, step)]
    return Chart(bars, tuple(across[:: -(-len(across) // 10)]), _grid(up), None)


def _year(year: int | None) -> str:
    return "undated" if year is None else str(year)


def _bar(x: float, width: float, height: float, css: str, tip: str) -> Bar:
    height = max(height, 1.5)  # one document among millions is still a line
    return Bar(round(x, 1), round(_BASE - height, 1), round(width, 1), round(height, 1), css, tip)


def _grid(up: list[tuple[float, str]]) -> tuple[Label, ...]:
    return tuple(Label(_LEFT, round(_BASE - share * _PLOT_HEIGHT, 1), text) for share, text in up)


def _power(value: int) -> str:
    """A power of two with k, M and G for 2^10, 2^20 and 2^30: 512, 1k, 2k."""
    unit = max(0, value.bit_length() - 1) // 10
    return f"{value >> 10 * min(unit, 3)}{('', 'k', 'M', 'G')[min(unit, 3)]}"


def _short(value: int) -> str:
    """A whole number in little room: 512, 2k, 1M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)
