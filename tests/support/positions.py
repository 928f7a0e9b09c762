"""Position folders with known contents, without a proxy model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.files import parquet_file, write_json
from training.rpt.positions import (
    BIN,
    MANIFEST,
    SCHEMA,
    Histogram,
    PositionManifest,
    PositionTotals,
    ProxyIdentity,
    TokensIdentity,
)
from training.tokens import TokenManifest


def write_positions(
    folder: Path, tokens: TokenManifest, rows: Sequence[tuple[int, int, float]], *, floor: float = 0.0
) -> PositionManifest:
    """Write `rows` (document, offset, entropy) as all the measured positions of `tokens`; full entropies are twice."""
    rows = sorted(rows)
    stored = [row for row in rows if np.float32(row[2]) >= floor]
    content = [
        {
            "document": document,
            "offset": offset,
            "entropy": entropy,
            "full_entropy": 2 * entropy,
            "logprob": -entropy,
            "correct": False,
        }
        for document, offset, entropy in stored
    ]
    with parquet_file(folder, "data/00000.parquet", SCHEMA) as file:
        file.write(pa.Table.from_pylist(content, schema=SCHEMA))
    with parquet_file(folder, "samples.parquet", SCHEMA) as samples:
        pass
    values = np.array([row[2] for row in rows], np.float32).astype(np.float64)
    manifest = PositionManifest(
        schema_version=1,
        name=tokens.name,
        tokens=TokensIdentity(name=tokens.name, xxh3_128=tokens.digest, location=str(tokens.folder)),
        tokenizer=tokens.tokenizer,
        proxy=ProxyIdentity(name="none", xxh3_128="0" * 32, parameters=0, dtype="float32"),
        top=16,
        context=64,
        floor=floor,
        totals=PositionTotals(
            documents=tokens.totals.documents,
            tokens=tokens.totals.tokens,
            positions=len(rows),
            stored=len(stored),
            correct=0,
            mean_entropy=float(values.mean()),
            mean_full_entropy=float(2 * values.mean()),
            loss=float(values.mean()),
        ),
        entropy=Histogram(width=BIN, counts=tuple(np.bincount((values / BIN).astype(int)).tolist())),
        full_entropy=Histogram(width=BIN, counts=tuple(np.bincount((2 * values / BIN).astype(int)).tolist())),
        files=(file.output,),
        samples=samples.output,
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return PositionManifest.load(folder)
