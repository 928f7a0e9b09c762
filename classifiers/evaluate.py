"""How well a model does, by source: `python -m classifiers.evaluate MODEL DATA.jsonl …`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from classifiers.dataset import read_labelled
from classifiers.model import load_model

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Metrics(NamedTuple):
    """Figures at one threshold; a figure whose denominator is 0 is nan."""

    precision: float
    recall: float
    f1: float


def metrics(scores: Sequence[float], positive: Sequence[bool], threshold: float = 0.5) -> Metrics:
    """Precision, recall and F1 of `score >= threshold`."""
    kept = [truth for score, truth in zip(scores, positive, strict=True) if score >= threshold]
    true, wanted = sum(kept), sum(positive)
    precision = true / len(kept) if kept else float("nan")
    recall = true / wanted if wanted else float("nan")
    f1 = 2 * true / (len(kept) + wanted) if kept or wanted else float("nan")
    return Metrics(precision, recall, f1)


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
    return (rank_sum - wanted * (wanted + 1) / 2) / (wanted * others) if wanted and others else float("nan")


class SourceResult(NamedTuple):
    """One source of one label: how many texts, the share on the right side of 0.5, and quantiles of the score."""

    source: str
    label: str
    texts: int
    right: float
    q05: float
    q50: float
    q95: float


class Evaluation(NamedTuple):
    """Results by source, and over all texts: AUC, and metrics by threshold."""

    sources: tuple[SourceResult, ...]
    auc: float
    curve: dict[float, Metrics]


def evaluate(scored: Sequence[tuple[float, str, str]], positive: str) -> Evaluation:
    """Evaluate rows of (score, label, source)."""
    results = []
    for source, label in sorted({(source, label) for _, label, source in scored}):
        scores = sorted(score for score, *key in scored if key == [label, source])
        right = sum((score >= 0.5) == (label == positive) for score in scores) / len(scores)
        quantiles = (scores[min(int(share * len(scores)), len(scores) - 1)] for share in (0.05, 0.5, 0.95))
        results.append(SourceResult(source, label, len(scores), right, *quantiles))
    values, truths = [score for score, *_ in scored], [label == positive for _, label, _ in scored]
    curve = {threshold: metrics(values, truths, threshold) for threshold in THRESHOLDS}
    return Evaluation(tuple(results), auc(values, truths), curve)


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown tables."""
    lines = ["| source | label | texts | right at 0.5 | 5 % | median | 95 % |", "|---|---|---|---|---|---|---|"]
    for row in evaluation.sources:
        quantiles = f"{row.q05:.3f} | {row.q50:.3f} | {row.q95:.3f}"
        lines.append(f"| {row.source} | {row.label} | {row.texts} | {row.right:.3f} | {quantiles} |")
    lines += ["", f"AUC over all texts: {evaluation.auc:.4f}", ""]
    lines += ["| threshold | precision | recall | F1 |", "|---|---|---|---|"]
    for threshold, row_metrics in evaluation.curve.items():
        lines.append(f"| {threshold} | {' | '.join(f'{value:.3f}' for value in row_metrics)} |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.evaluate", description=__doc__)
    parser.add_argument("model", help="a bundled name, or the path of a model")
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA.jsonl", help="labelled texts")
    parser.add_argument("--positive", default="math", help="the label that should score high (default: %(default)s)")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    rows = list(read_labelled(arguments.data))
    scores = model.score([row.text for row in rows])
    scored = [(score, row.label, row.source) for score, row in zip(scores, rows, strict=True)]
    print(report(evaluate(scored, arguments.positive)))


if __name__ == "__main__":
    main()
