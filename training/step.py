"""One optimizer step: gradients of Σ weight × term over all rows of all ranks, divided by one global denominator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from training.model import LossModel, fsdp_modules
from training.run import OptimizerSettings


class NotFinite(ArithmeticError):
    """Loss or gradient of a step is not a finite number; the weights are untouched."""


@dataclass(frozen=True)
class StepResult:
    """What a step did, the same on every rank."""

    loss: float
    """Σ weight × term / denominator over the step: in mid-training the mean over trained tokens."""
    grad_norm: float
    """Global norm before clipping."""


def make_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.AdamW:
    """AdamW with decay on matrices only. Make it before any forward, which may leave parameters of FSDP unsharded."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW([group for group in groups if group["params"]], betas=betas, eps=settings.eps, fused=True)


def train_step(
    model: LossModel,
    optimizer: torch.optim.Optimizer,
    micro_batches: Sequence[object],
    *,
    denominator: Tensor,
    lr: float,
    max_grad_norm: float,
) -> StepResult:
    """Accumulate, clip, update. Every rank makes the same number of calls, with rows of no label where it has fewer.

    Args:
        model: from `build_model`.
        optimizer: from `make_optimizer`.
        micro_batches: this rank's rows, as the model's forward takes them.
        denominator: what the loss is divided by on every rank, a float64 scalar on the device.
        lr: rate of this step.
        max_grad_norm: gradients are clipped to it.

    Raises:
        NotFinite: before the weights are touched.
    """
    return take_step(model, optimizer, backward(model, micro_batches, denominator), lr=lr, max_grad_norm=max_grad_norm)


def take_step(
    model: LossModel, optimizer: torch.optim.Optimizer, total: Tensor, *, lr: float, max_grad_norm: float
) -> StepResult:
    """Clip and update by gradients that are there.

    Args:
        model: from `build_model`.
        optimizer: from `make_optimizer`.
        total: this rank's share of the loss; the sum over ranks is written into it.
        lr: rate of this step.
        max_grad_norm: gradients are clipped to it.

    Raises:
        NotFinite: before the weights are touched.
    """
    norm = clip_gradients(model, max_grad_norm)
    dist.all_reduce(total)
    loss, grad_norm = torch.stack([total, norm.to(total)]).tolist()
    if not (math.isfinite(loss) and math.isfinite(grad_norm)):
        optimizer.zero_grad(set_to_none=True)
        raise NotFinite(f"loss {loss}, gradient norm {grad_norm}")
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return StepResult(loss, grad_norm)


def backward(model: LossModel, micro_batches: Sequence[object], denominator: Tensor) -> Tensor:
    """Add the gradients of this rank's rows, reduced over ranks with the last; returns the rank's share of the loss."""
    total = torch.zeros_like(denominator)
    for index, rows in enumerate(micro_batches, start=1):
        for module in fsdp_modules(model):
            module.set_requires_gradient_sync(index == len(micro_batches), recurse=False)
        loss = model(rows) / denominator
        loss.backward()
        total += loss.detach()
    return total


def clip_gradients(model: nn.Module, max_norm: float) -> Tensor:
    """Scale gradients down to a global norm of `max_norm`; returns the norm before."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
