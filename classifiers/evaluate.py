"""How well a model does: by source, at every threshold, and what a threshold keeps of each year."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from classifiers.dataset import Labelled, cut_at
from classifiers.model import Model

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
_SOURCES = 30


class Metrics(NamedTuple):
    """Figures at one threshold; a figure whose denominator is 0 is nan. `kept` is the share of all texts."""

    kept: float
    precision: float
    recall: float
    f1: float


def metrics(
    scores: Sequence[float], positive: Sequence[bool], threshold: float = 0.5, weights: Sequence[float] | None = None
) -> Metrics:
    """Share kept, precision, recall and F1 of `score >= threshold`; a text counts `weights` times."""
    weights = weights or [1.0] * len(scores)
    kept = true = wanted = 0.0
    for score, truth, weight in zip(scores, positive, weights, strict=True):
        kept += weight * (score >= threshold)
        true += weight * (score >= threshold) * truth
        wanted += weight * truth
    f1 = _ratio(2 * true, kept + wanted)
    return Metrics(_ratio(kept, sum(weights)), _ratio(true, kept), _ratio(true, wanted), f1)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half; nan without both."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    rank_sum, at = 0.0, 0
    while at < len(order):
        end = at
        while end < len(order) and scores[order[end]] == scores[order[at]]:
            end += 1
        rank_sum += (at + 1 + end) / 2 * sum(positive[index] for index in order[at:end])
        at = end
    wanted = sum(positive)
    others = len(positive) - wanted
    return _ratio(rank_sum - wanted * (wanted + 1) / 2, wanted * others)


class SourceResult(NamedTuple):
    """One source of one label: how many texts, the share on the right side of 0.5, and quantiles of the score."""

    source: str
    label: str
    texts: int
    right: float
    q05: float
    q50: float
    q95: float


class YearResult(NamedTuple):
    """One year of capture: its texts, and the share of their tokens that each of `THRESHOLDS` keeps."""

    year: str
    texts: int
    kept: tuple[float, ...]


class Evaluation(NamedTuple):
    """Results by source and year, and over all texts: AUC, and metrics by threshold. `unit` is what a year counts."""

    texts: int
    sources: tuple[SourceResult, ...]
    auc: float
    curve: dict[float, Metrics]
    years: tuple[YearResult, ...]
    unit: str

    def as_json(self) -> dict[str, Any]:
        """For a card or a file: nan as null, the sources with the most texts."""
        return {
            "texts": self.texts,
            "auc": _number(self.auc),
            "curve": [
                {"threshold": threshold, **{name: _number(value) for name, value in row._asdict().items()}}
                for threshold, row in self.curve.items()
            ],
            "years": {row.year: {"texts": row.texts, f"{self.unit}_kept": _steps(row.kept)} for row in self.years},
            "sources": [
                {name: _number(value) for name, value in row._asdict().items()} for row in largest(self.sources)
            ],
        }


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value


def _steps(kept: Sequence[float]) -> dict[str, Any]:
    return {str(threshold): _number(share) for threshold, share in zip(THRESHOLDS, kept, strict=True)}


def largest(sources: Sequence[SourceResult]) -> list[SourceResult]:
    """The sources with the most texts, in the order of their names."""
    return sorted(sorted(sources, key=lambda row: (-row.texts, row.source, row.label))[:_SOURCES])


def evaluate(rows: Sequence[Labelled], scores: Sequence[float], positive: str) -> Evaluation:
    """Evaluate the scores of rows; `positive` is the label that should score high.

    Within a year texts count alike; elsewhere each counts as often as its weight says. Where not every row of a year
    has its tokens counted, characters stand for them.
    """
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        groups[row.source, row.label].append(score)
    truths = [row.label == positive for row in rows]
    weights = [row.weight for row in rows]
    counted = bool(rows) and all(row.tokens is not None for row in rows)
    return Evaluation(
        texts=len(rows),
        sources=tuple(_source(*key, sorted(found), key[1] == positive) for key, found in sorted(groups.items())),
        auc=auc(scores, truths),
        curve={threshold: metrics(scores, truths, threshold, weights) for threshold in THRESHOLDS},
        years=tuple(_years(rows, scores)),
        unit="tokens" if counted else "characters",
    )


def _source(source: str, label: str, scores: list[float], wanted: bool) -> SourceResult:
    right = sum((score >= 0.5) == wanted for score in scores) / len(scores)
    quantiles = (scores[min(int(share * len(scores)), len(scores) - 1)] for share in (0.05, 0.5, 0.95))
    return SourceResult(source, label, len(scores), right, *quantiles)


def _years(rows: Sequence[Labelled], scores: Sequence[float]) -> list[YearResult]:
    counted = all(row.tokens is not None for row in rows)
    texts: Counter[str] = Counter()
    sizes: defaultdict[str, float] = defaultdict(float)
    kept: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * len(THRESHOLDS))
    for row, score in zip(rows, scores, strict=True):
        size = row.tokens if counted and row.tokens is not None else len(row.text)
        texts[row.year] += 1
        sizes[row.year] += size
        for place, threshold in enumerate(THRESHOLDS):
            kept[row.year][place] += size * (score >= threshold)
    return [
        YearResult(year, texts[year], tuple(_ratio(part, sizes[year]) for part in kept[year]))
        for year in sorted(texts)
        if year
    ]


def evaluate_model(model: Model, rows: Sequence[Labelled]) -> Evaluation:
    """Evaluate a model on labelled texts: its own label is positive, scores are cut as in its training."""
    positive = model.label.removeprefix("__label__")
    return evaluate(cut_at(rows, model.cut, positive), model.score([row.text for row in rows]), positive)


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown tables."""
    shown = largest(evaluation.sources)
    lines = ["| source | label | texts | right at 0.5 | 5 % | median | 95 % |", "|---|---|---|---|---|---|---|"]
    for row in shown:
        quantiles = f"{row.q05:.3f} | {row.q50:.3f} | {row.q95:.3f}"
        lines.append(f"| {row.source} | {row.label} | {row.texts} | {row.right:.3f} | {quantiles} |")
    if more := len(evaluation.sources) - len(shown):
        lines.append(f"| {more:,} more | | | | | | |")
    lines += ["", f"AUC over {evaluation.texts:,} texts: {evaluation.auc:.4f}", ""]
    lines += ["| threshold | kept | precision | recall | F1 |", "|---|---|---|---|---|"]
    for threshold, figures in evaluation.curve.items():
        lines.append(f"| {threshold} | {' | '.join(f'{value:.3f}' for value in figures)} |")
    if evaluation.years:
        marks = THRESHOLDS[1::2]
        lines += ["", f"Share of {evaluation.unit} kept, by year:", ""]
        lines.append(f"| year | texts | {' | '.join(map(str, marks))} |")
        lines.append("|---" * (len(marks) + 2) + "|")
        for year in evaluation.years:
            lines.append(f"| {year.year} | {year.texts} | {' | '.join(f'{share:.3f}' for share in year.kept[1::2])} |")
    return "\n".join(lines)
