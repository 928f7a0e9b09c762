"""The passes of a group: spines forward, branches forward and backward, spines backward; exact gradients.

The keys and values that branches read are constants to a branch's pass, and its backward pass leaves their gradients
beside them. Once all branches are done, the spines' own backward pass starts from these sums (the schedule of arXiv
2606.01143). At any time the activations of the spines and of one pass are there.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from training.model import fsdp_modules
from training.prefix.branches import BranchAttention, SpineKeys
from training.rl.answers import Answer
from training.rl.policy import PolicyModel
from training.rl.prefix.rows import GroupRows


def backward(model: PolicyModel, groups: Sequence[GroupRows], denominator: Tensor) -> Tensor:
    """Add the gradients of this rank's groups, reduced over ranks with the last pass; returns its share of the loss.

    Every rank has as many groups, and as many passes in each.
    """
    total = torch.zeros_like(denominator)
    for place, group in enumerate(groups, start=1):
        _reduce(model, False)
        language, pairs = model(group.spines)
        spine = SpineKeys(pairs)
        for part in group.passes:
            loss = model(replace(part.rows, branches=BranchAttention(part.layout, spine))) / denominator
            loss.backward()
            total += loss.detach()
        _reduce(model, place == len(groups))
        ends, grads = [tensor for pair in pairs for tensor in pair], spine.gradients()
        if language.requires_grad:
            loss = language / denominator
            ends, grads = [*ends, loss], [*grads, torch.ones_like(loss)]
            total += loss.detach()
        torch.autograd.backward(ends, grads)
    return total


def logprobs(model: PolicyModel, groups: Sequence[GroupRows], temperature: float) -> list[tuple[Answer, Tensor]]:
    """log π of the tokens of this rank's answers; call it without gradients."""
    found: list[tuple[Answer, Tensor]] = []
    for group in groups:
        _, pairs = model(group.spines)
        spine = SpineKeys(pairs)
        for part in group.passes:
            scored: Tensor = model(replace(part.rows, branches=BranchAttention(part.layout, spine)), score=temperature)
            values = scored.split([len(answer.tokens) for answer in part.answers])
            found += zip(part.answers, values, strict=True)
    return found


def _reduce(model: PolicyModel, last: bool) -> None:
    """Whether the next backward passes are the last of the step: only then gradients are reduced over ranks."""
    for place, module in enumerate(fsdp_modules(model)):
        module.set_requires_gradient_sync(last, recurse=False)
        if place == 0:
            # Else FSDP2 forgets the order of the spines' layers, and gathers none ahead in their backward pass.
            module.set_is_last_backward(last)
