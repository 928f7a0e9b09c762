"""A small corpus on disk, as a build leaves it just before its manifest is written."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus import INPUTS, LEDGERS
from pipeline.document import DROPPED, SCHEMA, table
from pipeline.files import digest
from pipeline.recipe import Recipe
from pipeline.shard.manifest import Listing, Manifest, RecipeIdentity, Shard, StageSummary, Totals
from pipeline.shard.stage import shard_of
from pipeline.shard.tokenizer import TokenizerIdentity

Row = dict[str, Any]
MakeCorpus = Callable[..., Manifest]

NUM_SHARDS = 2
STAGES = ("extract", "filter", "dedup")
_FOLDERS = {
    "extract": "01-extract-aaaa",
    "filter": "02-filter-bbbb",
    "dedup": "03-dedup-cccc",
    "shard": "04-shard-dddd",
}


def document(number: int, **columns: Any) -> Row:
    """Document `number`, every column set unless overridden; its math score is number / 100."""
    host = f"host{number % 3}.example"
    return {
        "id": f"{number:032x}",
        "url": f"https://{host}/page/{number}",
        "host": host,
        "title": f"Lesson {number}",
        "text": f"Lesson {number}: let $x_{{{number}}} = 1$.\n\n$$\\int_0^1 x\\,dx$$\n\nDone.",
        "warc_file": "crawl/a.warc.gz",
        "warc_offset": number * 1000,
        "warc_length": 900,
        "language": "en",
        "language_score": 0.9,
        "math_score": (number % 100) / 100,
        "formulas": 2,
        "tokens": 30,
        "duplicates": 1,
        "extractor": "mathmill@1",
        "date": datetime(2024, 1, 1 + number % 28, tzinfo=UTC),
    } | columns


def left_out(number: int, stage: str, reason: str, **columns: Any) -> Row:
    """What `stage` wrote of document `number` when it left it out."""
    row = {key: document(number)[key] for key in ("id", "url", "warc_file", "warc_offset")}
    return row | {"reason": reason, "value": None, "survivor": None, "stage": stage} | columns


def write_corpus(
    out: Path,
    kept: Sequence[Row] = (),
    gone: Sequence[tuple[Row | None, Row]] = (),
    inputs: Sequence[Row] = (),
    settings: Row | None = None,
    parts: int = 1,
) -> Manifest:
    """Write a corpus of `kept` documents and of `gone` ones (the document or None, and its `left_out` row).

    Each stage has `parts` parts, over which its rows are dealt like cards.
    """
    ledgers: dict[str, Row] = {}
    part_rows: list[Row] = []
    flow = list(kept)
    for stage in reversed(STAGES):
        dropped = [row for _, row in gone if row["stage"] == stage]
        for part in range(parts):
            data, left = flow[part::parts], dropped[part::parts]
            _parquet(out, stage, f"data/part{part}", [{**row, "tokens": None} for row in data], SCHEMA)
            rows = [{key: value for key, value in row.items() if key != "stage"} for row in left]
            _parquet(out, stage, f"dropped/part{part}", rows, DROPPED)
            part_rows.append({"stage": stage, "part": f"part{part}", "label": "a", **_ledger(data, left)})
        ledgers[stage] = _ledger(flow, dropped)
        flow += [row for row, why in gone if why["stage"] == stage and row is not None]
    ledgers["shard"] = _ledger(kept, [])
    recipe = Recipe.model_validate({"name": "tiny", "inputs": ["crawl"], **(settings or {})}, strict=False)
    dumped = recipe.model_dump(mode="json")
    return Manifest(
        schema_version=1,
        name="tiny",
        created="2026-01-02T03:04:05+00:00",
        code_version="0.1.0",
        recipe=RecipeIdentity(settings=dumped, xxh3_128=digest(dumped)),
        tokenizer=TokenizerIdentity(name="letters", revision=None, xxh3_128="0" * 32),
        totals=Totals(
            documents=len(kept),
            tokens=sum(row["tokens"] for row in kept),
            bytes=sum(len(row["text"].encode()) for row in kept),
            formulas=sum(row["formulas"] for row in kept),
        ),
        shards=tuple(_shard(out, number, kept) for number in range(NUM_SHARDS)),
        stages=tuple(
            StageSummary(name=stage, folder=_FOLDERS[stage], fingerprint=stage[0] * 32, ledger=ledgers[stage])
            for stage in (*STAGES, "shard")
        ),
        inputs=_listing(out, "inputs.parquet", inputs or [input_file("a.warc.gz", "ok")], INPUTS),
        ledgers=_listing(
            out, "ledgers.parquet", [{**row, "dropped": list(row["dropped"].items())} for row in part_rows], LEDGERS
        ),
        nondeterministic=(),
    )


def _ledger(kept: Sequence[Row], dropped: Sequence[Row]) -> Row:
    reasons = dict(sorted(Counter(row["reason"] for row in dropped).items()))
    return {"in": len(kept) + len(dropped), "kept": len(kept), "dropped": reasons}


def input_file(file: str, status: str, records: int = 0) -> Row:
    """A row of the input list."""
    return {
        "file": file,
        "part": file,
        "bytes": 10,
        "xxh3_128": "0",
        "status": status,
        "records": records,
        "documents": 0,
    }


def _parquet(out: Path, stage: str, name: str, rows: list[Row], schema: pa.Schema) -> None:
    path = out / _FOLDERS[stage] / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows, schema), path)


def _shard(out: Path, number: int, kept: Sequence[Row]) -> Shard:
    path = f"{_FOLDERS['shard']}/data/train-{number:05d}.parquet"
    rows = sorted((row for row in kept if shard_of(row["id"], NUM_SHARDS) == number), key=lambda row: str(row["id"]))
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows), out / path)
    return Shard(
        path=path,
        rows=len(rows),
        tokens=sum(row["tokens"] for row in rows),
        bytes=(out / path).stat().st_size,
        xxh3_128="0" * 32,
        sha256="0" * 64,
        first_id=rows[0]["id"] if rows else None,
        last_id=rows[-1]["id"] if rows else None,
    )


def _listing(out: Path, path: str, rows: Sequence[Row], schema: pa.Schema) -> Listing:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), out / path)
    return Listing(path=path, rows=len(rows), xxh3_128="0" * 32)
