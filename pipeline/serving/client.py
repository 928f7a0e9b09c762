"""JSON requests to a model server, as fast as it takes them, for as long as it is there.

What may pass is tried again: 408, 409, 425, 429, 5xx, time-outs, lost connections, bodies that are no answer. What the
server says of this very request (400, 413, 422) is for the caller to read. What no request can pass (401, 403, 404, …)
ends the work, and so does a server that has answered nothing for `give_up_s`.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

import aiohttp

from pipeline.errors import BuildFailed
from pipeline.serving.limit import AdaptiveLimit

_PASSING = frozenset({408, 409, 425, 429})
_REFUSED = frozenset({400, 413, 422})
_LARGEST_BODY = 32 << 20
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_LONGEST_RETRY_AFTER_S = 300.0
_MESSAGE_CHARS = 300
_JSON = {"Content-Type": "application/json"}

T = TypeVar("T")


class ServerGone(BuildFailed):
    """The server cannot be used; what it answered so far is kept, and the same command goes on from there.

    `status` is the HTTP status by which it refuses every request, if that is how.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Refused(Exception):
    """What the server says of this very request; or, with `failing`, how it failed again and again."""

    def __init__(self, message: str, *, failing: bool = False) -> None:
        super().__init__(message)
        self.failing = failing


class NoAnswer(Exception):
    """A body that is no answer to the question (an HTML page of a proxy, half a JSON); it may pass."""


class Place(Protocol):
    """Where the server is; asked before each try, since a server of our own may have ended."""

    def url(self) -> str:
        """Base URL, without a slash at its end. Raises ServerGone when the server has ended."""


@dataclass(frozen=True)
class Fixed:
    """A server that somebody else runs."""

    base_url: str

    def url(self) -> str:
        """The base URL as given."""
        return self.base_url


@dataclass
class Traffic:
    """What went over the wire."""

    requests: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    """Tries that have to be repeated, by what was wrong."""


