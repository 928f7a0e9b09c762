"""A model that judges predicted sentences (RLPT, arXiv 2509.19249), behind a chat server; asked as refinement asks."""

import asyncio
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from pipeline.serving.answers import Answer

if TYPE_CHECKING:
    from pipeline.serving.chat import ChatClient

PROMPT = """\
Two texts follow: how a document really goes on, and what somebody expected. Does the expected text say what the real
one says at its beginning, the same statement with the same formulas and numbers, be it in other words? It does not if
it says less than one whole sentence of the real one, says something else, or adds what the beginning does not say.

The real text:
{following}

The expected text:
{prediction}

Answer with one word, yes or no."""
_WORD = re.compile(r"[A-Za-z]+")
_PLACES = re.compile(r"\{following\}|\{prediction\}")


Verdicts = dict[tuple[bytes, bytes], bool | str]
"""By (prediction, what follows): whether the one says the beginning of the other, or why there is no verdict."""


class JudgeSettings(Frozen):
    """The judge: any server with OpenAI's chat completions. Asked greedily, each question once a step."""

    base_url: str
    """The server's address up to and with its version, as in http://node7:8000/v1."""
    model: str
    """The model's name as the server knows it."""
    api_key_env: str | None = None
    """Environment variable that holds the key."""
    prompt: str = PROMPT
    """What it is asked, with one `{following}` and one `{prediction}`; its answer is read by its first word."""
    max_tokens: int = Field(default=16, ge=1)
    """Longest answer."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, as the server knows them: `chat_template_kwargs`…"""
    max_concurrency: int = Field(default=64, ge=1)
    """Requests of a process at a time, at most."""
    request_timeout_s: float = Field(default=120.0, gt=0)
    """Longest time for one answer."""
    give_up_s: float = Field(default=900.0, gt=0)
    """The run ends when the server has answered nothing for so long; it goes on from its newest checkpoint."""
    tries: int = Field(default=3, ge=1)
    """Tries of a request that fails while others pass; its answer is left out then."""

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.password:
            raise ValueError("is no http address; write http://host:port/v1, and name the key in api_key_env")
        return value

    @field_validator("prompt")
    @classmethod
    def _asks(cls, value: str) -> str:
        for name in ("{following}", "{prediction}"):
            if value.count(name) != 1:
                raise ValueError(f"has to hold {name} once")
        return value

    @property
    def identity(self) -> list[object]:
        """What shapes its answers."""
        return [self.model, self.prompt, self.max_tokens, self.extra]


class Judge:
    """Asks the judge.

    Args:
        settings: who it is.

    Raises:
        BadInput: the variable of the key is not set.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self._key = None
        if settings.api_key_env is not None:
            self._key = os.environ.get(settings.api_key_env)
            if not self._key:
                raise BadInput(f"judge.api_key_env: {settings.api_key_env!r}: is not set; export it, or take it out")

    def verdicts(self, asked: Iterable[tuple[bytes, bytes]]) -> Verdicts:
        """What the judge says of each (prediction, what follows).

        Why there is no verdict: `judge_error` (the server refused or failed at it) or `judge_unclear` (neither yes nor
        no).

        Raises:
            ServerGone: the server cannot be used.
        """
        pairs = list(dict.fromkeys(asked))
        if not pairs:
            return {}
        return dict(zip(pairs, asyncio.run(self._ask(pairs)), strict=True))

    async def _ask(self, pairs: list[tuple[bytes, bytes]]) -> list[bool | str]:
        from pipeline.serving.chat import ChatClient  # only who asks a server needs an HTTP client
        from pipeline.serving.client import Fixed

        settings = self._settings
        client = ChatClient(
            Fixed(settings.base_url.rstrip("/")),
            self._body("Write the word ready."),
            api_key=self._key,
            most=settings.max_concurrency,
            timeout_s=settings.request_timeout_s,
            give_up_s=settings.give_up_s,
            tries=settings.tries,
        )
        async with client:
            return [_read(answer) for answer in await asyncio.gather(*(self._one(client, *pair) for pair in pairs))]

    async def _one(self, client: "ChatClient", prediction: bytes, following: bytes) -> Answer:
        texts = {"{following}": following, "{prediction}": prediction}
        question = _PLACES.sub(lambda place: texts[place[0]].decode(errors="replace").strip(), self._settings.prompt)
        return await client.complete(self._body(question), _nowhere)

    def _body(self, question: str) -> dict[str, Any]:
        return {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            **self._settings.extra,
            "max_tokens": self._settings.max_tokens,
        }


def _read(answer: Answer) -> bool | str:
    """The verdict in an answer, by its first word."""
    if answer.error is not None:
        return "judge_error"
    word = _WORD.search(answer.text)
    return {"yes": True, "no": False}.get(word[0].lower() if word else "", "judge_unclear")


async def _nowhere(answer: Answer) -> None:
    """A verdict is kept with the response that it is about, and nowhere else."""
