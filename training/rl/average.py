"""An exponential moving average of the policy, sharded as the policy is."""

import torch
from torch.distributed.tensor import DTensor

from training.rl.policy import PolicyModel


def begin(average: PolicyModel, policy: PolicyModel) -> None:
    """θ̄ ← θ: what `average` held before, which may be memory without values, has no part in it."""
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), policy.parameters(), strict=True):
            _local(mine).copy_(_local(theirs))


def follow(average: PolicyModel, policy: PolicyModel, decay: float) -> None:
    """θ̄ ← decay · θ̄ + (1 − decay) · θ, each process on its own shards."""
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), policy.parameters(), strict=True):
            _local(mine).lerp_(_local(theirs), 1.0 - decay)


def _local(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter
