"""`mathmill classifier annotate`: a sample, its scores, and a ledger of every document.

In the output folder: `annotations.jsonl` (a row for each scored document), `unscored.jsonl` (the others of the sample,
each with its reason and last answer), `summary.json`, written last; and for runs to come `answers/` (paid once) and
`sample-….parquet`. The output is a function of the documents, the settings and the answers.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TextIO

from pipeline.annotate.asking import Annotator, Row, Spent, question
from pipeline.annotate.drawn import draw
from pipeline.annotate.rubric import Judged, Rubric, load_rubric
from pipeline.annotate.sample import find_strata, opening, take
from pipeline.annotate.settings import AnnotateSettings
from pipeline.annotate.summary import Strata
from pipeline.files import atomic_path, file_digest, write_json
from pipeline.inputs import InputFile
from pipeline.ledger import Tally
from pipeline.lock import output_lock
from pipeline.progress import Reporter
from pipeline.serving.cache import AnswerCache
from pipeline.serving.connection import Connection
from pipeline.shard.tokenizer import TokenCounter, find_tokenizer

_TOKENIZER = "mathmill-bpe-8k"


class Annotation:
    """One sample of some documents, scored with one rubric by one model, in one folder."""

    def __init__(self, files: list[InputFile], settings: AnnotateSettings, out: Path, reporter: Reporter) -> None:
        """Raises BadInput where the rubric is not there."""
        self._files, self._settings, self._out, self._reporter = files, settings, out, reporter
        self.rubric: Rubric = load_rubric(settings.rubric)
        tokenizer, identity, _ = find_tokenizer(_TOKENIZER, Path(_TOKENIZER), "tokenizer")
        self._tokens = TokenCounter(tokenizer, identity)

    @property
    def answers(self) -> Path:
        """The folder of the answers."""
        return self._out / "answers"

    def run(self) -> dict[str, Any]:
        """Draw the sample, ask what is not answered yet, write everything; returns the summary.

        Raises:
            BadInput: another process holds the folder. ServerGone: the server cannot be used; the same call goes on.
        """
        with output_lock(self._out), closing(AnswerCache(self.answers)) as cache:
            sample = draw(self._files, self._settings, self._out, self._tokens, self._reporter)
            tally = Tally()
            tally.records_in, tally.dropped = sample.counted["in"], Counter(sample.counted["dropped"])
            spent, strata = Spent(), Strata(sample.counted["strata"], self.rubric)
            paths = {name: self._out / f"{name}.jsonl" for name in ("annotations", "unscored")}
            with (
                atomic_path(paths["annotations"]) as scored_path,
                atomic_path(paths["unscored"]) as unscored_path,
                scored_path.open("w", encoding="utf-8") as scored,
                unscored_path.open("w", encoding="utf-8") as unscored,
                self._reporter.phase("annotate", sample.documents, 0, strata.in_words, unit="documents") as on_progress,
            ):

                def write(row: Row, judged: Judged, answer: str) -> None:
                    strata.add(row["stratum"], judged)
                    if judged.score is None:
                        tally.dropped[judged.reason or "no_score"] += 1
                        _line(unscored, {name: row[name] for name in ("id", "url", "source", "year")}, judged, answer)
                    else:
                        tally.kept += 1
                        _line(scored, self._annotated(row, judged.score), judged)
                    on_progress(strata.judged)

                asyncio.run(self._ask(sample.rows(), write, cache, spent))
            summary = {
                "schema_version": 1,
                "settings": self._identity(),
                "rubric": {"name": self.rubric.head.name, "digest": self.rubric.digest},
                "documents": [{"file": file.name, "bytes": file.bytes} for file in self._files],
                "ledger": tally.ledger().as_json(),
                "strata": strata.as_json(),
                "scores": dict(sorted(strata.scores.items())),
                "answers": {"known": spent.known, "asked": spent.asked},
                "tokens": {"prompt": spent.prompt_tokens, "completion": spent.completion_tokens},
                "annotations": {"rows": tally.kept, "xxh3_128": file_digest(paths["annotations"])},
            }
            write_json(self._out / "summary.json", summary)
            return summary

    def plan(self) -> str:
        """What a run would ask and cost, as text; nothing is written."""
        strata = find_strata(self._files, self._settings)
        known = asked = tokens = 0
        with closing(AnswerCache(self.answers)) as cache:
            for taken in take(self._files, self._settings, strata, Tally()):
                request, body = question(self._settings, self.rubric, opening(taken.page.text, self._settings.chars))
                if request.key in cache:
                    known += 1
                else:
                    asked += 1
                    tokens += sum(self._tokens.count([message["content"] for message in body["messages"]]))
        lines = [f"{'':<10} {'documents':>12} {'to score':>9}"]
        lines += [f"{name:<10} {found.documents:>12,} {found.wanted:>9,}" for name, found in sorted(strata.items())]
        most = asked * self._settings.answer_tokens
        return "\n".join(
            [
                f"{self.rubric.name} by {self._settings.model}, from {len(self._files):,} files",
                *lines,
                f"{known:,} are answered already; {asked:,} to ask at least once:",
                f"  about {tokens:,} tokens of prompts (by {_TOKENIZER}), at most {most:,} of answers",
            ]
        )

    def _identity(self) -> dict[str, Any]:
        """The settings that shape the output."""
        names = {"rubric", "documents", "stratify", "seed", "chars", "attempts", "answer_tokens", "model", "revision"}
        return self._settings.model_dump(mode="json", include=names | {"sampling"})

    def _annotated(self, row: Row, score: int) -> Row:
        revision = f":{self._settings.revision}" if self._settings.revision else ""
        made_by = {"model": f"{self._settings.model}{revision}", "prompt": self.rubric.name}
        return {**row, "score": score, "label": self.rubric.label(score), **made_by}

    async def _ask(self, rows: Iterator[Row], write: Any, cache: AnswerCache, spent: Spent) -> None:
        with ExitStack() as stack:

            def place() -> Any:
                from pipeline.serving.client import Fixed
                from pipeline.serving.own import start_server

                if self._settings.base_url is not None:
                    return Fixed(self._settings.base_url.rstrip("/"))
                log = self._out / "logs" / f"server-{os.getpid()}.log"
                return stack.enter_context(closing(start_server(self._settings, log)))

            async with Connection(self._settings, place) as connection:
                await Annotator(self._settings, self.rubric, cache, connection, spent).run(rows, write)


def _line(file: TextIO, row: Row, judged: Judged, answer: str | None = None) -> None:
    said = {"justification": judged.justification} if answer is None else {"reason": judged.reason, "answer": answer}
    file.write(json.dumps({**row, **said}, ensure_ascii=False) + "\n")
