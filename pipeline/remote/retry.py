"""Which remote errors pass by themselves, and how they are waited out.

A transient error (throttling, 5xx, time-out, dropped connection) says nothing about the data: it is tried again and, at
last, fails the stage. It is never a reason to leave a record out.
"""

import errno
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from pipeline.remote.settings import RemoteSettings

Result = TypeVar("Result")

_THROTTLED = frozenset({408, 425, 429})
_CLIENTS = ("aiohttp", "botocore", "httpx")
_HTTPX = ("TimeoutException", "NetworkError", "RemoteProtocolError", "ProxyError")
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded"})


class RemoteError(OSError):
    """A remote file could not be read, in one line; the same command goes on from there."""


class RefusedError(RemoteError):
    """The server denies access. It may be throttling, so it is no property of a file either."""


class ChangedError(RemoteError):
    """A remote file is another than when the build looked at it."""


def with_retries(
    action: Callable[[], Result],
    what: str,
    settings: RemoteSettings,
    sleep: Callable[[float], None] = time.sleep,
    mend: str = "run it again, or lower remote.requests_per_s or the number of tasks",
) -> Result:
    """Do `action`, again after transient errors with full jitter (Brooker, "Exponential Backoff And Jitter", 2015).

    Raises:
        FileNotFoundError: there is no such file.
        RefusedError: the server denies access.
        ChangedError: the file is not the one that was announced.
        RemoteError: every try failed, or an error that no further try mends.
    """
    waited = 0.0
    for attempt in range(1, settings.tries + 1):
        try:
            return action()
        except Exception as error:
            if not is_transient(error):
                final = _final(error, what)
                if final is error:
                    raise
                raise final from error
            last = error
        if attempt < settings.tries:
            # The jitter shapes no output; tasks that failed together must not come back together.
            wait_s = random.uniform(0, min(settings.max_wait_s, 2.0 ** (attempt - 1)))
            waited += wait_s
            sleep(wait_s)
    raise RemoteError(
        f"{what}: {describe(last)}; gave up after {settings.tries} tries, {waited:.0f} s of waiting between them; "
        f"{mend}"
    ) from last


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status >= 500 or status in _THROTTLED or code_of(error) in _BUSY
    return any(isinstance(link, _passing()) for link in _chain(error))


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error; None when there was no answer.

    fsspec turns statuses into OSErrors (its HTTP file system any failed look-up into FileNotFoundError): the answer
    stands in the cause.
    """
    for link in _chain(error):
        response = getattr(link, "response", None)
        status = getattr(link, "status", getattr(response, "status_code", None))
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(status, int):
            return status
    return None


def code_of(error: BaseException) -> str:
    """The S3 error code behind an error, "" for none."""
    for link in _chain(error):
        response = getattr(link, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def describe(error: BaseException) -> str:
    """An error in one line: status, S3 code, and what the server, its message or its type says."""
    links = list(_chain(error))
    told = next(filter(None, (getattr(link, "server_message", None) for link in links)), links[-1])
    words = " ".join(str(told).split()) or type(told).__name__
    status, code = status_of(error), code_of(error)
    head = " ".join(str(part) for part in (status, code) if part and str(part) not in words)
    return f"{head}: {words}" if head else words


def _final(error: Exception, what: str) -> Exception:
    """An error that no further try mends, in the words of `with_retries`; itself when it is none of theirs."""
    if isinstance(error, RemoteError):
        return error
    status = status_of(error)
    if status == 404 or (status is None and isinstance(error, FileNotFoundError)):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), what)
    if status in (401, 403) or isinstance(error, PermissionError):
        return RefusedError(f"{what}: access denied: {describe(error)}; check credentials, or remote.anonymous")
    if status == 412:
        return ChangedError(f"{what}: changed since the build looked at it; run it again")
    if type(error).__name__ == "NoCredentialsError":
        return RefusedError(f"{what}: no credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID, or remote.anonymous")
    if status is not None or isinstance(error, OSError) or type(error).__module__.startswith(_CLIENTS):
        return RemoteError(f"{what}: {describe(error)}")
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _passing() -> tuple[type[BaseException], ...]:
    """The errors without an answer that time mends. The libraries are imported by now: one of them raised."""
    import http.client
    import sys

    found: list[type[BaseException]] = [TimeoutError, ConnectionError, http.client.IncompleteRead]
    for module, names in (
        ("asyncio", ("TimeoutError", "IncompleteReadError")),
        ("aiohttp", ("ClientConnectionError", "ClientPayloadError")),
        ("botocore.exceptions", ("ConnectionError", "HTTPClientError", "IncompleteReadError")),
        ("botocore.parsers", ("ResponseParserError",)),
        ("httpx", _HTTPX),
        ("httpx2", _HTTPX),
    ):
        if module in sys.modules:
            found += [getattr(sys.modules[module], name) for name in names if hasattr(sys.modules[module], name)]
    return tuple(found)
