"""The positions of a step of an RPT run, back to where their documents came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.config import validate
from pipeline.errors import BadInput
from training.checkpoint import complete_checkpoints, read_record
from training.rl.answers import answers_path, read_answers
from training.rl.lessons import lessons_path
from training.rpt.settings import LoadedRptRun, RptRun
from training.rpt.setup import open_documents
from training.rpt.train import RptRecord
from training.trace import document_origins


@dataclass(frozen=True)
class Place:
    """A position that a step asked at, or learned from."""

    document: int
    """Ordinal in the token manifest."""
    offset: int
    """First token that was asked for."""
    what: str
    """How many answers were right, of how many; `warm-up` of a step that only learned."""
    id: str
    """32 hex digits, as in the token shards."""
    file: str
    row: int
    url: str | None
    """Null where the source has none, or its file is out of reach."""

    def __str__(self) -> str:
        place = self.url or f"{self.file} row {self.row}"
        return f"{self.document}\t{self.offset}\t{self.what}\t{self.id}\t{place}"


def trace_rpt_step(folder: Path, step: int, overrides: tuple[str, ...] = ()) -> list[Place]:
    """The positions of step `step` (from 0), group by group.

    Relative paths of the run are looked for from the working directory.

    Args:
        folder: of the run.
        step: which.
        overrides: of the run: where its tokens are now.

    Raises:
        BadInput: the run has no such step, or its tokens are not there any more.
    """
    values = read_record(complete_checkpoints(folder)[-1], RptRecord).run.model_dump(mode="json")
    run = validate(RptRun, str(folder), values, overrides)
    documents, _ = open_documents(LoadedRptRun(run, Path("run.yaml")))
    found = list(_stored(folder, step + 1))
    if not found:
        raise BadInput(f"{folder}: step {step}: nothing is stored of it; its steps are from 0 to {run.num_steps - 1}")
    origins = document_origins(documents, np.unique([document for document, _, _ in found]))
    return [Place(document, offset, what, *origins[document]) for document, offset, what in found]


def _stored(folder: Path, done: int) -> Iterator[tuple[int, int, str]]:
    """Document, offset and what came of it, of what the step before `done` stored."""
    if lessons_path(folder, done).is_file():
        for row in pq.read_table(lessons_path(folder, done), columns=["document", "offset"]).to_pylist():
            if row["document"] is not None:
                yield row["document"], row["offset"] or 0, "warm-up"
    if answers_path(folder, done).is_file():
        answers = read_answers(answers_path(folder, done))
        for group in sorted({answer.group for answer in answers}):
            mine = [answer for answer in answers if answer.group == group]
            right = sum(answer.correct for answer in mine)
            assert mine[0].document is not None
            assert mine[0].offset is not None
            yield mine[0].document, mine[0].offset, f"{right}/{len(mine)} right"
