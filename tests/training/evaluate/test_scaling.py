"""Fits of P(C) = A / C^α + P*: known curves come back, intervals cover them, and too few points are refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput
from training.evaluate.scaling import fit_curve, fit_power_law

COMPUTE = 1e20 * np.array([1, 2, 4, 8, 10, 12])  # RPT's points: steps 100 to 1,200


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    exponent=st.floats(0.05, 3),
    rise=st.floats(0.01, 0.9),
    limit=st.floats(0, 1),
    falls=st.booleans(),
    unit=st.sampled_from([1e6, 1e14, 1e20]),
)
def test_a_curve_without_noise_comes_back(exponent: float, rise: float, limit: float, falls: bool, unit: float) -> None:
    compute = unit * np.array([1, 2, 4, 8, 10, 12])
    amplitude = (rise if falls else -rise) * unit**exponent
    fit = fit_power_law(compute[::-1], (amplitude / compute**exponent + limit)[::-1])
    assert fit.exponent == pytest.approx(exponent, rel=1e-5)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-3)
    assert fit.limit == pytest.approx(limit, abs=1e-6)
    assert fit.r_squared == pytest.approx(1, abs=1e-9)
    assert (fit.num_points, fit.degrees_of_freedom, fit.at_bound) == (6, 3, False)


def test_the_fit_is_the_least_squares_one() -> None:
    accuracy = np.array([0.10, 0.21, 0.27, 0.30, 0.33, 0.31])
    fit = fit_power_law(COMPUTE, accuracy)
    best = ((fit.at(COMPUTE) - accuracy) ** 2).sum()
    assert fit.r_squared == pytest.approx(1 - best / ((accuracy - accuracy.mean()) ** 2).sum())
    for exponent in np.linspace(0.01, 5, 500):  # brute force: no other exponent with its best line is nearer
        design = np.stack([(COMPUTE / 1e20) ** -exponent, np.ones(6)], axis=1)
        line, *_ = np.linalg.lstsq(design, accuracy, rcond=None)
        assert ((design @ line - accuracy) ** 2).sum() >= best - 1e-12


def test_intervals_are_over_positions_and_cover_the_truth() -> None:
    truth = -0.5 * (COMPUTE / 1e20) ** -0.8 + 0.6
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        hits = rng.random(400)[None] < truth[:, None]  # a hard position is hard at every point
        curve = fit_curve(COMPUTE, hits, num_resamples=200, seed=seed)
        low, high = curve.band(COMPUTE)
        assert (curve.num_positions, curve.num_resamples, curve.resampled.shape) == (400, 200, (200, 3))
        covered += int((low[-1] <= truth[-1]) and (truth[-1] <= high[-1]))
    assert covered >= 33  # 95 % of 40 is 38; fewer than 33 has a chance of 1 in 300


def test_the_same_seed_gives_the_same_intervals() -> None:
    hits = np.random.default_rng(0).random((6, 50)) < np.linspace(0.2, 0.7, 6)[:, None]
    first, second = (fit_curve(COMPUTE, hits, num_resamples=100, seed=3) for _ in range(2))
    assert np.array_equal(first.resampled, second.resampled)
    assert not np.array_equal(first.resampled, fit_curve(COMPUTE, hits, num_resamples=100, seed=4).resampled)


def test_a_step_is_marked_as_not_determined() -> None:
    assert fit_power_law(COMPUTE, [0.1, 0.5, 0.5, 0.5, 0.5, 0.5]).at_bound


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(BadInput, match="needs 4 points of different compute, here are 3; evaluate more"):
        fit_power_law([1e9, 2e9, 3e9, 3e9], [0.1, 0.2, 0.3, 0.3])
    with pytest.raises(BadInput, match=r"compute 0 FLOPs.*leave out the point before training"):
        fit_power_law([0, 1e9, 2e9, 3e9], [0.1, 0.2, 0.3, 0.4])
    with pytest.raises(BadInput, match=r"accuracy is 0\.5 at every point"):
        fit_power_law([1e9, 2e9, 3e9, 4e9], [0.5] * 4)
    with pytest.raises(BadInput, match=r"accuracy .*nan.* holds what is no number"):
        fit_power_law([1e9, 2e9, 3e9, 4e9], [0.1, 0.2, math.nan, 0.4])
    with pytest.raises(BadInput, match="no evaluated positions"):
        fit_curve(COMPUTE, np.zeros((6, 0)))
