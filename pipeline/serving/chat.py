"""Chat completions from any OpenAI-compatible server. A refusal of a request is its answer, and is kept like one."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.serving.answers import Answer
from pipeline.serving.client import NoAnswer, Place, Refused, ServerClient, ServerGone, encoded
from pipeline.serving.limit import AdaptiveLimit

_PATH = "/chat/completions"

Keep = Callable[[Answer], Awaitable[None]]
"""Stores an answer."""


async def _nowhere(answer: Answer) -> None:
    """Nothing is kept of a probe."""


class ChatClient(ServerClient):
    """Use it with `async with`, in one event loop. The place's URL ends in /v1 or the like."""

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
        """`probe` is the body of a small request that a working server answers; `most` requests run at once."""
        super().__init__(
            place,
            (_PATH, probe),
            api_key=api_key,
            limit=AdaptiveLimit(most),
            timeout_s=timeout_s,
            give_up_s=give_up_s,
            tries=tries,
        )
        self._small = probe

    async def __aenter__(self) -> "ChatClient":
        await super().__aenter__()
        return self

    async def complete(self, body: dict[str, Any], keep: Keep) -> Answer:
        """The answer to one chat completion. A request that fails `tries` times while others pass gets an error answer.

        A request counts as running until `keep` has stored its answer: no more answers than run can ever be lost.

        Raises:
            ServerGone: the server refuses every request, or has not answered any for `give_up_s`.
        """

        async def read(content: bytes) -> Answer:
            answer = _answer(content)
            await keep(answer)
            return answer

        try:
            return await self.ask(_PATH, encoded(body), read)
        except Refused as refusal:
            answer = Answer(text="", finish_reason="error", error=str(refusal))
            await keep(answer)
            return answer

    async def check(self) -> None:
        """Ask the probe, so that a wrong model, key or setting shows before any document is at stake.

        Raises:
            ServerGone: as `complete`, or the server refuses the probe.
        """
        answer = await self.complete(self._small, _nowhere)
        if answer.error is not None:
            raise ServerGone(f"{self.url}: refuses a small request: {answer.error}; correct the settings")


def _answer(content: bytes) -> Answer:
    """The answer in a response body."""
    try:
        value = json.loads(content)
        choice = value["choices"][0]
        text, usage = choice["message"]["content"], value.get("usage") or {}
        reason = choice.get("finish_reason") or "stop"
        return Answer(
            text=text if text is not None else "",
            finish_reason=str(reason),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise NoAnswer from error
