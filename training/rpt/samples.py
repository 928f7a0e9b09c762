"""Positions for people to look at: where each stands, what comes next, and what the proxy expected."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from pipeline.files import Output, parquet_file
from training.documents import DocumentTokens
from training.loss import IGNORE
from training.order import Permutation
from training.rl.token_bytes import TokenBytes
from training.rpt.characters import Characters
from training.rpt.entropy import EntropyModel
from training.rpt.pieces import Piece, piece_rows, window_start
from training.trace import document_origins

FILE = "samples.parquet"
SAMPLES = 20
_BEFORE, _AFTER, _GUESSES = 80, 16, 5
"""Tokens shown before and behind a position, and guesses of the proxy."""
SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        ("offset", pa.int64()),
        ("entropy", pa.float32()),
        ("full_entropy", pa.float32()),
        ("logprob", pa.float32()),
        ("correct", pa.bool_()),
        ("id", pa.string()),
        ("url", pa.string()),
        ("before", pa.string()),
        ("after", pa.list_(pa.string())),
        ("guesses", pa.list_(pa.struct([("text", pa.string()), ("probability", pa.float32())]))),
    ]
)
"""A position with the text before it, the tokens behind it, and the proxy's likeliest tokens there."""

Row = dict[str, Any]


class Samples:
    """Chooses samples and asks the proxy; every process asks, since a sharded model needs them all.

    Args:
        documents: that the positions are in.
        vocabulary: bytes of their tokens.
        model: the proxy.
        context: tokens that it sees at once.
        device: where it computes.
    """

    def __init__(
        self,
        documents: DocumentTokens,
        vocabulary: TokenBytes,
        model: EntropyModel,
        context: int,
        device: torch.device,
    ) -> None:
        self._documents, self._vocabulary, self._model = documents, vocabulary, model
        self._context, self._device = context, device

    def make(self, folder: Path, files: Sequence[Output]) -> list[Row]:
        """`SAMPLES` of the stored positions where text can answer, or all of fewer; the lowest entropy first."""
        rows = self._chosen(folder, files)
        origins = document_origins(self._documents, np.unique([row["document"] for row in rows]).astype(np.int64))
        for row in rows:
            ids = self._documents.read(row["document"])
            name, _, _, url = origins[row["document"]]
            offset = row["offset"]
            row |= {
                "id": name,
                "url": url,
                "before": self._text(ids[max(0, offset - _BEFORE) : offset].tolist()),
                "after": [self._text([token]) for token in ids[offset : offset + _AFTER].tolist()],
                "guesses": self._guesses(ids, offset),
            }
        return sorted(rows, key=lambda row: (row["entropy"], row["document"], row["offset"]))

    def _chosen(self, folder: Path, files: Sequence[Output]) -> list[Row]:
        """The first rows of a seeded order of all."""
        ends = np.cumsum([0, *(file.rows for file in files)])
        if not ends[-1]:
            return []
        characters = Characters(self._vocabulary, self._documents)
        permutation = Permutation(int(ends[-1]), f"{self._documents.manifest.digest}:samples")
        tables: dict[int, pa.Table] = {}
        found: list[Row] = []
        for number in permutation(np.arange(min(int(ends[-1]), 8 * SAMPLES))).tolist():
            file = int(np.searchsorted(ends, number, side="right")) - 1
            if file not in tables:
                tables[file] = pq.read_table(folder / files[file].path)
            (row,) = tables[file].slice(number - int(ends[file]), 1).to_pylist()
            at = np.array([row["offset"]])
            if characters.reachable(np.array([row["document"]]), at)[0] == row["offset"]:
                found.append(row)
            if len(found) == SAMPLES:
                break
        return found

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _guesses(self, ids: np.ndarray, offset: int) -> list[Row]:
        start = window_start(offset, self._context)
        labels = np.full(offset - start, IGNORE)
        labels[-1] = ids[offset]
        piece = Piece(0, start, ids[start:offset], labels)
        count = min(_GUESSES, self._model.model.config.vocab_size)
        best = self._model(piece_rows([piece], self._device), guesses=count)[0].tolist()
        return [{"text": self._text([int(token)]), "probability": probability} for probability, token in best]

    def _text(self, ids: list[int]) -> str:
        """Tokens as text; bytes that are no characters as `\\xe2`, special tokens as they are written."""
        raw = self._vocabulary.response(ids)
        if len(ids) > 1:
            while raw and 0x80 <= raw[0] < 0xC0:  # the end of a character that was cut
                raw = raw[1:]
        return raw.decode("utf-8", "backslashreplace")


def write_samples(folder: Path, rows: list[Row]) -> Output:
    """Write the samples of a position folder."""
    with parquet_file(folder, FILE, SCHEMA) as file:
        file.write(pa.Table.from_pylist(rows, schema=SCHEMA))
    return file.output
