"""Collapse: exact on synthetic logs; on the published curves the two runs that went to nothing, and no other."""

from pathlib import Path

import pytest

from training.rl.collapse import Point, find_collapse
from training.rl.curves import read_csv
from training.rl.settings import CollapseSettings

SETTINGS = CollapseSettings()


def _points(accuracies: list[float], at_limit: float | None = None, repetition: float | None = None) -> list[Point]:
    return [Point(4 * place, value, at_limit, repetition) for place, value in enumerate(accuracies)]


def test_a_fall_that_goes_on_is_a_collapse() -> None:
    found = find_collapse(_points([0.1, 0.4, 0.5, 0.49, 0.46, 0.42, 0.35, 0.1]), SETTINGS)
    assert found is not None
    assert (found.step, found.rule, found.accuracy, found.best_step, found.best) == (24, "falling", 0.35, 8, 0.5)


@pytest.mark.parametrize(
    "accuracies",
    [
        [],
        [0.0] * 20,
        [0.1, 0.2, 0.3, 0.4, 0.5],
        [0.5, 0.49, 0.48, 0.47, 0.46],  # slow
        [0.5, 0.4, 0.41, 0.35, 0.36, 0.3, 0.31, 0.25],  # noisy: it rises between
        [0.5, 0.4, 0.3, 0.2],  # too few to tell
    ],
)
def test_noise_and_slow_decline_are_none(accuracies: list[float]) -> None:
    assert find_collapse(_points(accuracies), SETTINGS) is None


@pytest.mark.parametrize("rule", ["at_limit", "repetition"])
def test_answers_that_run_to_the_limit_or_repeat_are_a_collapse(rule: str) -> None:
    accuracies = [0.2, 0.5, 0.48, 0.49, 0.47, 0.48]
    found = find_collapse(_points(accuracies, **{rule: 0.6}), SETTINGS)
    assert found is not None
    assert (found.rule, found.step) == (rule, 20)
    assert find_collapse(_points(accuracies, **{rule: 0.2}), SETTINGS) is None
    assert find_collapse(_points([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], **{rule: 0.6}), SETTINGS) is None


@pytest.mark.data
def test_of_the_published_runs_the_two_that_collapsed_are_found(real_data: Path) -> None:
    curves = {
        curve.run: curve for path in sorted(real_data.glob("rl_curves/*/acc_math500.csv")) for curve in read_csv(path)
    }
    assert len(curves) == 29
    found = {}
    for run, curve in curves.items():
        collapse = find_collapse([Point(step, accuracy) for step, accuracy in curve.points], SETTINGS)
        if collapse is not None:
            assert collapse.accuracy >= 0.4 * collapse.best
            found[run.partition("openr1.")[2].partition("_0411")[0]] = (collapse.best_step, collapse.best)
    assert found == {"91_math.8k": (68, 0.476), "ins.89101_cpt8k_rl8k_math.8k": (76, 0.506)}
