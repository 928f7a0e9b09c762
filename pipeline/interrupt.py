"""Ctrl-C and SIGTERM end a command the same way: what runs is stopped, what is complete stays."""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import NoReturn, TypeVar

Result = TypeVar("Result")

LAST_WORDS = "mathmill: interrupted; the same command goes on from here"


class Interrupted(BaseException):
    """Raised in the main thread by SIGINT or SIGTERM."""


def raise_on_signals() -> None:
    """Make SIGINT and SIGTERM raise Interrupted; the first one only, so that cleaning up is left in peace."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def run_aside(action: Callable[[], Result]) -> Result:
    """Do `action` in a thread of its own, so that a signal is raised here at once, whatever `action` waits for.

    After an `Interrupted` of this, end by `leave_at_once`.
    """
    return ThreadPoolExecutor(1).submit(action).result()


def leave_at_once() -> NoReturn:
    """End an interrupted command without waiting for its threads: for work that leaves nothing to put away."""
    print(LAST_WORDS, file=sys.stderr, flush=True)
    os._exit(130)
