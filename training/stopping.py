"""Signals that end a run after the step at hand: SIGTERM and SIGUSR1 (Slurm's notice of preemption), and Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
import torch.distributed as dist

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stop:
    """Whether a signal came, here or on another process."""

    def __init__(self) -> None:
        self.name: str | None = None
        """Name of the signal; on a process that got none, once all have agreed, that it came elsewhere."""

    def agreed(self) -> bool:
        """Ask all processes, once per step: true on all as soon as one of them has a signal."""
        came = torch.tensor(0 if self.name is None else 1)
        dist.all_reduce(came, dist.ReduceOp.MAX)
        if came.item() and self.name is None:
            self.name = "a signal on another process"
        return bool(came.item())

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Note the signals instead of dying of them; a second one does not hurry. Earlier handlers come back afterwards."""
    stop = Stop()
    before = {number: signal.signal(number, stop._note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
