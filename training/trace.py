"""The documents of a training step, back to where they came from."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput
from training.data import MixtureData, open_mixture
from training.documents import DocumentTokens
from training.run import load_run

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


def is_rpt_run(folder: Path) -> bool:
    """Whether a folder is that of an RPT run with a checkpoint."""
    records = sorted(folder.glob("step-*/done.json"))
    return bool(records) and "positions" in json.loads(records[-1].read_text(encoding="utf-8"))["run"]


def open_run(target: str, overrides: tuple[str, ...] = ()) -> tuple[MixtureData, int]:
    """The data of a run and its sequences per step.

    `target` is a run file, the name of a shipped run, or the folder that a run writes; of a folder the newest
    checkpoint says which run it is (a relative mixture is then looked for from the working directory).

    Raises:
        BadInput: there is no such run, or the mixture no longer gives the order that the run was trained in.
    """
    folder = Path(target)
    records = sorted(folder.glob("step-*/done.json"))
    if not folder.is_dir():
        loaded = load_run(target, overrides)
        return open_mixture(loaded.mixture(loaded.run.mixture), verify=False), loaded.run.sequences_per_step
    if not records:
        raise BadInput(f"{target}: no complete checkpoint of a run in it; give the run file")
    record = json.loads(records[-1].read_text(encoding="utf-8"))
    if "mixture" not in record["run"]:
        raise BadInput(f"{target}: a run of RL on answers, which reads no documents; see its rollouts/")
    data = open_mixture(record["run"]["mixture"], overrides, verify=False)
    if data.order_digest != record["order_digest"]:
        raise BadInput(
            f"{records[-1]}: order_digest: {record['order_digest']!r}: the mixture {data.loaded.path} now gives "
            f"{data.order_digest}; restore the mixture and its tokens, or name the old ones with --set"
        )
    return data, int(record["run"]["sequences_per_step"])


def trace_step(data: MixtureData, step: int, sequences_per_step: int) -> list[Segment]:
    """Every piece of a document that step `step` (from 0) trains on, in the order of the batch."""
    first = step * sequences_per_step
    batch = data.sequences(first, sequences_per_step)
    origins = {}
    for number, part in enumerate(data.parts):
        rows = np.flatnonzero(batch.component == number)
        if len(rows):
            ordinals = np.unique(np.concatenate([batch.documents[row] for row in rows]))
            origins[number] = document_origins(part, ordinals)
    segments = []
    for row in range(sequences_per_step):
        number = int(batch.component[row])
        sizes = np.diff(batch.cu_seqlens[row]).tolist()
        pieces = zip(batch.documents[row].tolist(), batch.offsets[row].tolist(), sizes, strict=True)
        for document, offset, size in pieces:
            name, file, place, url = origins[number][document]
            segments.append(Segment(first + row, data.components[number], offset, size, name, file, place, url))
    return segments


def document_origins(part: DocumentTokens, ordinals: np.ndarray) -> dict[int, tuple[str, str, int, str | None]]:
    """Id, file, row and URL (null where the source has none, or is out of reach) of documents by ordinal."""
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


def _rows(part: DocumentTokens, file: str, rows: set[int]) -> dict[int, dict[str, object]]:
    from training.tokenize.rows import rows_at

    source = part.manifest.source
    if source.kind == "hub":
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(source.location, file, repo_type="dataset", revision=source.revision))
    else:
        path = Path(os.path.normpath(part.manifest.folder / source.location / file))
    return rows_at(path, rows, _COLUMNS) if path.is_file() else {}
