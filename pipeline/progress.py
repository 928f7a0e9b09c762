"""What a build says while it runs: a bar per phase on a terminal, plain lines in a batch log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_EVERY_S = 60.0


class Reporter:
    """Lines and bars on standard error. `quiet` writes one line per stage and nothing else."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._console = Console(stderr=True, highlight=False)

    def line(self, text: str) -> None:
        """One line of text."""
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def phase(
        self, name: str, total: int, done: int, note: Callable[[], str] = str, unit: str = "bytes"
    ) -> Iterator[Callable[[int], None]]:
        """Show a phase of `total` bytes, `done` of them before; the function given is called with the bytes since.

        `note` is asked for a few more words each time; `unit` names what is counted where it is not bytes.
        """
        if self.quiet:
            yield lambda _: None
        elif self._console.is_terminal:
            with _bar(self._console, unit) as bar:
                task = bar.add_task(name, total=total, completed=done, note="")
                yield lambda since: bar.update(task, completed=done + since, note=note(), refresh=True)
                bar.update(task, completed=total, refresh=True)
        else:
            yield _Lines(self, name, total, done, note, unit).update


class _Lines:
    """Progress without a terminal: a line a minute with rate and estimated end."""

    def __init__(
        self, reporter: Reporter, name: str, total: int, done: int, note: Callable[[], str], unit: str
    ) -> None:
        self._reporter, self._name, self._total, self._before = reporter, name, total, done
        self._note, self._unit = note, unit
        self._start = self._last = time.monotonic()

    def update(self, since: int) -> None:
        now = time.monotonic()
        if now - self._last < _LINE_EVERY_S or not since:
            return
        self._last = now
        rate = since / (now - self._start)
        left = (self._total - self._before - since) / rate
        share = (self._before + since) / max(self._total, 1)
        speed = f"{rate / 1e6:.1f} MB/s" if self._unit == "bytes" else f"{rate:.1f} {self._unit}/s"
        words = [f"{share:.0%}", speed, f"about {left / 60:.0f} min left", self._note()]
        self._reporter.line(f"{self._name}: {', '.join(filter(None, words))}")


def _bar(console: Console, unit: str) -> Progress:
    in_bytes: tuple[ProgressColumn, ...] = (DownloadColumn(binary_units=True), TransferSpeedColumn())
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        *(in_bytes if unit == "bytes" else (MofNCompleteColumn(),)),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        auto_refresh=False,  # no thread: tasks are forked while the bar stands
    )
