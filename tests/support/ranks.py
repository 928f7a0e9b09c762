"""Persistent processes in one gloo group: a test sends a function of an importable module, each rank runs it."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest

_PRELOAD = [
    "torch.distributed.checkpoint",
    "torch.distributed.fsdp",
    "transformers.models.llama.modeling_llama",
    "transformers.models.qwen3.modeling_qwen3",
]
"""Imported once, by the server that every rank is a fork of: most of a start is these imports."""


class Ranks:
    """`size` processes, started once and shared by the tests of a session."""

    def __init__(self, size: int) -> None:
        self.size = size
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        self._folder = tempfile.TemporaryDirectory(prefix="ranks-")
        store = os.path.join(self._folder.name, "store")
        pipes = [context.Pipe() for _ in range(size)]
        self._pipes = [near for near, _ in pipes]
        self._processes = [
            context.Process(target=_serve, args=(rank, size, store, far), daemon=True)
            for rank, (_, far) in enumerate(pipes)
        ]
        for process in self._processes:
            process.start()

    def run(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        """What `function(world, *args)` returns on each rank; raises what any rank raised."""
        for pipe in self._pipes:
            pipe.send((function, args))
        answers = []
        for pipe in self._pipes:
            if not pipe.poll(120):
                raise TimeoutError("a rank does not answer")
            answers.append(pipe.recv())
        for failed, value in answers:
            if failed:
                raise value
        return [value for _, value in answers]

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join(10)
            process.kill()
        self._folder.cleanup()


def _serve(rank: int, size: int, store: str, pipe: Connection) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    import torch.distributed as dist

    from training.world import World

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    world = World(rank, size, torch.device("cpu"))
    while (job := pipe.recv()) is not None:
        function, args = job
        try:
            pipe.send((False, function(world, *args)))
        except Exception as error:  # noqa: BLE001 - the test that asked raises it
            pipe.send((True, RuntimeError(f"rank {rank}: {type(error).__name__}: {error}")))
    dist.destroy_process_group()


@pytest.fixture(scope="session")
def two_ranks():
    ranks = Ranks(2)
    yield ranks
    ranks.close()
