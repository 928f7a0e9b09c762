"""Scaling curves: P(C) = A / C^α + P* through (compute, accuracy) points, with intervals over the evaluated positions.

The form is that of RPT (arXiv 2506.08007 section 4.2): C training compute in FLOPs, P accuracy, P* the accuracy at
unlimited compute. A is below 0 where accuracy rises. Three parameters leave few degrees of freedom to a handful of
checkpoints, so their number is part of the result, and R² near 1 says less than the interval does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput

MIN_POINTS = 4
"""Fewer leave no degree of freedom to three parameters."""
_EXPONENTS = (1e-2, 50.0)
"""Bounds of α × ln(most compute / least): below, the curve is a logarithm of C; above, a step after the first point."""
_LARGEST_POWER = 600.0
"""Largest logarithm of C^α."""
_GRID, _HALVINGS = 200, 60
_GOLDEN = (5**0.5 - 1) / 2
_CHUNK = 64
"""Resamples at a time, which bounds the memory of their counts."""


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of resampled fits."""

    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """P(C) = `amplitude` / C^`exponent` + `limit`, C in FLOPs."""

    amplitude: float
    exponent: float
    limit: float
    r_squared: float
    num_points: int
    at_bound: bool
    """Whether the exponent ended at a bound of the search: the points do not determine it, nor the limit."""

    @property
    def degrees_of_freedom(self) -> int:
        """Points less the three parameters."""
        return self.num_points - 3

    def at(self, compute: np.ndarray | float) -> np.ndarray:
        """P at each C."""
        values: np.ndarray = self.amplitude * np.asarray(compute, dtype=np.float64) ** -self.exponent + self.limit
        return values


