"""Texts through the rewriter, without a build around it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from pipeline.refine.context import context_tokens
from pipeline.refine.outcome import Outcome
from pipeline.refine.prompts import load_prompt
from pipeline.refine.questions import Questions
from pipeline.refine.rewriter import Counts, Rewriter
from pipeline.refine.settings import RefineSettings
from pipeline.serving.cache import AnswerCache
from pipeline.serving.client import Fixed
from pipeline.serving.connection import Connection


def words(text: str) -> int:
    """Stands in for a tokenizer."""
    return len(text.split())


def run(
    server: Any, cache: Path, texts: list[str], prompt: str = "web-pro", **settings: Any
) -> tuple[list[Outcome], Counts]:
    """Outcomes of `texts` by the model behind `server` (its `url`), and the counts of new answers."""
    fields = {"backend": "openai", "model": "tests/model", "base_url": server.url, "context_tokens": 8192}
    read = RefineSettings.model_validate_json(json.dumps(fields | settings))

    async def refine() -> tuple[list[Outcome], Counts]:
        outcomes, counts = [], Counts()
        answers = AnswerCache(cache)
        async with Connection(read, lambda: Fixed(server.url)) as connection:
            context = await context_tokens(read, answers, connection)
            questions = Questions(read, load_prompt(prompt), context, words)
            rewriter = Rewriter(read, load_prompt(prompt), questions, answers, connection, counts)
            documents = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
            await rewriter.run(lambda: iter(documents), lambda document, outcome: outcomes.append((document, outcome)))
        answers.close()
        assert [document for document, _ in outcomes] == documents, "the order is that of the input"
        return [outcome for _, outcome in outcomes], counts

    return asyncio.run(refine())
