"""A page's bytes, from a file or an address."""

import sys
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Protocol

from pipeline.extract.batch.sources import STDIN, Source


class PageFailed(Exception):
    """A page that could not be read, in a few words for one line; another run may succeed."""


@dataclass(frozen=True)
class Raw:
    """A page as it was read; `charset` is the HTTP header's, `url` the address that gave it, after redirects."""

    html: bytes
    charset: str | None
    url: str


class _Fetch(Protocol):
    def fetch(self, url: str) -> Raw: ...


class Reader:
    """Reads files and fetches addresses. Files need no HTTP library: it is loaded when the first address comes.

    `page_bytes`, `timeout_s` and `delay_s` are those of `fetch.Fetcher`, which is closed with `stack`.
    """

    def __init__(self, stack: ExitStack, *, page_bytes: int, timeout_s: float, delay_s: float) -> None:
        self._stack = stack
        self._page_bytes, self._timeout_s, self._delay_s = page_bytes, timeout_s, delay_s
        self._fetcher: _Fetch | None = None

    def read(self, source: Source) -> Raw:
        """A page; of a longer file one byte more than `page_bytes`, which extraction refuses. Raises PageFailed."""
        if source.path is None:
            return self._opened_fetcher().fetch(source.url)
        try:
            with nullcontext(sys.stdin.buffer) if source.path == STDIN else source.path.open("rb") as file:
                return Raw(file.read(self._page_bytes + 1), None, source.url)
        except OSError as error:
            raise PageFailed(error.strerror or str(error)) from error

    def _opened_fetcher(self) -> _Fetch:
        if self._fetcher is None:
            from pipeline.extract.batch.fetch import Fetcher

            self._fetcher = self._stack.enter_context(
                Fetcher(page_bytes=self._page_bytes, timeout_s=self._timeout_s, delay_s=self._delay_s)
            )
        return self._fetcher
