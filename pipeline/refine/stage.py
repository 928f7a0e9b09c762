"""The refine stage: each document rewritten by a model (or edited by rules), checked, and replaced where that holds."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.document import DROPPED, SCHEMA
from pipeline.files import digest
from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.refine import rules
from pipeline.refine.context import context_tokens
from pipeline.refine.editor import Editor
from pipeline.refine.outcome import Outcome
from pipeline.refine.prompts import Prompt, load_prompt
from pipeline.refine.questions import Questions
from pipeline.refine.rewriter import Counts, Rewriter
from pipeline.refine.scores import scorer
from pipeline.refine.settings import RefineSettings
from pipeline.refine.traffic import TrafficLog, live_line
from pipeline.refine.verdicts import VERDICTS
from pipeline.refine.writer import Writer
from pipeline.serving.cache import AnswerCache
from pipeline.serving.connection import Connection
from pipeline.shard.manifest import Refinement
from pipeline.shard.tokenizer import TokenCounter, load_tokenizer
from pipeline.stage import Part, PartRecord, Phase, Stage, Workspace, libraries

_BATCH_ROWS = 256
_NOT_IDENTITY = {
    "base_url",
    "api_key_env",
    "server",
    "max_concurrency",
    "request_timeout_s",
    "tries",
    "give_up_s",
    "classifiers",
    "prices",
    "prompt",
}
"""Settings that shape no document (where the server is, how it is asked, its price), and files, which go by digest."""


class RefineStage(Stage):
    """Rewrites; its output is a function of its input and of the answers in the cache."""

    name = "refine"
    version = 1

    @classmethod
    def wanted(cls, recipe: Recipe) -> bool:
        """A recipe refines when it has the section."""
        return recipe.refine is not None

    @classmethod
    def check(cls, loaded: LoadedRecipe) -> None:
        """Refuse a prompt, a classifier or a key that is not there."""
        settings = _settings(loaded)
        _prompt(loaded)
        scorer(loaded)
        if settings.backend == "openai":
            settings.refuse_missing(f"{loaded.path}: refine")

    def identity(self) -> dict[str, Any]:
        """Settings that shape a document, the prompt, the models and the tokenizer; not the list of inputs."""
        settings = self._settings
        return {
            "settings": settings.model_dump(mode="json", exclude=_NOT_IDENTITY),
            "refiner": self._refiner,
            "scores": scorer(self.loaded).digests,
            "tokenizer": self._tokenizer.identity.model_dump() if settings.backend == "openai" else None,
            "libraries": libraries("tokenizers", "fasttext-numpy2-wheel"),
        }

    def phases(self) -> list[Phase]:
        """One phase, a part per part of the stage before."""
        server = self._settings.server
        return [
            Phase("rewrite", self.map_parts, self._rewrite, most_tasks=server.tasks if server is not None else None)
        ]

    def live(self) -> str:
        """Verdicts and tokens so far."""
        return live_line(self.folder / "traffic")

    def close(self) -> None:
        """End the server of this task, if one was started, and close the cache."""
        for name in ("_server", "_cache"):
            if name in self.__dict__:
                getattr(self, name).close()

    def summary(self) -> Refinement:
        """What the manifest says of a done stage."""
        infos = [record["info"] for record in self.done()["records"]]
        verdicts = sum((Counter(info["verdicts"]) for info in infos), Counter[str]())
        prompt = self._prompt if self._settings.backend == "openai" else None
        return Refinement(
            refiner=self._refiner,
            prompt=f"{prompt.name}@{prompt.version}" if prompt is not None else None,
            answers=sum(info["answers"] for info in infos),
            answers_xxh3_128=digest(sorted(info["answers_xxh3_128"] for info in infos)),
            prompt_tokens=sum(info["prompt_tokens"] for info in infos),
            completion_tokens=sum(info["completion_tokens"] for info in infos),
            verdicts=dict(sorted(verdicts.items())),
        )

    @property
    def _settings(self) -> RefineSettings:
        return _settings(self.loaded)

    @cached_property
    def _prompt(self) -> Prompt:
        return _prompt(self.loaded)

    @cached_property
    def _refiner(self) -> str:
        """What the documents say: the editor with its version, or model@prompt digest."""
        if self._settings.backend == "rules":
            return rules.NAME
        revision = f":{self._settings.revision}" if self._settings.revision else ""
        return f"{self._settings.model}{revision}@{self._prompt.digest}"

    @cached_property
    def _tokenizer(self) -> TokenCounter:
        return load_tokenizer(self.loaded)

    @cached_property
    def _cache(self) -> AnswerCache:
        return AnswerCache(cache_folder(self.out))

    @cached_property
    def _server(self) -> Any:
        from pipeline.serving.own import start_server

        return start_server(self._settings, self.folder / "logs" / f"server-{os.getpid()}.log")

    def _place(self) -> Any:
        from pipeline.serving.client import Fixed

        base_url = self._settings.base_url
        return self._server if base_url is None else Fixed(base_url.rstrip("/"))

    def _rewrite(self, part: Part, workspace: Workspace) -> PartRecord:
        log = TrafficLog(self.folder / "traffic", part.name)
        source = pq.ParquetFile(part.data["path"])

        def documents() -> Iterator[dict[str, Any]]:
            for batch in source.iter_batches(_BATCH_ROWS):
                yield from batch.to_pylist()

        with (
            workspace.parquet("data", SCHEMA) as data,
            workspace.parquet("dropped", DROPPED) as dropped,
            workspace.parquet("verdicts", VERDICTS) as verdicts,
        ):
            kept = frozenset(self.recipe.extract.classifiers)
            writer = Writer(self._refiner, self._prompt, scorer(self.loaded), kept, data, dropped, verdicts)

            def take(document: dict[str, Any], outcome: Outcome) -> None:
                writer.take(document, outcome)
                log.verdicts[outcome.action] += 1
                workspace.progress(part.bytes * writer.tally.records_in // max(source.metadata.num_rows, 1))

            if self._settings.backend == "rules":
                Editor(self._settings).run(documents, take)
                log.update(0, Counter(), 0, 0, last=True)
            else:
                asyncio.run(self._ask(documents, take, log))
            writer.close()
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=writer.tally.ledger(),
            outputs={"data": data.output, "dropped": dropped.output, "verdicts": verdicts.output},
            info=writer.info(),
        )

    async def _ask(
        self,
        documents: Callable[[], Iterator[dict[str, Any]]],
        take: Callable[[dict[str, Any], Outcome], None],
        log: TrafficLog,
    ) -> None:
        counts = Counts()
        async with Connection(self._settings, self._place) as connection:

            def note(last: bool = False) -> None:
                traffic = connection.opened.traffic if connection.opened is not None else None
                requests, retries = (traffic.requests, traffic.retries) if traffic is not None else (0, Counter[str]())
                log.update(requests, retries, counts.prompt_tokens, counts.completion_tokens, last=last)

            def noting(document: dict[str, Any], outcome: Outcome) -> None:
                take(document, outcome)
                note()

            context = await context_tokens(self._settings, self._cache, connection)
            questions = Questions(self._settings, self._prompt, context, lambda text: self._tokenizer.count([text])[0])
            rewriter = Rewriter(self._settings, self._prompt, questions, self._cache, connection, counts)
            try:
                await rewriter.run(documents, noting)
            finally:
                note(last=True)


def cache_folder(out: Path) -> Path:
    """Where the answers of the builds in an output folder are kept: outside stage folders, which settings rename."""
    return out / "cache" / "refine"


def _settings(loaded: LoadedRecipe) -> RefineSettings:
    settings = loaded.recipe.refine
    assert settings is not None
    return settings


def _prompt(loaded: LoadedRecipe) -> Prompt:
    """The recipe's prompt: a shipped one by its name, or a file beside the recipe."""
    name = _settings(loaded).prompt
    path = loaded.resolve(name)
    return load_prompt(path if path.is_file() else name)
