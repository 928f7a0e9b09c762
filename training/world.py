"""The processes of a run: alone, under torchrun, or under srun; one way to join in every case."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from pipeline.errors import BadInput

_FIRST_STEP_TIMEOUT = timedelta(hours=1)

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among the others."""

    rank: int
    size: int
    device: torch.device
    local_rank: int = 0
    """Rank on this node."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def on_first(self, action: Callable[[], T]) -> T:
        """What `action` returns on the first process, on all of them; they get its error, too.

        Every process has to call it, and waits for the first.
        """
        outcome: list[Any] = [None, None]
        if self.is_first:
            try:
                outcome[0] = action()
            except Exception as error:  # noqa: BLE001 - raised below, here and on those that wait
                outcome[1] = error
        dist.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise outcome[1]
        found: T = outcome[0]
        return found

    def mesh(self, replicas: int = 1) -> DeviceMesh:
        """(shard), or (replicate, shard) with several replicas.

        Raises:
            BadInput: the processes cannot be split into that many replicas.
        """
        if self.size % replicas:
            raise BadInput(f"parallel.replicas: {replicas}: does not divide the {self.size} processes; take a divisor")
        if replicas == 1:
            return init_device_mesh(self.device.type, (self.size,), mesh_dim_names=("shard",))
        shape = (replicas, self.size // replicas)
        return init_device_mesh(self.device.type, shape, mesh_dim_names=("replicate", "shard"))


@contextmanager
def join_world() -> Iterator[World]:
    """Join the process group that the environment describes, a group of one when it describes none, and leave it.

    Raises:
        BadInput: under srun without MASTER_ADDR and MASTER_PORT, or fewer GPUs on the node than processes.
    """
    rank, size, local_rank = _ranks()
    cuda = torch.cuda.is_available()
    if cuda and local_rank >= torch.cuda.device_count():
        raise BadInput(
            f"process {local_rank} of this node has no GPU ({torch.cuda.device_count()} visible);"
            " start one process per GPU"
        )
    device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    if size == 1:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    else:
        dist.init_process_group(backend, rank=rank, world_size=size, timeout=_FIRST_STEP_TIMEOUT)
    try:
        yield World(rank, size, device, local_rank)
    finally:
        dist.destroy_process_group()


def _ranks() -> tuple[int, int, int]:
    """Rank, number of processes, and rank on the node, from torchrun's variables or srun's."""
    environment = os.environ
    if "RANK" in environment:
        return int(environment["RANK"]), int(environment["WORLD_SIZE"]), int(environment.get("LOCAL_RANK", 0))
    # SLURM_PROCID stands in the environment of an sbatch script too; only a step of several tasks is a launch.
    size = int(environment.get("SLURM_STEP_NUM_TASKS", 1))
    if size == 1:
        return 0, 1, 0
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if name not in environment:
            raise BadInput(f"{name} is not set; export it before srun, as manifests/slurm/train.sbatch does")
    return int(environment["SLURM_PROCID"]), size, int(environment["SLURM_LOCALID"])
