"""Advantages from the rewards of a group: how much better an answer is than its prompt's others."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

Kind = Literal["normalised", "centred", "leave_one_out"]


def group_advantages(rewards: Sequence[float], groups: Sequence[int], kind: Kind, eps: float = 1e-6) -> np.ndarray:
    """One advantage per answer, float64 [answers].

    Args:
        rewards: of the answers.
        groups: id of each answer's group (its prompt's draw).
        kind: with R the rewards of a group of size G,
            `normalised` (R − mean) / (std + eps), std over G − 1 (GRPO, DAPO, GSPO; arXiv 2402.03300);
            `centred` R − mean (Dr.GRPO, arXiv 2503.20783: dividing by std favours questions that are nearly solved or
            nearly hopeless);
            `leave_one_out` R − mean of the others = (R − mean) · G / (G − 1) (RLOO, arXiv 2402.14740).
        eps: keeps a group of nearly equal rewards finite.

    Raises:
        ValueError: a group of one, whose answer has nothing to be better than.
    """
    values, ids = np.asarray(rewards, dtype=np.float64), np.asarray(groups)
    advantages = np.empty_like(values)
    for group in np.unique(ids):
        members = ids == group
        own = values[members]
        if len(own) < 2:
            raise ValueError(f"group {group} has one answer; draw at least two per prompt")
        centred = own - own.mean()
        if kind == "normalised":
            centred = centred / (own.std(ddof=1) + eps)
        elif kind == "leave_one_out":
            centred = centred * len(own) / (len(own) - 1)
        advantages[members] = centred
    return advantages


def varied_groups(rewards: Sequence[float], groups: Sequence[int]) -> list[int]:
    """The groups, in order of their first answer, whose rewards are not all the same: the others have no gradient."""
    seen: dict[int, set[float]] = {}
    for reward, group in zip(rewards, groups, strict=True):
        seen.setdefault(group, set()).add(reward)
    return [group for group, values in seen.items() if len(values) > 1]
