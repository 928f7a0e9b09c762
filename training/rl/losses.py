"""Policy losses as pure functions of tensors: the term of each token. Weights and denominator are `weighting`'s.

A step's loss is Σ weight × term over its tokens, divided by a denominator that is global to the step. Notation: π the
current policy, π_old the one that the step began with, μ the sampler; r = π / π_old.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Level = Literal["token", "sequence_mean", "sequence_product"]


def log_ratios(logprobs: Tensor, old: Tensor, answers: Tensor, num_answers: int, level: Level) -> Tensor:
    """log r at a level, spread over the tokens, [tokens].

    Args:
        logprobs: log π of each answer token, [tokens].
        old: log π_old, [tokens].
        answers: index of each token's answer in 0..num_answers - 1, [tokens].
        num_answers: how many answers there are.
        level: `token`; `sequence_mean`, the mean over the answer (its exponential is the geometric mean of the ratios);
            `sequence_product`, the sum (its exponential is the ratio of the answers' probabilities).
    """
    difference = logprobs - old
    if level == "token":
        return difference
    sums = difference.new_zeros(num_answers).index_add(0, answers, difference)
    if level == "sequence_mean":
        sums = sums / torch.bincount(answers, minlength=num_answers).clamp(min=1).to(sums.dtype)
    return sums[answers]


def clipped(log_ratio: Tensor, advantages: Tensor, low: float, high: float) -> Tensor:
    """−min(r A, clip(r, 1 − low, 1 + high) A), [tokens]: PPO's surrogate (arXiv 1707.06347 equation 7).

    GRPO (arXiv 2402.03300), Dr.GRPO and DAPO use it with token ratios; DAPO with high > low (clip-higher, arXiv
    2503.14476 section 3.1); GSPO (arXiv 2507.18071 equation 5) with `sequence_mean` ratios, RLOO with products.
    """
    ratio = torch.exp(log_ratio)
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)


def cispo(logprobs: Tensor, log_ratio: Tensor, advantages: Tensor, bound: float) -> Tensor:
    """−sg(min(r, bound)) A log π, [tokens]: every token keeps a gradient (CISPO, arXiv 2506.13585 equation 4).

    `bound` is absolute, as in TRL (ScaleRL's 5.0); verl and open-instruct write 1 + their number. No lower bound.
    """
    return -torch.exp(log_ratio).clamp(max=bound).detach() * advantages * logprobs


def reference_kl(logprobs: Tensor, reference: Tensor, kind: Literal["k1", "k2", "k3"]) -> Tensor:
    """An estimate of KL(π ‖ π_ref) at each sampled token, [tokens]; d = log π − log π_ref.

    `k1` d, unbiased, may be negative; `k2` d² / 2, biased, with the right gradient on-policy; `k3` e^−d + d − 1,
    unbiased and never negative (Schulman 2020; GRPO's choice).
    """
    difference = logprobs - reference
    if kind == "k1":
        return difference
    if kind == "k2":
        return difference.square() / 2
    return torch.exp(-difference) + difference - 1


def truncated_importance(old: Tensor, sampler: Tensor, bound: float) -> Tensor:
    """min(π_old / μ, bound), [tokens], a constant weight: mends rollouts of an engine that rounds differently (TIS)."""
    return torch.exp(old - sampler).clamp(max=bound).detach()


def masked_importance(
    old: Tensor, sampler: Tensor, answers: Tensor, num_answers: int, low: float, high: float, level: Level
) -> Tensor:
    """π_old / μ at a level where it lies in [low, high], else 0, [tokens], a constant weight (IcePop, MIS).

    The token level masks tokens; the sequence levels mask whole answers and weigh their tokens by the token ratio.
    """
    at_level = torch.exp(log_ratios(old, sampler, answers, num_answers, level))
    inside = (at_level >= low) & (at_level <= high)
    return (torch.exp(old - sampler) * inside).detach()


@dataclass(frozen=True)
class Weighting:
    """Weight of each token, [tokens] float64 in order of the answers, and the step's denominator."""

    weights: Tensor
    denominator: float


def weigh(lengths: Sequence[int], average: Literal["answers", "tokens", "constant"], max_length: int) -> Weighting:
    """How a step averages.

    Args:
        lengths: tokens of each answer of the step.
        average: `answers`, mean inside each answer, then over answers (GRPO, GSPO, RLOO: short answers' tokens weigh
            more); `tokens`, sum over all tokens by their number (DAPO, CISPO); `constant`, sum by answers ×
            `max_length` (Dr.GRPO: no answer's length changes another's weight).
        max_length: longest answer allowed.
    """
    tokens = sum(lengths)
    if average == "answers":
        weights = [1.0 / length for length in lengths for _ in range(length)]
        return Weighting(torch.tensor(weights, dtype=torch.float64), float(max(1, len(lengths))))
    denominator = tokens if average == "tokens" else len(lengths) * max_length
    return Weighting(torch.ones(tokens, dtype=torch.float64), float(max(1, denominator)))
