"""Persistent processes in one gloo group: a test sends a function of an importable module, each rank runs it."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest

_PRELOAD = [
    "training.midtrain",
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
        """End the processes; they wait for a job, if they are still there."""
        for process in self._processes:
            process.kill()
            process.join()
        self._folder.cleanup()


def _serve(rank: int, size: int, store: str, pipe: Connection) -> None:
    world = _join(rank, size, store)
    while True:
        function, args = pipe.recv()
        try:
            pipe.send((False, function(world, *args)))
        except Exception as error:  # noqa: BLE001 - the test that asked raises it
            pipe.send((True, RuntimeError(f"rank {rank}: {type(error).__name__}: {error}")))


def run_ranks(size: int, function: Callable[..., None], *args: Any) -> list[int]:
    """Start `size` ranks for one job and wait for their end; returns exit codes (negative: the signal)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder:
        store = os.path.join(folder, "store")
        processes = [context.Process(target=_once, args=(rank, size, store, function, args)) for rank in range(size)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            process.kill()
    return [process.exitcode for process in processes]


def _once(rank: int, size: int, store: str, function: Callable[..., None], args: tuple[Any, ...]) -> None:
    function(_join(rank, size, store), *args)


def _join(rank: int, size: int, store: str) -> Any:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    import torch.distributed as dist

    from training.world import World

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    return World(rank, size, torch.device("cpu"), rank)


@pytest.fixture(scope="session")
def two_ranks():
    ranks = Ranks(2)
    yield ranks
    ranks.close()
