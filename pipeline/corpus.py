"""What makes finished stages a corpus: the lists, the report, the dataset card and, last, the manifest."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.files import digest, file_digest, parquet_file, write_json, write_text
from pipeline.recipe import LoadedRecipe
from pipeline.refine.stage import RefineStage
from pipeline.report import render_report
from pipeline.shard.card import render_card
from pipeline.shard.manifest import Listing, Manifest, RecipeIdentity, Shard, StageSummary, Totals
from pipeline.shard.mask import Masked
from pipeline.shard.stage import ShardStage
from pipeline.stage import PartRecord, Stage

INPUTS = pa.schema(
    [
        ("file", pa.string()),
        ("part", pa.string()),
        ("bytes", pa.int64()),
        ("xxh3_128", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("records", pa.int64()),
        ("documents", pa.int64()),
    ]
)
"""The list of input files: `status` is ok, empty, unreadable, not_warc, not_parquet or no_column; `records` begun and
`documents` kept. Several HTML files are one part."""
LEDGERS = pa.schema(
    [
        ("stage", pa.string()),
        ("part", pa.string()),
        ("label", pa.string()),
        ("in", pa.int64()),
        ("kept", pa.int64()),
        ("written", pa.int64()),
        ("dropped", pa.map_(pa.string(), pa.int64())),
    ]
)
"""The ledger of every part of every stage; `written` is null where a stage writes one document for each it keeps."""


def finish_corpus(loaded: LoadedRecipe, out: Path, stages: list[Stage]) -> Manifest:
    """Write lists, report, card and manifest over done stages; a manifest that would only change its time stays."""
    shard_stage = stages[-1]
    assert isinstance(shard_stage, ShardStage)
    records = {stage.name: _records(stage) for stage in stages}
    lists = shard_stage.folder.relative_to(out)
    settings = loaded.recipe.model_dump(mode="json")
    manifest = Manifest(
        schema_version=1,
        name=loaded.recipe.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=version("mathmill"),
        recipe=RecipeIdentity(settings=settings, xxh3_128=digest(settings)),
        tokenizer=shard_stage.tokenizer.identity,
        totals=Totals(
            documents=sum(record.outputs["data"].rows for record in records["shard"]),
            tokens=sum(record.info["tokens"] for record in records["shard"]),
            bytes=sum(record.info["text_bytes"] for record in records["shard"]),
            formulas=sum(record.info["formulas"] for record in records["shard"]),
        ),
        shards=tuple(_shard(shard_stage, record, out) for record in records["shard"]),
        stages=tuple(
            StageSummary(
                name=stage.name,
                folder=stage.folder.relative_to(out).as_posix(),
                fingerprint=stage.fingerprint,
                ledger=stage.ledger().as_json(),
            )
            for stage in stages
        ),
        inputs=_listing(out, f"{lists}/inputs.parquet", INPUTS, _input_rows(records["extract"])),
        ledgers=_listing(out, f"{lists}/ledgers.parquet", LEDGERS, _ledger_rows(records)),
        nondeterministic=tuple(sorted(id_ for record in records["extract"] for id_ in record.nondeterministic)),
        refinement=next((stage.summary() for stage in stages if isinstance(stage, RefineStage)), None),
        masked=sum((Masked(**record.info["masked"]) for record in records["shard"]), Masked()),
    )
    if not _stands(out, manifest):
        (out / "manifest.json").unlink(missing_ok=True)
        write_text(out / "report.html", render_report(manifest, out))
        write_text(out / "README.md", render_card(manifest))
        write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    return Manifest.load(out)


def _records(stage: Stage) -> list[PartRecord]:
    return [PartRecord.model_validate(record, strict=False) for record in stage.done()["records"]]


def _shard(stage: ShardStage, record: PartRecord, out: Path) -> Shard:
    output, info = record.outputs["data"], record.info
    return Shard(
        path=(stage.folder / output.path).relative_to(out).as_posix(),
        rows=output.rows,
        tokens=info["tokens"],
        bytes=output.bytes,
        xxh3_128=output.xxh3_128,
        sha256=info["sha256"],
        first_id=info["first_id"],
        last_id=info["last_id"],
    )


def _input_rows(records: list[PartRecord]) -> Iterable[dict[str, Any]]:
    for record in records:
        assert record.ledger is not None
        if "files" in record.info:
            yield from ({"part": record.part, **file} for file in record.info["files"])
            continue
        counts = {"records": record.ledger.records_in, "documents": record.ledger.kept}
        yield {"part": record.part, "file": record.label, **record.info, **counts}


def _ledger_rows(records: dict[str, list[PartRecord]]) -> Iterable[dict[str, Any]]:
    for stage, parts in records.items():
        for record in parts:
            assert record.ledger is not None
            yield {"stage": stage, "part": record.part, "label": record.label, **record.ledger.as_json()}


def _listing(out: Path, path: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> Listing:
    ordered = [
        {**row, "dropped": list(row["dropped"].items())} if "dropped" in row else row
        for row in sorted(rows, key=lambda row: (row.get("stage", ""), row.get("file") or row["part"]))
    ]
    rows_now = pa.Table.from_pylist(ordered, schema=schema)
    if not ((out / path).is_file() and pq.read_table(out / path).equals(rows_now)):
        with parquet_file(out, path, schema) as file:
            file.write(rows_now)
    return Listing(path=path, rows=len(ordered), xxh3_128=file_digest(out / path))


def _stands(out: Path, manifest: Manifest) -> bool:
    """Whether the manifest there says the same, its time apart, and the report and card are there too."""
    if not all((out / name).is_file() for name in ("manifest.json", "report.html", "README.md")):
        return False
    return Manifest.load(out).model_dump(exclude={"created"}) == manifest.model_dump(exclude={"created"})
