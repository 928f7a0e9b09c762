"""Exact rates at the corners of every shape."""

import math

import pytest
from pydantic import ValidationError

from training.schedule import Schedule, learning_rate


def test_a_branch_starts_at_its_parents_rate_and_ends_one_step_short_of_the_floor():
    schedule = Schedule(decay="cosine", final_ratio=0.1)
    step, total = 4_194_304, 5000 * 4_194_304
    rates = [learning_rate(schedule, 5e-5, k * step, total) for k in (0, 1, 2500, 4999)]
    floor, top = 5e-6, 5e-5
    assert rates[0] == top
    assert rates[1] == pytest.approx(floor + 0.5 * (top - floor) * (1 + math.cos(math.pi / 5000)), rel=1e-15)
    assert rates[2] == pytest.approx((top + floor) / 2, rel=1e-15)
    assert rates[3] == pytest.approx(floor + 0.5 * (top - floor) * (1 + math.cos(math.pi * 4999 / 5000)), rel=1e-15)
    assert learning_rate(schedule, 5e-5, total, total) == floor


def test_warm_up_stay_decay():
    schedule = Schedule(lr=1.0, warmup_tokens=100, warmup_ratio=0.5, decay="linear", decay_tokens=200, final_ratio=0.2)
    rates = {tokens: learning_rate(schedule, 1.0, tokens, 1000) for tokens in (0, 50, 100, 799, 800, 900, 1000)}
    assert rates == {
        0: 0.5, 50: 0.75, 100: 1.0, 799: 1.0, 800: 1.0, 900: pytest.approx(0.6), 1000: pytest.approx(0.2),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("decay", "quarter"),
    [("constant", 1.0), ("linear", 0.75), ("cosine", 0.5 * (1 + math.cos(math.pi / 4))), ("one_minus_sqrt", 0.5)],
)
def test_shapes(decay, quarter):
    assert learning_rate(Schedule(lr=2.0, decay=decay, final_ratio=0.0), 2.0, 25, 100) == pytest.approx(2 * quarter)


def test_a_constant_rate_has_no_decay_tokens():
    with pytest.raises(ValidationError, match="decay_tokens 5 with decay constant"):
        Schedule(lr=1.0, decay_tokens=5)
