"""The filter stage: thresholds on the columns that extract stored, then questions of benchmarks in the text."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.document import DROPPED, SCHEMA
from pipeline.filter.decontaminate import Questions, load_questions
from pipeline.ledger import Tally
from pipeline.recipe import FilterSettings, LoadedRecipe
from pipeline.scores import below, is_below, refuse_unset, stored_scores
from pipeline.stage import Part, PartRecord, Phase, Stage, Workspace

_BATCH_ROWS = 1024


class FilterStage(Stage):
    """Keeps what passes every threshold and holds no benchmark; the first rule that a document fails is its reason."""

    name = "filter"
    version = 1

    @classmethod
    def check(cls, loaded: LoadedRecipe) -> None:
        """Refuse benchmarks that cannot be read, and thresholds on scores that nothing sets."""
        refuse_unset(loaded)
        if (settings := loaded.recipe.filter.decontaminate) is not None:
            load_questions(loaded, settings)

    def identity(self) -> dict[str, Any]:
        """Settings, how the columns were made, and the questions."""
        assert self.upstream is not None
        settings = self.recipe.filter
        identity = {
            "settings": settings.model_dump(mode="json", exclude=_not_identity(settings)),
            "upstream": self.upstream.fingerprint,
        }
        if settings.decontaminate is not None:
            identity["questions"] = load_questions(self.loaded, settings.decontaminate).digest
        return identity

    def phases(self) -> list[Phase]:
        """One phase, a part per part of the stage before."""
        return [Phase("thresholds", self.map_parts, self._filter)]

    def _filter(self, part: Part, workspace: Workspace) -> PartRecord:
        tally = Tally()
        settings = self.recipe.filter
        questions = None if settings.decontaminate is None else load_questions(self.loaded, settings.decontaminate)
        source = pq.ParquetFile(part.data["path"])
        with workspace.parquet("data", SCHEMA) as data, workspace.parquet("dropped", DROPPED) as dropped:
            for batch in source.iter_batches(_BATCH_ROWS):
                documents = pa.Table.from_batches([batch])
                verdicts = [_verdict(settings, *row) for row in _columns(documents)]
                if settings.min_scores:
                    further = documents.select(["quality_score", "scores"]).to_pylist()
                    verdicts = [
                        verdict if verdict[0] is not None else _below(settings, row)
                        for verdict, row in zip(verdicts, further, strict=True)
                    ]
                if questions is not None:
                    texts = documents["text"].to_pylist()
                    verdicts = [
                        verdict if verdict[0] is not None else _contamination(questions, text)
                        for verdict, text in zip(verdicts, texts, strict=True)
                    ]
                keep = pa.array([reason is None for reason, _ in verdicts])
                gone = documents.select(["id", "url", "warc_file", "warc_offset"])
                for name, column in (
                    ("reason", [reason for reason, _ in verdicts]),
                    ("value", [value for _, value in verdicts]),
                    ("survivor", [None] * len(verdicts)),
                ):
                    gone = gone.append_column(DROPPED.field(name), pa.array(column, pa.string()))
                data.write(documents.filter(keep))
                dropped.write(gone.filter(pc.invert(keep)).cast(DROPPED))
                tally.records_in += len(verdicts)
                tally.kept += sum(reason is None for reason, _ in verdicts)
                tally.dropped.update(reason for reason, _ in verdicts if reason is not None)
                workspace.progress(part.bytes * tally.records_in // max(source.metadata.num_rows, 1))
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=tally.ledger(),
            outputs={"data": data.output, "dropped": dropped.output},
        )


def _not_identity(settings: FilterSettings) -> set[str]:
    """Questions go by their digest; and without thresholds on further scores the identity is that of before."""
    return {"decontaminate"} if settings.min_scores else {"decontaminate", "min_scores"}


def _columns(documents: pa.Table) -> Any:
    columns = [documents[name].to_pylist() for name in ("language", "language_score", "math_score")]
    return zip(pc.utf8_length(documents["text"]).to_pylist(), *columns, strict=True)


def _verdict(
    settings: FilterSettings, chars: int, language: str | None, language_score: float | None, math_score: float | None
) -> tuple[str | None, str | None]:
    """The first threshold that refuses, with the value that decided; (None, None) when all pass."""
    if chars < settings.min_chars:
        return "too_short", str(chars)
    if chars > settings.max_chars:
        return "too_long", str(chars)
    if settings.languages and language not in settings.languages:
        return "language", f"{language} {language_score:.3f}" if language_score is not None else str(language)
    if is_below(language_score or 0.0, settings.min_language_score):
        return "language_score", f"{language} {language_score or 0.0:.3f}"
    if is_below(math_score or 0.0, settings.min_math_score):
        return "math", f"{math_score or 0.0:.3f}"
    return None, None


def _below(settings: FilterSettings, document: dict[str, Any]) -> tuple[str | None, str | None]:
    found = below(stored_scores(document), settings.min_scores)
    if found is None:
        return None, None
    name, score = found
    return f"score_{name}", "none" if score is None else f"{score:.3f}"


def _contamination(questions: Questions, text: str) -> tuple[str | None, str | None]:
    found = questions.find(text)
    return (None, None) if found is None else ("contaminated", found)
