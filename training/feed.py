"""A step's data as one process sees it: its rows on its device, and the ledger of the whole step."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from training.data import Batch, MixtureData, slice_rows
from training.ledger import Ledger
from training.rows import Rows, make_rows
from training.run import Run
from training.world import World


@dataclass(frozen=True)
class StepData:
    """A step's data on one process."""

    batch: Batch
    """This process's rows, padding included."""
    micro_batches: list[Rows]
    ledger: Ledger
    """Of the whole step, all processes together."""

    @property
    def trained(self) -> int:
        """Labels that count in the whole step."""
        return sum(part.trained for part in self.ledger.values())


def read_step(data: MixtureData, run: Run, step: int, world: World) -> StepData:
    """The data of a step; a function of its arguments alone."""
    rows = slice_rows(step, run.sequences_per_step, world.rank, world.size)
    batch = data.sequences(rows.first, rows.count).padded(rows.padding)
    micro_batches = list(micro_batch_rows(batch, run.parallel.micro_batch, world.device))
    ledger = data.ledger(step * run.sequences_per_step, run.sequences_per_step)
    return StepData(batch, micro_batches, ledger)


def micro_batch_rows(batch: Batch, size: int, device: torch.device) -> Iterator[Rows]:
    """A batch in pieces of `size` rows."""
    for first in range(0, len(batch.component), size):
        rows = slice(first, first + size)
        yield make_rows(batch.tokens[rows], batch.loss_mask[rows], batch.cu_seqlens[rows], device)