@dataclass(frozen=True)
class ScalingCurve:
    """A fit with what resampling the positions makes of it.

    The fit's own figures are of all positions; `amplitude`, `exponent`, `limit` and `r_squared` are the intervals.
    """

    fit: Fit
    amplitude: Interval
    exponent: Interval
    limit: Interval
    r_squared: Interval
    num_positions: int
    num_resamples: int
    resampled: np.ndarray
    """[resamples, 3]: amplitude, exponent, limit of each."""

    def band(self, compute: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound of P at each C: the middle 95 % of the resampled curves."""
        amplitude, exponent, limit = (self.resampled[:, [column]] for column in range(3))
        curves = amplitude * np.asarray(compute, dtype=np.float64)[None] ** -exponent + limit
        low, high = np.percentile(curves, (2.5, 97.5), axis=0)
        return low, high


def fit_power_law(compute: Sequence[float] | np.ndarray, accuracy: Sequence[float] | np.ndarray) -> Fit:
    """The least-squares fit, by variable projection: A and P* are linear for a given α, over which one searches.

    Args:
        compute: [points] C in FLOPs, above 0, in any order.
        accuracy: [points] P.

    Raises:
        BadInput: fewer than four different values of C, one that is not above 0, or accuracies that are all equal.
    """
    compute, accuracy = np.asarray(compute, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    _check(compute, accuracy[None])
    amplitude, exponent, limit, r_squared, at_bound = (values[0] for values in _fit(compute, accuracy[None]))
    return Fit(float(amplitude), float(exponent), float(limit), float(r_squared), len(compute), bool(at_bound))


def fit_curve(
    compute: Sequence[float] | np.ndarray, hits: np.ndarray, num_resamples: int = 1000, seed: int = 0
) -> ScalingCurve:
    """The fit and its intervals: the positions are drawn with replacement, the same ones at every point.

    A position that is hard is so at every checkpoint, so points are not independent, and resampling them jointly
    keeps what they share. The intervals are about the choice of positions; they say nothing of another seed's run.

    Args:
        compute: [points] C in FLOPs.
        hits: [points, positions] 1 where right, 0 where wrong, shares where several answers were drawn.
        num_resamples: fits to draw.
        seed: of the drawing.

    Raises:
        BadInput: as `fit_power_law`, or no positions.
    """
    compute, hits = np.asarray(compute, dtype=np.float64), np.asarray(hits, dtype=np.float64)
    num_positions = hits.shape[1]
    if num_positions == 0:
        raise BadInput("no evaluated positions; evaluate on at least one")
    fit = fit_power_law(compute, hits.mean(1))
    rng = np.random.default_rng(seed)
    parts = []
    for first in range(0, num_resamples, _CHUNK):
        size = min(_CHUNK, num_resamples - first)
        counts = rng.multinomial(num_positions, np.full(num_positions, 1 / num_positions), size=size)
        parts.append(np.stack(_fit(compute, counts @ hits.T / num_positions)[:4], axis=1))
    drawn = np.concatenate(parts)
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    amplitude, exponent, limit, r_squared = (Interval(float(low[at]), float(high[at])) for at in range(4))
    return ScalingCurve(
        fit, amplitude, exponent, limit, r_squared, num_positions, num_resamples, resampled=drawn[:, :3]
    )


def _check(compute: np.ndarray, accuracy: np.ndarray) -> None:
    if compute.shape != accuracy.shape[1:]:
        raise ValueError(f"compute {compute.shape} and accuracy {accuracy.shape[1:]} differ in shape")
    different = len(np.unique(compute))
    if different < MIN_POINTS:
        raise BadInput(
            f"a scaling curve has three parameters and needs {MIN_POINTS} points of different compute, here are "
            f"{different}; evaluate more checkpoints"
        )
    if not (np.isfinite(compute).all() and (compute > 0).all()):
        raise BadInput(f"compute {compute.min():g} FLOPs: A / C^α needs C above 0; leave out the point before training")
    if not np.isfinite(accuracy).all():
        raise BadInput(f"accuracy {accuracy.ravel().tolist()} holds what is no number; leave out that point")
    if np.ptp(accuracy) == 0:
        raise BadInput(f"accuracy is {accuracy.flat[0]:g} at every point; there is no curve to fit")


def _fit(compute: np.ndarray, accuracy: np.ndarray) -> tuple[np.ndarray, ...]:
    """Amplitude, exponent, limit, R² and whether at a bound, each [rows]; `accuracy` is [rows, points]."""
    centre = float(np.exp(np.log(compute).mean()))
    scaled = np.log(compute / centre)  # C is divided by its geometric mean, so that powers stay small
    span = float(np.ptp(scaled))
    centred = accuracy - accuracy.mean(1, keepdims=True)
    # A itself stays a finite number too.
    largest = min(_EXPONENTS[1] / span, _LARGEST_POWER / max(abs(float(np.log(centre))), 1.0))
    grid = np.geomspace(_EXPONENTS[0] / span, largest, _GRID)
    basis = _basis(scaled, grid)
    best = np.argmax((centred @ basis.T) ** 2, axis=1)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID - 1)]
    for _ in range(_HALVINGS):  # golden-section search between the grid's neighbours, all rows at once
        inner_low, inner_high = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        left = _explained(scaled, centred, inner_low) > _explained(scaled, centred, inner_high)
        low, high = np.where(left, low, inner_low), np.where(left, inner_high, high)
    exponent = (low + high) / 2
    powers = np.exp(-exponent[:, None] * scaled[None])
    deviation = powers - powers.mean(1, keepdims=True)
    slope = (deviation * centred).sum(1) / (deviation**2).sum(1)
    limit = accuracy.mean(1) - slope * powers.mean(1)
    residual = ((accuracy - limit[:, None] - slope[:, None] * powers) ** 2).sum(1)
    total = (centred**2).sum(1)
    r_squared = 1 - residual / np.where(total > 0, total, 1)
    at_bound = (exponent <= grid[0] * 1.001) | (exponent >= grid[-1] / 1.001)
    return slope * centre**exponent, exponent, limit, r_squared, at_bound


def _basis(scaled: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """C^-α less its mean over the points, of length 1: [exponents, points]."""
    powers = np.exp(-exponents[:, None] * scaled[None])
    powers -= powers.mean(1, keepdims=True)
    unit: np.ndarray = powers / np.linalg.norm(powers, axis=1, keepdims=True)
    return unit


def _explained(scaled: np.ndarray, centred: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Sum of squares that the basis of each row's α takes off: [rows]."""
    explained: np.ndarray = (_basis(scaled, exponents) * centred).sum(1) ** 2
    return explained
