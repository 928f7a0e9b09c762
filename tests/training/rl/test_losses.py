"""Losses against values worked out by hand, and gradients against finite differences."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from training.rl.advantages import group_advantages, varied_groups
from training.rl.algorithms import PRESETS, Algorithm
from training.rl.losses import (
    cispo,
    clipped,
    log_ratios,
    masked_importance,
    reference_kl,
    truncated_importance,
    weigh,
)

# Two answers, of one and two tokens.
ANSWERS = torch.tensor([0, 1, 1])
OLD = torch.log(torch.tensor([0.5, 0.4, 0.25], dtype=torch.float64))
NEW = torch.log(torch.tensor([0.75, 0.2, 0.5], dtype=torch.float64))  # ratios 1.5, 0.5, 2
ADVANTAGES = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)


def _loss(algorithm: Algorithm, logprobs: Tensor, max_length: int = 10) -> Tensor:
    terms = algorithm.terms(logprobs, OLD, ADVANTAGES, ANSWERS, 2)
    weighting = weigh([1, 2], algorithm.average, max_length)
    return (weighting.weights * terms).sum() / weighting.denominator


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Token ratios: min(1.5, 1.2) = 1.2 gained; −min(−0.5, −0.8) = 0.8 and −min(−2, −1.2) = 2 lost.
        ("grpo", (-1.2 + (0.8 + 2.0) / 2) / 2),
        ("dr_grpo", (-1.2 + 0.8 + 2.0) / 20),
        ("dapo", (-1.28 + 0.8 + 2.0) / 3),
        # Ratios of whole answers: 1.5 and 0.5 · 2 = 1.
        ("rloo", (-1.2 + 1.0) / 2),
        # Geometric means: 1.5 clipped to 1.0004, and 1.
        ("gspo", (-1.0004 + 1.0) / 2),
        ("cispo", (-1.5 * math.log(0.75) + 0.5 * math.log(0.2) + 2 * math.log(0.5)) / 3),
    ],
)
def test_losses_by_hand(name: str, expected: float) -> None:
    assert float(_loss(Algorithm(name=name), NEW)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_gradients_by_finite_differences(name: str) -> None:
    rng = np.random.default_rng(0)
    point = OLD + torch.from_numpy(rng.normal(0, 1e-4, 3))  # inside every clip
    logprobs = point.clone().requires_grad_()
    _loss(Algorithm(name=name), logprobs).backward()
    assert logprobs.grad is not None
    for place in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[place] = 1e-6
        if name == "cispo":  # its ratio is a constant
            ratio = log_ratios(point, OLD, ANSWERS, 2, "token")
            up, down = (-(torch.exp(ratio) * ADVANTAGES * (point + sign * step)).sum() / 3 for sign in (1, -1))
        else:
            up, down = _loss(Algorithm(name=name), point + step), _loss(Algorithm(name=name), point - step)
        assert float(logprobs.grad[place]) == pytest.approx(float(up - down) / 2e-6, rel=1e-6)


def test_no_gradient_beyond_the_clip_and_always_one_in_cispo() -> None:
    logprobs = NEW.clone().requires_grad_()
    clipped(logprobs - OLD, ADVANTAGES, 0.2, 0.2).sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == pytest.approx([0.0, 0.0, 2.0])
    logprobs = NEW.clone().requires_grad_()
    cispo(logprobs, logprobs - OLD, ADVANTAGES, bound=1.75).sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == pytest.approx([-1.5, 0.5, 1.75])


def test_advantages_by_hand() -> None:
    rewards, groups = [1.0, -1.0, 1.0, 1.0, 0.0], [7, 7, 7, 2, 2]
    third = 1 / 3
    deviation = math.sqrt(((2 * third) ** 2 * 2 + (4 * third) ** 2) / 2)
    assert group_advantages(rewards, groups, "centred") == pytest.approx([2 * third, -4 * third, 2 * third, 0.5, -0.5])
    assert group_advantages(rewards, groups, "leave_one_out") == pytest.approx([1.0, -2.0, 1.0, 1.0, -1.0])
    assert group_advantages(rewards, groups, "normalised", eps=0) == pytest.approx(
        [2 * third / deviation, -4 * third / deviation, 2 * third / deviation, math.sqrt(0.5), -math.sqrt(0.5)]
    )
    assert group_advantages([1.0, 1.0], [0, 0], "normalised").tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="group 3 has one answer"):
        group_advantages([1.0, 0.0, 0.0], [3, 4, 4], "centred")


def test_groups_of_equal_rewards_have_no_gradient() -> None:
    assert varied_groups([1.0, 1.0, 1.0, -1.0, 0.5, 0.5], [4, 4, 1, 1, 9, 9]) == [1]


def test_reference_kl_by_hand() -> None:
    difference = NEW - OLD
    assert reference_kl(NEW, OLD, "k1").tolist() == pytest.approx(difference.tolist())
    assert reference_kl(NEW, OLD, "k2").tolist() == pytest.approx((difference**2 / 2).tolist())
    assert reference_kl(NEW, OLD, "k3").tolist() == pytest.approx(
        [1 / ratio + math.log(ratio) - 1 for ratio in (1.5, 0.5, 2.0)]
    )


def test_estimates_of_kl_are_unbiased_where_they_say_so() -> None:
    rng = np.random.default_rng(1)
    policy, reference = rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(20))
    drawn = rng.choice(20, 400_000, p=policy)
    logprobs, others = (torch.from_numpy(np.log(values[drawn])) for values in (policy, reference))
    truth = float((policy * np.log(policy / reference)).sum())
    for kind in ("k1", "k3"):
        assert float(reference_kl(logprobs, others, kind).mean()) == pytest.approx(truth, rel=0.02)


def test_importance_weights_by_hand() -> None:
    assert truncated_importance(NEW, OLD, 1.8).tolist() == pytest.approx([1.5, 0.5, 1.8])
    assert masked_importance(NEW, OLD, ANSWERS, 2, 0.6, 1.9, "token").tolist() == pytest.approx([1.5, 0.0, 0.0])
    assert masked_importance(NEW, OLD, ANSWERS, 2, 0.9, 1.1, "sequence_mean").tolist() == pytest.approx([0.0, 0.5, 2.0])
    assert not truncated_importance(NEW.clone().requires_grad_(), OLD, 1.8).requires_grad


def test_presets_fill_and_can_be_overridden() -> None:
    assert Algorithm.model_validate("dapo").clip_high == 0.28
    assert Algorithm.model_validate({"name": "dapo", "clip_high": 0.3}).clip_high == 0.3
    assert Algorithm() == Algorithm(name="grpo")
    with pytest.raises(ValueError, match="give the lower one first"):
        Algorithm.model_validate({"importance_bounds": (2.0, 0.5)})


TRL = json.loads((Path(__file__).parents[2] / "data/rl/trl_losses.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", sorted(TRL["methods"]))
def test_losses_and_gradients_are_trls(method: str) -> None:
    """TRL's settings stand beside its values in the file; `benchmarks/peers/trl_losses.py` made it."""
    tensors, theirs = TRL["tensors"], TRL["methods"][method]
    lengths = tensors["lengths"]
    new, old, reference = (torch.tensor(tensors[key], dtype=torch.float64) for key in ("new", "old", "reference"))
    answers = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    advantages = torch.tensor(tensors["advantages"], dtype=torch.float64)[answers]
    algorithm = Algorithm.model_validate({"name": method.partition(" ")[0], "kl_weight": theirs["beta"]})
    logprobs = new.clone().requires_grad_()
    terms = algorithm.terms(logprobs, old, advantages, answers, len(lengths))
    terms = terms + algorithm.kl_weight * reference_kl(logprobs, reference, "k3")
    weighting = weigh(lengths, algorithm.average, tensors["max_length"])
    loss = (weighting.weights * terms).sum() / weighting.denominator
    loss.backward()
    assert float(loss.detach()) == pytest.approx(theirs["loss"], rel=1e-9)
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == pytest.approx(theirs["gradient"], rel=1e-9, abs=1e-15)
