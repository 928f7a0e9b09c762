"""Fetching a page that the user named, one at a time, with a pause between pages of a host and limits on all of it."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from importlib import metadata
from types import TracebackType
from typing import Self, TypeVar
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from pipeline.errors import BadInput
from pipeline.extract.batch.reader import PageFailed, Raw
from pipeline.extract.http import (
    HTML_TYPES,
    UNKNOWN_TYPES,
    BodyError,
    looks_like_html,
    media_type,
    undo_content_encoding,
)

try:
    import aiohttp
except ImportError as error:  # pragma: no cover - the tests have it
    raise BadInput("fetching URLs needs aiohttp; pip install 'mathmill[remote]'") from error

Result = TypeVar("Result")

_REDIRECTS = 5
_PIECE = 1 << 16


class Fetcher:
    """Fetches pages over HTTP; nothing but the address it is given, and where that redirects.

    Args:
        page_bytes: longest page, as sent and with its content encoding undone.
        timeout_s: for one page, from the connection to the last byte, redirects included.
        delay_s: least time from the end of one page to the next of the same host.
    """

    def __init__(self, *, page_bytes: int, timeout_s: float, delay_s: float) -> None:
        self._page_bytes, self._timeout_s, self._delay_s = page_bytes, timeout_s, delay_s
        self._ended: dict[str, float] = {}
        # In a thread of its own: an exception that a signal raises inside a loop's own code may be lost there.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._session = self._run(self._open())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[None, None, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()  # where a signal ended the waiting

    def fetch(self, url: str) -> Raw:
        """The page at an http or https address. Raises PageFailed."""
        host = _host(url)
        if host in self._ended:
            time.sleep(max(0.0, self._ended[host] + self._delay_s - time.monotonic()))
        try:
            return self._run(self._fetch(url))
        except TimeoutError as error:
            raise PageFailed(f"not there within {self._timeout_s:g} s") from error
        except aiohttp.TooManyRedirects as error:
            raise PageFailed(f"more than {_REDIRECTS} redirects") from error
        except aiohttp.RedirectClientError as error:
            raise PageFailed(f"redirects to {error}, which is no http or https address") from error
        except aiohttp.ClientError as error:
            raise PageFailed(" ".join(str(error).split()) or type(error).__name__) from error
        finally:
            self._ended[host] = time.monotonic()

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={
                "User-Agent": f"mathmill/{metadata.version('mathmill')}",
                "Accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1",
                "Accept-Encoding": "gzip, deflate, br, zstd",
            },
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # ours has a limit on what comes out
        )

    async def _fetch(self, url: str) -> Raw:
        async with self._session.get(url, max_redirects=_REDIRECTS, proxy=_proxy(url)) as response:
            if response.status != 200:
                raise PageFailed(f"HTTP {response.status} {response.reason or ''}".rstrip())
            kind, charset = media_type(response.headers.get("Content-Type", ""))
            if kind not in HTML_TYPES | UNKNOWN_TYPES:
                raise PageFailed(f"{kind}, not an HTML page")
            pieces, size = [], 0
            async for piece in response.content.iter_chunked(_PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > self._page_bytes:
                    raise PageFailed(f"more than {self._page_bytes:,} bytes")
            headers = {name.lower(): value for name, value in response.headers.items()}
            try:
                html = undo_content_encoding(b"".join(pieces), headers, self._page_bytes)
            except BodyError as error:
                raise PageFailed(str(error)) from error
            if kind in UNKNOWN_TYPES and not looks_like_html(html):
                raise PageFailed("not an HTML page")
            return Raw(html, charset, str(response.url))


def _host(url: str) -> str:
    """The host of an address. Raises PageFailed on one that cannot be fetched."""
    try:
        parsed = URL(url)
    except ValueError as error:
        raise PageFailed(f"no address: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise PageFailed("only http and https addresses are fetched")
    return parsed.host


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address. (aiohttp's own reading of it would send passwords of
    ~/.netrc along.)"""
    host = _host(url)
    return None if proxy_bypass(host) else getproxies().get(URL(url).scheme)
