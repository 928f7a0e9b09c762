"""Held-out loss by component, on the same sequences every time."""

import torch
import torch.distributed as dist

from training.data import MixtureData, slice_rows
from training.feed import micro_batch_rows
from training.model import LossModel, reshard
from training.world import World


def held_out_losses(model: LossModel, data: MixtureData, num_sequences: int, world: World) -> dict[str, float]:
    """Mean loss per trained token over the first `num_sequences` of a mixture, by component, and `all`.

    Every rank scores its share, one row per call, so that a loss belongs to one component.
    """
    rows = slice_rows(0, num_sequences, world.rank, world.size)
    batch = data.sequences(rows.first, rows.count).padded(rows.padding)
    sums = torch.zeros(len(data.components), 2, dtype=torch.float64, device=world.device)
    model.eval()
    with torch.no_grad():
        for component, row in zip(batch.component, micro_batch_rows(batch, 1, world.device), strict=True):
            loss = model(row)
            if component >= 0:
                sums[component, 0] += loss
                sums[component, 1] += row.num_trained
    model.train()
    reshard(model)
    dist.all_reduce(sums)
    losses = {name: total / count for name, (total, count) in zip(data.components, sums.tolist(), strict=True) if count}
    total, count = sums.sum(0).tolist()
    return {"all": total / max(count, 1), **losses}
