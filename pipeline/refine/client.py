"""Chat completions from any OpenAI-compatible server, as fast as it takes them, for as long as it is there.

What may pass is tried again: 408, 409, 425, 429, 5xx, time-outs, lost connections, bodies that are no answer. What the
server says of this very request (400, 413, 422) is its answer. What no request can pass (401, 403, 404, …) ends the
stage, and so does a server that has answered nothing for `give_up_s`.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol

import aiohttp

from pipeline.errors import BuildFailed
from pipeline.refine.answers import Answer
from pipeline.refine.concurrency import AdaptiveLimit

_PASSING = frozenset({408, 409, 425, 429})
_REFUSED = frozenset({400, 413, 422})
_LARGEST_BODY = 32 << 20
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_LONGEST_RETRY_AFTER_S = 300.0
_MESSAGE_CHARS = 300


Keep = Callable[[Answer], Awaitable[None]]
"""Stores an answer."""


async def _nowhere(answer: Answer) -> None:
    """Nothing is kept of a probe."""


class ServerGone(BuildFailed):
    """The server cannot be used; answers so far are stored, and the same command goes on from there."""


class Place(Protocol):
    """Where the server is; asked before each try, since a server that the stage runs may have ended."""

    def url(self) -> str:
        """Base URL, ending in /v1 or the like. Raises ServerGone when the server has ended."""


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


class ChatClient:
    """Use it with `async with`, in one event loop."""

    def __init__(
        self,
        place: Place,
        probe: dict[str, Any],
        *,
        api_key: str | None,
        most: int,
        timeout_s: float,
        give_up_s: float,
        tries: int,
    ) -> None:
        """`probe` is the body of a small request that a working server answers."""
        self.traffic = Traffic()
        self.limit = AdaptiveLimit(most)
        self._place, self._api_key, self._tries = place, api_key, tries
        self._probe = _encoded(probe)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(30.0, timeout_s))
        self._give_up_s = give_up_s
        self._silent_since: float | None = None
        self._not_before = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "ChatClient":
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

    async def complete(self, body: dict[str, Any], keep: Keep) -> Answer:
        """The answer to one chat completion. A request that fails `tries` times while others pass gets an error answer.

        A request counts as running until `keep` has stored its answer: no more answers than run can ever be lost.

        Raises:
            ServerGone: the server refuses every request, or has not answered any for `give_up_s`.
        """
        data, failures = _encoded(body), 0
        while True:
            try:
                async with self.limit:
                    await self._pause()
                    answer = await self._try(data)
                    await keep(answer)
            except _Passing as problem:
                self._failed(problem)
                failures += 1
                if failures >= self._tries and await self._alive():
                    answer = Answer(text="", finish_reason="error", error=str(problem))
                    await keep(answer)
                    return answer
                wait_s = problem.wait_s
            else:
                self._silent_since = None
                self.limit.answered()
                return answer
            if wait_s is None:
                await asyncio.sleep(_spread(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 10))))

    async def check(self) -> None:
        """Ask the probe, so that a wrong model, key or setting shows before any document is at stake.

        Raises:
            ServerGone: as `complete`, or the server refuses the probe.
        """
        answer = await self.complete(json.loads(self._probe), _nowhere)
        if answer.error is not None:
            raise ServerGone(f"{self._place.url()}: refuses a small request: {answer.error}; correct the settings")

    async def context_tokens(self, model: str) -> int | None:
        """The context of `model` by `/v1/models` (`max_model_len`, as of vLLM and SGLang); None where not told."""
        assert self._session is not None
        try:
            async with self._session.get(f"{self._place.url()}/models") as response:
                listed = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None  # not every server has the list; whether this one is there at all, the first request tells
        models = listed.get("data") if isinstance(listed, dict) else None
        for entry in models if isinstance(models, list) else []:
            if isinstance(entry, dict) and entry.get("id") == model and isinstance(entry.get("max_model_len"), int):
                return int(entry["max_model_len"])
        return None

    async def _try(self, data: bytes) -> Answer:
        assert self._session is not None
        self.traffic.requests += 1
        url = f"{self._place.url()}/chat/completions"
        try:
            async with self._session.post(
                url, data=data, headers={"Content-Type": "application/json"}, allow_redirects=False
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
            return _answer(content)
        message = self._message(content)
        if status in _PASSING or status >= 500:
            raise _Passing(f"http_{status}", message, pushed_back=status in {429, 503}, wait_s=_retry_after(headers))
        if status in _REFUSED:
            return Answer(text="", finish_reason="error", error=f"http_{status}: {message}")
        raise ServerGone(
            f"{url}: the server says {status}: {message}; correct base_url, model or key, then run it again"
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
                f"{self._place.url()}: no answer in {self._give_up_s:.0f} s ({problem}); "
                "what was answered is stored: run it again when the server is back"
            )

    async def _alive(self) -> bool:
        """Whether the server answers at all, now that one request failed again and again."""
        try:
            await self._try(self._probe)
        except _Passing:
            return False
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


def _encoded(body: dict[str, Any]) -> bytes:
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


def _answer(content: bytes) -> Answer:
    """The answer in a response body; anything else (an HTML page of a proxy, half a JSON) may pass."""
    try:
        value = json.loads(content)
        choice = value["choices"][0]
        text, usage = choice["message"]["content"], value.get("usage") or {}
        reason = choice.get("finish_reason") or "stop"
        answer = Answer(
            text=text if text is not None else "",
            finish_reason=str(reason),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _Passing("no_answer") from error
    return answer


def _retry_after(headers: Any) -> float | None:
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
