"""The sample on disk: drawn once, read by every run that asks for the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.annotate.pages import batches
from pipeline.annotate.sample import Taken, find_strata, opening, take
from pipeline.annotate.settings import AnnotateSettings
from pipeline.files import digest, parquet_file, read_json, write_json
from pipeline.inputs import InputFile
from pipeline.ledger import Tally
from pipeline.progress import Reporter
from pipeline.shard.tokenizer import TokenCounter

_VERSION = 1
"""Raised by hand when another sample can come of the same documents and settings."""
_SAMPLE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("year", pa.string(), nullable=False),
        pa.field("stratum", pa.string(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
_BATCH_ROWS = 64


@dataclass(frozen=True)
class Sample:
    """The documents of a sample, and what was counted while it was drawn: `in`, `dropped` by reason, `strata`."""

    path: Path
    counted: dict[str, Any]

    @property
    def documents(self) -> int:
        """How many there are."""
        return int(pq.ParquetFile(self.path).metadata.num_rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The documents in order; `text` is what is scored, `tokens` and `chars` are of the whole."""
        for batch in pq.ParquetFile(self.path).iter_batches(_BATCH_ROWS):
            yield from batch.to_pylist()


def draw(
    files: list[InputFile], settings: AnnotateSettings, out: Path, tokens: TokenCounter, reporter: Reporter
) -> Sample:
    """The sample in `out`: drawn now, unless a former run did; its name is a digest of what it depends on."""
    shaped_by = [settings.documents, settings.stratify, settings.seed, settings.chars, tokens.identity.xxh3_128]
    key = digest([_VERSION, [file.identity for file in files], *shaped_by])[:16]
    path, counted = out / f"sample-{key}.parquet", out / f"sample-{key}.json"
    if not counted.is_file():
        total, tally = sum(file.bytes for file in files), Tally()
        with reporter.phase("sample", 2 * total, 0) as on_progress:
            strata = find_strata(files, settings, on_progress)
            taken = take(files, settings, strata, tally, lambda done: on_progress(total + done))
            with parquet_file(out, path.name, _SAMPLE) as sample:
                for batch in batches(taken, _BATCH_ROWS):
                    sample.write(_table(batch, settings.chars, tokens))
        found = {name: {"documents": stratum.documents} for name, stratum in sorted(strata.items())}
        write_json(counted, {"in": tally.records_in, "dropped": dict(tally.dropped), "strata": found})
    return Sample(path, read_json(counted))


def _table(batch: list[Taken], chars: int, tokens: TokenCounter) -> pa.Table:
    counts = tokens.count([taken.page.text for taken in batch])
    rows = [
        {
            "id": page.id,
            "url": page.url,
            "source": page.source,
            "year": page.year,
            "stratum": stratum,
            "weight": weight,
            "tokens": count,
            "chars": len(page.text),
            "text": opening(page.text, chars),
        }
        for (page, stratum, weight), count in zip(batch, counts, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=_SAMPLE)
