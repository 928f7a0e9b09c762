"""Accuracy from graded samples: pass@k, majority, and their uncertainty."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.rl.answer_form import answer_form
from training.rl.final_answer import final_answer


@dataclass(frozen=True)
class Estimate:
    """A share in 0..1 with its 95 % confidence interval, over problems."""

    value: float
    low: float
    high: float


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples is right (Chen et al. 2021, equation 1).

    Raises:
        ValueError: k is above the number of samples.
    """
    if not 1 <= k <= num_samples:
        raise ValueError(f"pass@{k} of {num_samples} samples; draw at least {k}")
    if num_samples - num_correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / n for n in range(num_samples - num_correct + 1, num_samples + 1))


def majority_correct(responses: Sequence[str], correct: Sequence[bool], last_box: bool = False) -> float:
    """Whether the answer that most samples give is right; samples without an answer do not vote.

    Answers of one spelling (`training.rl.answer_form`) are one candidate; of several that have most votes each counts
    for its share, so that no order decides.
    """
    votes: Counter[str] = Counter()
    right: dict[str, bool] = {}
    for response, is_right in zip(responses, correct, strict=True):
        answer = final_answer(response, last_box)
        if answer is not None:
            form = answer_form(answer[:2000]).text
            votes[form] += 1
            right[form] = right.get(form, False) or is_right
    if not votes:
        return 0.0
    most = max(votes.values())
    leaders = [form for form, count in votes.items() if count == most]
    return sum(right[form] for form in leaders) / len(leaders)


def proportion(values: Sequence[float]) -> Estimate:
    """Mean over problems: Wilson's interval for rights and wrongs, the normal one, clipped, for estimates between.

    Raises:
        ValueError: no problems.
    """
    if not values:
        raise ValueError("no problems to average over")
    n, mean, z = len(values), float(np.mean(values)), 1.959963984540054
    if all(value in (0.0, 1.0) for value in values):
        centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    else:
        centre, half = mean, z * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(mean, max(0.0, centre - half), min(1.0, centre + half))