class _Passing(Exception):
    """A try failed in a way that may pass."""

    def __init__(
        self, reason: str, message: str = "", *, pushed_back: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {message}" if message else reason)
        self.reason, self.pushed_back, self.wait_s = reason, pushed_back, wait_s


class ServerClient:
    """Use it with `async with`, in one event loop."""

    def __init__(
        self,
        place: Place,
        probe: tuple[str, dict[str, Any] | None],
        *,
        api_key: str | None,
        limit: AdaptiveLimit,
        timeout_s: float,
        give_up_s: float,
        tries: int,
    ) -> None:
        """`probe` is path and body (None gets) of a small request that a working server answers."""
        self.traffic, self.limit = Traffic(), limit
        self._place, self._api_key, self._tries = place, api_key, tries
        self._probe = probe[0], None if probe[1] is None else encoded(probe[1])
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(30.0, timeout_s))
        self._give_up_s = give_up_s
        self._silent_since: float | None = None
        self._not_before = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "ServerClient":
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
            timeout=self._timeout,
            headers=headers,
            trust_env=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    @property
    def url(self) -> str:
        """Where the server is now."""
        return self._place.url()

    async def ask(self, path: str, data: bytes | None, read: Callable[[bytes], Awaitable[T]]) -> T:
        """What `read` makes of the body of the answer; the request counts as running until `read` has returned.

        Args:
            path: behind the server's URL, from its slash on.
            data: JSON to post; None gets.
            read: raises NoAnswer for a body that is none.

        Raises:
            Refused: by the server, or the request failed `tries` times while a small one passes.
            ServerGone: the server refuses every request, or has not answered any for `give_up_s`.
        """
        failures = 0
        while True:
            try:
                async with self.limit:
                    await self._pause()
                    found = await self._try(path, data, read)
            except _Passing as problem:
                self._failed(problem)
                failures += 1
                if failures >= self._tries and await self._alive():
                    raise Refused(str(problem), failing=True) from problem
                wait_s = problem.wait_s
            except Refused:
                self._answered()
                raise
            else:
                self._answered()
                return found
            if wait_s is None:
                await asyncio.sleep(_spread(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 10))))

    async def context_tokens(self, model: str) -> int | None:
        """The context of `model` by `/models` (`max_model_len`, as of vLLM and SGLang); None where not told."""
        assert self._session is not None
        try:
            async with self._session.get(f"{self.url}/models") as response:
                listed = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None  # not every server has the list; whether this one is there at all, the first request tells
        models = listed.get("data") if isinstance(listed, dict) else None
        for entry in models if isinstance(models, list) else []:
            if isinstance(entry, dict) and entry.get("id") == model and isinstance(entry.get("max_model_len"), int):
                return int(entry["max_model_len"])
        return None

    def _answered(self) -> None:
        self._silent_since = None
        self.limit.answered()

    async def _try(self, path: str, data: bytes | None, read: Callable[[bytes], Awaitable[T]]) -> T:
        assert self._session is not None
        self.traffic.requests += 1
        url = f"{self.url}{path}"
        try:
            async with self._session.request(
                "GET" if data is None else "POST", url, data=data, headers=_JSON, allow_redirects=False
            ) as response:
                content = await _bounded(response)
                status, headers = response.status, response.headers
        except TimeoutError as error:
            raise _Passing("timeout", pushed_back=True) from error
        except aiohttp.ClientConnectorError as error:
            raise _Passing("no_connection", pushed_back=True) from error
        except aiohttp.ClientError as error:
            raise _Passing("connection_lost") from error
        if status == 200:
            try:
                return await read(content)
            except NoAnswer as error:
                raise _Passing("no_answer") from error
        message = self._message(content)
        if status in _PASSING or status >= 500:
            raise _Passing(f"http_{status}", message, pushed_back=status in {429, 503}, wait_s=_retry_after(headers))
        if status in _REFUSED:
            raise Refused(f"http_{status}: {message}")
        raise ServerGone(
            f"{url}: the server says {status}: {message}; correct its address, model or key, then run it again", status
        )

    def _failed(self, problem: _Passing) -> None:
        now = time.monotonic()
        self.traffic.retries[problem.reason] += 1
        if problem.pushed_back:
            self.limit.pushed_back()
        self._silent_since = self._silent_since or now
        if problem.wait_s is not None:
            self._not_before = max(self._not_before, now + problem.wait_s)
            self._silent_since = max(self._silent_since, self._not_before)  # it is there, and asks for patience
        if now - self._silent_since > self._give_up_s:
            raise ServerGone(
                f"{self.url}: no answer in {self._give_up_s:.0f} s ({problem}); "
                "what was answered is stored: run it again when the server is back"
            )

    async def _alive(self) -> bool:
        """Whether the server answers at all, now that one request failed again and again."""

        async def read(content: bytes) -> None:
            """Any answer will do."""

        try:
            await self._try(*self._probe, read)
        except _Passing:
            return False
        except Refused:
            return True
        return True

    async def _pause(self) -> None:
        """Wait as long as the server asked all of us to."""
        while (left := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(left + _spread(0.1 * left))

    def _message(self, content: bytes) -> str:
        """What the server says is wrong, in one line; a server that repeats the key does not get it into a log."""
        text = content.decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            inner = value.get("error", value)
            text = str(inner.get("message", inner) if isinstance(inner, dict) else inner)
        if self._api_key:
            text = text.replace(self._api_key, "…")
        return " ".join(text.split())[:_MESSAGE_CHARS]


def encoded(body: dict[str, Any]) -> bytes:
    """A body as JSON bytes."""
    return json.dumps(body, ensure_ascii=False).encode()


def _spread(seconds: float) -> float:
    """Half of `seconds` to all of it, by chance, so that tries do not come back all at once. It shapes no output."""
    return seconds * (0.5 + random.random() / 2)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST_BODY:
            raise _Passing("body_too_large")
    return b"".join(chunks)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (a number, or a date), at most five minutes."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)
