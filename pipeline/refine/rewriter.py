"""The model backend: documents to outcomes, in order, the server kept full and every answer stored before it is used.

Two passes over a part run at once. The scout goes ahead and asks what the cache lacks, first tries only, as many at a
time as the server takes; the answers go to the cache, not to memory. Behind it, documents are judged in order, a few at
a time, and tried again where refused. So the server never waits for the guard, a slow answer holds nothing up but its
own document, and after an interruption the first new request goes out as soon as the scout has found it.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import xxhash

from pipeline.refine.guard import Verdict, check_rewrite
from pipeline.refine.outcome import Outcome, end_of, judge
from pipeline.refine.prompts import Prompt
from pipeline.refine.questions import Part, Question, Questions, text_digest
from pipeline.refine.settings import RefineSettings
from pipeline.refine.split import join
from pipeline.serving.answers import Answer
from pipeline.serving.cache import AnswerCache
from pipeline.serving.connection import Connection, first_failure

_WINDOW = 64
_PAUSE_S = 0.001
_PATIENCE = 20
_SCOUT_TURN_S = 0.1
_CUT = frozenset({"finish_reason", "no_answer"})
"""Reasons that another seed would not mend, but smaller parts might."""

Document = dict[str, Any]


@dataclass
class Counts:
    """New answers of a run, and the tokens that they cost."""

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class _Try:
    """A part and how its last try went."""

    part: Part
    texts: list[str] = field(default_factory=list)
    verdict: Verdict | None = None

    @property
    def open(self) -> bool:
        return self.verdict is None or not self.verdict.accept


@dataclass
class _Spent:
    """The answers that a document has used."""

    answers: list[bytes] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, key: bytes, answer: Answer) -> None:
        self.answers.append(xxhash.xxh3_128_digest(key + answer.text.encode("utf-8", "surrogatepass")))
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens


class Rewriter:
    """One run over the documents of a part."""

    def __init__(
        self,
        settings: RefineSettings,
        prompt: Prompt,
        questions: Questions,
        cache: AnswerCache,
        connection: Connection,
        counts: Counts,
    ) -> None:
        self._settings, self._prompt, self._questions = settings, prompt, questions
        self._cache, self._connection, self._counts = cache, connection, counts
        self._asking: dict[bytes, asyncio.Task[Answer]] = {}
        self._one = asyncio.Lock()
        self._ahead = asyncio.Semaphore(2 * settings.max_concurrency)
        self._under_way = asyncio.Event()

    async def run(self, documents: Callable[[], Iterator[Document]], take: Callable[[Document, Outcome], None]) -> None:
        """Give `take` every document with its outcome, in order.

        `documents` is called twice and must give the same each time.

        Raises:
            ServerGone: the server cannot be used; what was answered is in the cache.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._scout(documents()))
                await self._under_way.wait()
                window: deque[asyncio.Task[tuple[Document, Outcome]]] = deque()
                for document in documents():
                    window.append(self._group.create_task(self._refine(document)))
                    if len(window) >= _WINDOW:
                        await self._give(take, window.popleft())
                while window:
                    await self._give(take, window.popleft())
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from failures

    async def _give(
        self, take: Callable[[Document, Outcome], None], refining: asyncio.Task[tuple[Document, Outcome]]
    ) -> None:
        outcome = await refining
        async with self._turn():
            take(*outcome)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Computing goes one document at a time, and only when the server has all it takes: that comes first."""
        async with self._one:
            await asyncio.sleep(0)
            patience = _PATIENCE
            client = self._connection.opened
            while patience and client is not None and self._asking and not client.limit.full:
                await asyncio.sleep(_PAUSE_S)
                patience -= 1
            yield

    async def _scout(self, documents: Iterator[Document]) -> None:
        """Ask the first tries of all documents, as far ahead as the server takes them."""
        turn = time.monotonic()
        for document in documents:
            text = document["text"]
            whole = text_digest(text)
            for part in self._questions.parts(text):
                question = self._questions.question(whole, part, 1)
                await self._ahead.acquire()
                # Only now: while this waited, its document may have come up and asked for itself.
                if part.as_it_stands or question.key in self._asking or question.key in self._cache:
                    self._ahead.release()
                    continue
                self._ask(question).add_done_callback(lambda _: self._ahead.release())
                self._under_way.set()
            if time.monotonic() - turn > _SCOUT_TURN_S:
                await asyncio.sleep(0)
                turn = time.monotonic()
        self._under_way.set()

    async def _refine(self, document: Document) -> tuple[Document, Outcome]:
        text = document["text"]
        whole, spent = text_digest(text), _Spent()
        tries = [_Try(part) for part in self._questions.parts(text)]
        if all(item.part.as_it_stands for item in tries):
            return document, Outcome("keep_original", reasons=("too_large",), raised=("too_large",), attempts=0)
        raised: set[str] = set()
        attempt = 1
        while True:
            await asyncio.gather(*(self._attempt(whole, item, attempt, spent) for item in tries if item.open))
            async with self._turn():
                verdict, texts = self._whole(text, tries)
            raised.update(*(item.verdict.reasons for item in tries if item.verdict is not None), verdict.reasons)
            again = self._again(tries, attempt + 1) if verdict.action == "retry" else None
            if again is None:
                break
            tries, attempt = again, attempt + 1
        return document, Outcome(
            action=end_of(verdict, self._settings.otherwise),
            texts=tuple(texts) if verdict.accept else (),
            reasons=tuple(verdict.reasons),
            raised=tuple(sorted(raised)),
            values=tuple(sorted(verdict.values.items())),
            attempts=attempt,
            parts=len(tries),
            refused=None if verdict.accept else "\n\n".join(texts),
            answers=tuple(sorted(spent.answers)),
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
        )

    async def _attempt(self, whole: str, item: _Try, attempt: int, spent: _Spent) -> None:
        part = item.part
        if part.as_it_stands:
            item.texts, item.verdict = [part.piece.text], Verdict(True)
            return
        question = self._questions.question(whole, part, attempt)
        answer = self._cache.get(question.key)
        if answer is None:
            answer = await (self._asking.get(question.key) or self._ask(question))
        spent.add(question.key, answer)
        if answer.error is not None:
            item.texts, item.verdict = [], Verdict(False, ["no_answer"], "retry")
            return
        async with self._turn():
            item.verdict, item.texts = judge(
                part.piece.text,
                self._prompt.parse(answer.text),
                self._prompt.mode,
                self._settings.guard,
                finish_reason=answer.finish_reason,
                prompt=self._prompt.instructions,
            )

    def _whole(self, text: str, tries: list[_Try]) -> tuple[Verdict, list[str]]:
        """The verdict on the document, and the texts that would take its place."""
        verdicts = [item.verdict for item in tries if item.verdict is not None]
        texts = [part_text for item in tries for part_text in item.texts]
        refused = [verdict for verdict in verdicts if not verdict.accept]
        if self._prompt.mode == "extract_pairs":
            waiting = [verdict for verdict in refused if verdict.action == "retry"]
            sound = [verdict for verdict in verdicts if verdict.accept]
            return (waiting or sound or refused)[0], texts
        joined = texts if len(tries) == 1 else [join(texts)]
        if not refused:
            if len(tries) == 1 or self._prompt.mode != "rewrite":
                return verdicts[0], joined
            return check_rewrite(text, joined[0], self._settings.guard, prompt=self._prompt.instructions), joined
        actions = {verdict.action for verdict in refused}
        reasons = list(dict.fromkeys(reason for verdict in refused for reason in verdict.reasons))
        hardest = next(action for action in ("drop", "keep_original", "retry") if action in actions)
        return Verdict(False, reasons, hardest, refused[0].values), joined

    def _again(self, tries: list[_Try], attempt: int) -> list[_Try] | None:
        """What to ask next: refused parts with another seed, later also cut; None when nothing would change."""
        if attempt > self._settings.attempts:
            return None
        greedy = self._settings.sampling.temperature == 0
        again: list[_Try] = []
        changed = False
        for item in tries:
            if not item.open:
                again.append(item)
                continue
            reasons = item.verdict.reasons if item.verdict is not None else []
            parts = [item.part]
            if greedy or attempt > 2 or _CUT.intersection(reasons):
                parts = self._questions.smaller(item.part)
            changed = changed or not greedy or len(parts) > 1
            again += [_Try(part) for part in parts]
        return again if changed else None

    def _ask(self, question: Question) -> asyncio.Task[Answer]:
        task = self._group.create_task(self._fetch(question))
        self._asking[question.key] = task
        task.add_done_callback(lambda _: self._asking.pop(question.key))
        return task

    async def _fetch(self, question: Question) -> Answer:
        client = await self._connection.client()
        answer = await client.complete(question.body, lambda answer: self._cache.put(question.request, answer))
        self._counts.answers += 1
        self._counts.prompt_tokens += answer.prompt_tokens
        self._counts.completion_tokens += answer.completion_tokens
        return answer
