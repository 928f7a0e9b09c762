"""Ctrl-C and SIGTERM end a command the same way: what runs is stopped, what is complete stays."""

import signal
from types import FrameType


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
