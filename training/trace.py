"""The documents of a training step, back to where they came from."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.component import ComponentData
from training.data import MixtureData

_COLUMNS = ["url"]


@dataclass(frozen=True)
class Segment:
    """A piece of a document in a training sequence."""

    sequence: int
    """Index in the training order."""
    component: str
    first: int
    """First token of the piece in its document."""
    tokens: int
    id: str
    """32 hex digits, as in the token shards."""
    file: str
    row: int
    url: str | None
    """Null where the source has none, or its file is out of reach."""

    def __str__(self) -> str:
        piece = f"{self.first}–{self.first + self.tokens}"
        return f"{self.sequence}\t{self.component}\t{piece}\t{self.id}\t{self.url or f'{self.file} row {self.row}'}"


def trace_step(data: MixtureData, step: int, sequences_per_step: int) -> list[Segment]:
    """Every piece of a document that step `step` (from 0) trains on, in the order of the batch."""
    first = step * sequences_per_step
    batch = data.sequences(first, sequences_per_step)
    origins = {}
    for number, part in enumerate(data.parts):
        rows = np.flatnonzero(batch.component == number)
        if len(rows):
            ordinals = np.unique(np.concatenate([batch.documents[row] for row in rows]))
            origins[number] = _origins(part, ordinals)
    segments = []
    for row in range(sequences_per_step):
        number = int(batch.component[row])
        sizes = np.diff(batch.cu_seqlens[row]).tolist()
        pieces = zip(batch.documents[row].tolist(), batch.offsets[row].tolist(), sizes, strict=True)
        for document, offset, size in pieces:
            name, file, place, url = origins[number][document]
            segments.append(Segment(first + row, data.components[number], offset, size, name, file, place, url))
    return segments


def _origins(part: ComponentData, ordinals: np.ndarray) -> dict[int, tuple[str, str, int, str | None]]:
    """Id, file, row and URL of documents by ordinal."""
    records = part.origins(ordinals)
    source = part.manifest.source
    found: dict[int, tuple[str, str, int, str | None]] = {}
    for number in np.unique(records["file"]).tolist():
        here = records["file"] == number
        rows = set(records["row"][here].tolist())
        file = source.files[number].path
        columns = _rows(part, file, rows)
        for ordinal, record in zip(ordinals[here].tolist(), records[here], strict=True):
            row = int(record["row"])
            url = columns.get(row, {}).get("url")
            found[ordinal] = (bytes(record["id"]).hex(), file, row, url if isinstance(url, str) else None)
    return found


def _rows(part: ComponentData, file: str, rows: set[int]) -> dict[int, dict[str, object]]:
    from training.tokenize.rows import rows_at

    source = part.manifest.source
    if source.kind == "hub":
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(source.location, file, repo_type="dataset", revision=source.revision))
    else:
        path = Path(os.path.normpath(part.manifest.folder / source.location / file))
    return rows_at(path, rows, _COLUMNS) if path.is_file() else {}
