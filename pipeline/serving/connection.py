"""The way to the model's server: opened when the first answer is lacking, and not at all when none is."""

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.serving.settings import ServedModel

if TYPE_CHECKING:  # only who asks a server needs an HTTP client
    from pipeline.serving.chat import ChatClient
    from pipeline.serving.client import Place


class Connection:
    """Opens on the first `client()`, closes with the `async with` block. One event loop uses it."""

    def __init__(self, settings: ServedModel, place: Callable[[], "Place"]) -> None:
        """`place` says where the server is, and starts it where it is our own."""
        self._settings, self._place = settings, place
        self._opened: ChatClient | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, trace)

    @property
    def opened(self) -> "ChatClient | None":
        """The client, if any answer was asked for."""
        return self._opened

    async def client(self) -> "ChatClient":
        """The client, checked by a small request when it is opened.

        Raises:
            ServerGone: the server cannot be used.
        """
        from pipeline.serving.chat import ChatClient

        async with self._opening:
            if self._opened is None:
                settings = self._settings
                place = await asyncio.to_thread(self._place)
                probe = {
                    "model": settings.model,
                    "messages": [{"role": "user", "content": "Write the word ready."}],
                    **settings.sampling.extra,
                    "max_tokens": 1,
                }
                client = ChatClient(
                    place,
                    probe,
                    api_key=os.environ[settings.api_key_env] if settings.api_key_env else None,
                    most=settings.max_concurrency,
                    timeout_s=settings.request_timeout_s,
                    give_up_s=settings.give_up_s,
                    tries=settings.tries,
                )
                self._opened = await client.__aenter__()
                await client.check()
        return self._opened


def first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure itself: what went wrong elsewhere is a consequence, or the same."""
    first = failures.exceptions[0]
    return first_failure(first) if isinstance(first, BaseExceptionGroup) else first
