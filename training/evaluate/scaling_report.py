"""Scaling curves of runs: their evaluations against the compute that they had spent, as a table and a picture.

A run's folder holds `evaluations/step-*/next-token/` and, in metrics.jsonl, `compute/flops`: the FLOP of drawing,
scoring and training up to each step (`training.rl.compute`). The evaluation before the first step has no compute and is
shown as a line, not fitted: the law has no value at C = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput
from training.checkpoint import complete_checkpoints, read_record
from training.evaluate.next_token import FOLDER, Hits, Mode, read_hits
from training.evaluate.scaling import MIN_POINTS, Interval, ScalingCurve, fit_curve
from training.rpt.selection import Bands
from training.rpt.train import RptRecord
from training.watch import read_metrics


@dataclass(frozen=True)
class Point:
    """An evaluation of a run."""

    step: int
    flops: float
    hits: Hits


@dataclass(frozen=True)
class Curve:
    """A band of a run: its points, of which `before` is that of step 0, and the fit through the others."""

    run: str
    band: str
    compute: np.ndarray
    accuracy: np.ndarray
    before: float | None
    fitted: ScalingCurve


def read_points(run: Path, mode: Mode) -> list[Point]:
    """The evaluations of a run, in order, all on the same positions.

    Raises:
        BadInput: there are none, they are of different positions, or the log does not tell the compute of one.
    """
    spent = {int(event["step"]): event["compute/flops"] for event in read_metrics(run) if "compute/flops" in event}
    points: list[Point] = []
    for folder in sorted((run / "evaluations").glob(f"step-*/{FOLDER}/{mode}-*")):
        step = int(folder.parents[1].name.removeprefix("step-"))
        if points and points[-1].step == step:
            raise BadInput(f"{folder.parent}: evaluations of two protocols; remove the one that does not belong")
        if step and step not in spent:
            raise BadInput(f"{run}: metrics.jsonl has no compute/flops of step {step}; train with this version")
        points.append(Point(step, spent[step] if step else 0.0, read_hits(folder)))
        if not _same_positions(points[0].hits, points[-1].hits):
            raise BadInput(f"{folder}: other positions than at step {points[0].step}; compare equal ones")
    if not points:
        raise BadInput(f"{run}: no next-token evaluations in {mode} mode; set `evaluation` in the run")
    return points


def bands_of(run: Path) -> Bands:
    """The bands that an RPT run, or an arm of one, evaluates on.

    Raises:
        BadInput: there is no such folder, or no checkpoint in it that tells them.
    """
    if not run.is_dir():
        raise BadInput(f"{run}: no such folder; give that of an RPT run, or of an arm of one")
    complete = complete_checkpoints(run)
    evaluation = read_record(complete[-1], RptRecord).run.evaluation if complete else None
    if evaluation is None:
        raise BadInput(f"{run}: no checkpoint that tells its bands; name them: --set thresholds={{hard: 1.5}}")
    return evaluation.bands


def fit_run(run: Path, mode: Mode, bands: Bands, num_resamples: int, seed: int) -> list[Curve]:
    """A curve for each band that has positions; a line says where accuracy never changes, which has none.

    Raises:
        BadInput: as `read_points` and `fit_curve`, or no band has a curve.
    """
    points = read_points(run, mode)
    trained = [point for point in points if point.flops > 0]
    compute = np.array([point.flops for point in trained])
    curves = []
    for band, limits in bands.limits().items():
        inside = [point.hits.band(*limits).share for point in trained]
        if not inside or not len(inside[0]):
            continue
        accuracy = np.array([share.mean() for share in inside])
        if len(inside) >= MIN_POINTS and np.ptp(accuracy) == 0:
            print(f"{run}: {band}: accuracy is {accuracy[0]:.1%} at every point; no curve is fitted")
            continue
        before = [float(point.hits.band(*limits).share.mean()) for point in points if point.flops == 0]
        try:
            fitted = fit_curve(compute, np.stack(inside), num_resamples, seed)
        except BadInput as error:
            raise BadInput(f"{run}: {band}: {error}") from error
        curves.append(Curve(run.name, band, compute, accuracy, before[0] if before else None, fitted))
    if not curves:
        raise BadInput(f"{run}: no band has evaluated positions of an accuracy that changes; lower the bands")
    return curves


def render_curves(curves: Sequence[Curve]) -> str:
    """A table in Markdown, with what its figures are."""
    lines = [
        "| run | band | positions | points | degrees of freedom | A | α | P* | R² |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for curve in curves:
        fitted, fit = curve.fitted, curve.fitted.fit
        cells = [
            curve.run,
            curve.band,
            f"{fitted.num_positions:,}",
            str(fit.num_points),
            str(fit.degrees_of_freedom),
            f"{fit.amplitude:.3g} {_brackets(fitted.amplitude)}",
            f"{fit.exponent:.3g} {_brackets(fitted.exponent)}",
            f"{fit.limit:.3f} {_brackets(fitted.limit)}",
            f"{fit.r_squared:.4f} {_brackets(fitted.r_squared)}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "P(C) = A / C^α + P*, C in FLOP of training. In brackets: the middle 95 % of fits to resampled positions.",
    ]
    for curve in curves:
        if curve.fitted.fit.at_bound:
            lines.append(
                f"{curve.run}, {curve.band}: α ends at a bound of the search; these points determine neither α nor P*."
            )
        elif not 0 <= curve.fitted.fit.limit <= 1:
            lines.append(f"{curve.run}, {curve.band}: P* is no accuracy: between these points the curve hardly bends.")
    return "\n".join(lines)


def draw_curves(curves: Sequence[Curve], target: Path) -> Path:
    """A panel per band: points, fits, and the band that resampled positions give (.png, .svg or .pdf)."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    bands = list(dict.fromkeys(curve.band for curve in curves))
    figure, axes = pyplot.subplots(1, len(bands), figsize=(5 * len(bands), 4), layout="constrained", squeeze=False)
    for band, axis in zip(bands, axes[0], strict=True):
        for number, curve in enumerate(curve for curve in curves if curve.band == band):
            colour, fit = f"C{number}", curve.fitted.fit
            line = np.geomspace(curve.compute.min() / 1.2, curve.compute.max() * 1.5, 200)
            low, high = curve.fitted.band(line)
            axis.fill_between(line, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(line, fit.at(line), color=colour, linewidth=1)
            label = f"{curve.run}: R² {fit.r_squared:.3f}, {fit.num_points} points"
            axis.plot(curve.compute, curve.accuracy, "o", color=colour, markersize=4, label=label)
            if curve.before is not None:
                axis.axhline(curve.before, color=colour, linewidth=0.8, linestyle=":")
        axis.set(title=band, xlabel="training compute, FLOP", ylabel="next-token accuracy", xscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="x-small")
    figure.savefig(target)
    pyplot.close(figure)
    return target


def _same_positions(first: Hits, second: Hits) -> bool:
    return np.array_equal(first.document, second.document) and np.array_equal(first.offset, second.offset)


def _brackets(interval: Interval) -> str:
    return f"[{interval.low:.3g}, {interval.high:.3g}]"
