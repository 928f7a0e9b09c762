"""Outcomes to rows: documents, what was dropped, verdicts; and the totals of a part."""

from collections import Counter, defaultdict
from typing import Any

import xxhash

from pipeline.document import DROPPED, SCHEMA, table
from pipeline.files import ParquetFile, digest
from pipeline.ledger import Tally
from pipeline.refine.outcome import Outcome
from pipeline.refine.prompts import Prompt
from pipeline.refine.reading import read
from pipeline.refine.verdicts import VERDICTS, verdict_row
from pipeline.scores import MATH, Scorer, score_columns, stored_scores

_BATCH_ROWS = 256

Row = dict[str, Any]


class Writer:
    """Takes documents with their outcomes, in order."""

    def __init__(
        self,
        refiner: str,
        prompt: Prompt,
        scorer: Scorer,
        stored: frozenset[str],
        data: ParquetFile,
        dropped: ParquetFile,
        verdicts: ParquetFile,
    ) -> None:
        """`stored` names the classifiers whose scores of the original a document holds already."""
        self.tally = Tally()
        self._refiner, self._prompt, self._scorer, self._stored = refiner, prompt, scorer, stored
        self._files = ((data, SCHEMA), (dropped, DROPPED), (verdicts, VERDICTS))
        self._data: list[Row] = []
        self._dropped: list[Row] = []
        self._verdicts: list[Row] = []
        self._sums: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._answers = xxhash.xxh3_128()

    def take(self, document: Row, outcome: Outcome) -> None:
        """One document and what became of it."""
        scores: dict[str, tuple[float, float]] = {}
        written: list[Row] = []
        if outcome.action == "accept":
            written, scores = self._accepted(document, outcome)
        elif outcome.action == "keep_original":
            written = [document]
        else:
            self._drop(document, outcome)
        self._data += written
        self._verdicts.append(verdict_row(document["id"], document["text"], outcome, scores))
        self.tally.records_in += 1
        self.tally.kept += outcome.action != "drop"
        self._count(outcome, written)
        if len(self._verdicts) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is gathered."""
        for (file, schema), rows in zip(self._files, (self._data, self._dropped, self._verdicts), strict=True):
            if rows:
                file.write(table(rows, schema))
                rows.clear()

    def close(self) -> None:
        """Write the rest and close the ledger of the part."""
        self.flush()
        if self._sums["written"] != self.tally.kept:
            self.tally.written = self._sums["written"]

    def info(self) -> dict[str, Any]:
        """Totals of the part; `answers_xxh3_128` names every answer that it was made of."""
        return {
            **{name: self._sums[name] for name in ("text_bytes", "prompt_tokens", "completion_tokens", "answers")},
            "answers_xxh3_128": self._answers.hexdigest(),
            "verdicts": dict(sorted(self._actions.items())),
            "reasons": {reason: dict(sorted(counts.items())) for reason, counts in sorted(self._reasons.items())},
        }

    def _accepted(self, document: Row, outcome: Outcome) -> tuple[list[Row], dict[str, tuple[float, float]]]:
        """The documents that take the place of one, and its scores before and (on average) after."""
        after = [self._scorer.scores(text) for text in outcome.texts]
        several = self._prompt.mode == "extract_pairs"
        rows = []
        for index, (text, scores) in enumerate(zip(outcome.texts, after, strict=True)):
            row = document | {
                "text": text,
                "refiner": self._refiner,
                "formulas": len(read(text).formulas),
                "math_score": scores[MATH],
                **_further(document, scores),
            }
            if several:
                row |= {"id": digest([document["id"], self._prompt.digest, index]), "parent": document["id"]}
            rows.append(row)
        known = {name: score for name, score in stored_scores(document).items() if name in self._stored}
        before = self._scorer.scores(document["text"], known | {MATH: document["math_score"]})
        return rows, {
            name: (score, sum(scores[name] for scores in after) / len(after)) for name, score in before.items()
        }

    def _drop(self, document: Row, outcome: Outcome) -> None:
        reason, measured = outcome.reasons[0], dict(outcome.values)
        self._dropped.append(
            {name: document[name] for name in ("id", "url", "warc_file", "warc_offset")}
            | {"reason": reason, "value": f"{measured[reason]:g}" if reason in measured else None}
        )
        self.tally.dropped[reason] += 1

    def _count(self, outcome: Outcome, written: list[Row]) -> None:
        self._actions[outcome.action] += 1
        for reason in outcome.raised:
            self._reasons[reason][outcome.action] += 1
        self._sums["written"] += len(written)
        self._sums["text_bytes"] += sum(len(row["text"].encode("utf-8", "surrogatepass")) for row in written)
        self._sums["prompt_tokens"] += outcome.prompt_tokens
        self._sums["completion_tokens"] += outcome.completion_tokens
        self._sums["answers"] += len(outcome.answers)
        for answer in outcome.answers:
            self._answers.update(answer)


def _further(document: Row, scores: dict[str, float]) -> Row:
    """The columns of further scores, those of the recipe's further classifiers set anew."""
    kept = {name: score for name, score in stored_scores(document).items() if score is not None}
    return score_columns(kept | {name: score for name, score in scores.items() if name != MATH})
