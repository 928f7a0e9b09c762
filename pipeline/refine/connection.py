"""The way to the model's server: opened when the first answer is lacking, and not at all when none is."""

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.refine.answers import Answer, Request
from pipeline.refine.cache import AnswerCache
from pipeline.refine.settings import RefineSettings

if TYPE_CHECKING:  # only who asks a server needs an HTTP client
    from pipeline.refine.client import ChatClient
    from pipeline.serving.client import Place

_DEFAULT_CONTEXT = 8192


class Connection:
    """Opens on the first `client()`, closes with the `async with` block. One event loop uses it."""

    def __init__(self, settings: RefineSettings, place: Callable[[], "Place"]) -> None:
        """`place` says where the server is, and starts it where it is the stage's own."""
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
        from pipeline.refine.client import ChatClient

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


async def context_tokens(settings: RefineSettings, cache: AnswerCache, connection: Connection) -> int:
    """The model's context: the setting; else as the cache has it; else as the server says, which the cache then keeps.

    Kept, since it decides where long documents are cut: with the same answers it must be the same.
    """
    if settings.context_tokens is not None:
        return settings.context_tokens
    assert settings.model is not None
    request = Request(
        document="",
        part="context",
        messages="",
        prompt="",
        model=settings.model,
        revision=settings.revision,
        sampling={},
    )
    kept = cache.get(request.key)
    if kept is not None:
        return int(kept.text)
    told = await (await connection.client()).context_tokens(settings.model) or _DEFAULT_CONTEXT
    await cache.put(request, Answer(text=str(told), finish_reason="stop"))
    return told
