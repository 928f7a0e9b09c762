"""Documents to scores: asked as fast as the server answers, judged in order, every answer stored before it is used."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import xxhash

from pipeline.annotate.rubric import Judged, Rubric
from pipeline.annotate.settings import AnnotateSettings
from pipeline.serving.answers import Answer, Request
from pipeline.serving.cache import AnswerCache
from pipeline.serving.connection import Connection, first_failure

_PART = "rubric"
_LEAST_AHEAD = 64

Row = dict[str, Any]


@dataclass
class Spent:
    """Answers of a run: those that the cache had, those asked for, and the tokens of all, as the server counted."""

    known: int = 0
    asked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Annotator:
    """One run over a sample."""

    def __init__(
        self, settings: AnnotateSettings, rubric: Rubric, cache: AnswerCache, connection: Connection, spent: Spent
    ) -> None:
        self._settings, self._rubric, self._cache, self._connection = settings, rubric, cache, connection
        self._spent = spent
        self._asking: dict[bytes, asyncio.Task[Answer]] = {}

    async def run(self, rows: Iterator[Row], take: Callable[[Row, Judged, str], None]) -> None:
        """Give `take` every row with its verdict and the last answer, in order.

        Raises:
            ServerGone: the server cannot be used; what was answered is in the cache.
        """
        window: deque[tuple[Row, asyncio.Task[tuple[Judged, str]]]] = deque()
        most = max(_LEAST_AHEAD, 2 * self._settings.max_concurrency)
        try:
            async with asyncio.TaskGroup() as self._group:
                for row in rows:
                    window.append((row, self._group.create_task(self._judge(row["text"]))))
                    if len(window) >= most:
                        await self._give(take, window)
                while window:
                    await self._give(take, window)
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from failures

    @staticmethod
    async def _give(
        take: Callable[[Row, Judged, str], None], window: deque[tuple[Row, asyncio.Task[tuple[Judged, str]]]]
    ) -> None:
        row, judging = window.popleft()
        take(row, *await judging)

    async def _judge(self, text: str) -> tuple[Judged, str]:
        """The verdict on a text, and the answer that it is from."""
        before: str | None = None
        attempt = 0
        while True:
            request, body = question(self._settings, self._rubric, text, attempt, before)
            answer = self._cache.get(request.key)
            if answer is None:
                answer = await (self._asking.get(request.key) or self._ask(request, body))
            else:
                self._spent.known += 1
            self._spent.prompt_tokens += answer.prompt_tokens
            self._spent.completion_tokens += answer.completion_tokens
            if answer.error is not None:  # it is about the request: another try would be refused as well
                return Judged(None, "", "no_answer"), answer.error
            judged = self._rubric.judge(answer.text, answer.finish_reason)
            attempt += 1
            if judged.reason is None or attempt >= self._settings.attempts:
                return judged, answer.text
            before = judged.reason

    def _ask(self, request: Request, body: dict[str, Any]) -> asyncio.Task[Answer]:
        """Equal texts are asked about once."""
        task = self._group.create_task(self._fetch(request, body))
        self._asking[request.key] = task
        task.add_done_callback(lambda _: self._asking.pop(request.key))
        return task

    async def _fetch(self, request: Request, body: dict[str, Any]) -> Answer:
        client = await self._connection.client()
        answer = await client.complete(body, lambda answer: self._cache.put(request, answer))
        self._spent.asked += 1
        return answer


def question(
    settings: AnnotateSettings, rubric: Rubric, text: str, attempt: int = 0, before: str | None = None
) -> tuple[Request, dict[str, Any]]:
    """What is asked of a text at an attempt (from 0), with its key, and the body that is sent.

    `before` is the reason why the last answer had no score.
    """
    sampling = settings.sampling
    fields = {
        **sampling.extra,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed + attempt,
        "max_tokens": settings.answer_tokens,
    }
    messages = rubric.messages(text, before)
    assert settings.model is not None
    request = Request(
        document=_digest(text),
        part=_PART,
        messages=_digest("\0".join(f"{message['role']}\0{message['content']}" for message in messages)),
        prompt=rubric.name,
        model=settings.model,
        revision=settings.revision,
        sampling=fields,
    )
    return request, {"model": settings.model, "messages": messages, **fields}


def _digest(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
