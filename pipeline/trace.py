"""Where a document came from and what every stage decided on it: by id or by URL, kept or dropped."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline.shard.manifest import Manifest
from pipeline.shard.stage import shard_of

_ID = re.compile(r"[0-9a-f]{32}")
_ORIGIN = "id, url, warc_file, warc_offset"


@dataclass(frozen=True)
class Trace:
    """One capture's way. `document` is its row in the corpus (without text), None when it was left out."""

    document: dict[str, Any] | None
    shard: str | None
    dropped: dict[str, Any] | None
    stage: str | None
    stands_for: list[dict[str, Any]]


def trace(manifest: Manifest, key: str) -> list[Trace]:
    """Every capture that `key` (a 32-digit id, or a URL) names; empty when the build never saw it."""
    column = "id" if _ID.fullmatch(key) else "url"
    kept = _kept(manifest, column, key)
    traces = [
        Trace(document, shard, None, None, _dropped(manifest, "survivor", document["id"])) for document, shard in kept
    ]
    for row in _dropped(manifest, column, key):
        traces.append(Trace(None, None, row, row["stage"], []))
    return traces


def explain(manifest: Manifest, key: str) -> str:
    """The traces of `key` as text for people; raises LookupError when the build never saw it."""
    traces = trace(manifest, key)
    if not traces:
        raise LookupError(f"{key}: no document of {manifest.folder} has this id or URL, kept or dropped")
    return "\n\n".join(_paragraph(manifest, item) for item in traces)


def _kept(manifest: Manifest, column: str, key: str) -> list[tuple[dict[str, Any], str]]:
    shards = manifest.shards
    if column == "id":
        shards = (shards[shard_of(key, len(shards))],)
    found = []
    for shard in shards:
        path = str(manifest.folder / shard.path)
        query = f"SELECT * EXCLUDE (text), length(text) AS chars FROM read_parquet(?) WHERE {column} = ? ORDER BY id"
        found += [(row, shard.path) for row in _rows(query, [path, key])]
    return found


def _dropped(manifest: Manifest, column: str, key: str) -> list[dict[str, Any]]:
    """Rows of every stage's `dropped/`, with the stage's name."""
    found = []
    for stage, files in dropped_files(manifest, manifest.folder).items():
        query = f"SELECT {_ORIGIN}, reason, value, survivor FROM read_parquet(?) WHERE {column} = ?"
        rows = _rows(f"{query} ORDER BY warc_file, warc_offset", [files, key])
        found += [{**row, "stage": stage} for row in rows]
    return found


def dropped_files(manifest: Manifest, folder: Path) -> dict[str, list[str]]:
    """The `dropped/` files of each stage that has any: of this build's parts alone, since stages share their folder.

    `folder` is the corpus folder: a manifest that is not written yet does not know it.
    """
    folders = {stage.name: folder / stage.folder / "dropped" for stage in manifest.stages}
    files: dict[str, list[str]] = {}
    for row in pq.read_table(folder / manifest.ledgers.path, columns=["stage", "part"]).to_pylist():
        path = folders[row["stage"]] / f"{row['part']}.parquet"
        if path.is_file():
            files.setdefault(row["stage"], []).append(str(path))
    return files


def _rows(query: str, parameters: list[Any]) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        result = connection.execute(query, parameters)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _paragraph(manifest: Manifest, item: Trace) -> str:
    row = item.document or item.dropped
    assert row is not None
    lines = [f"id        {row['id']}", f"url       {row['url']}"]
    lines.append(f"capture   {row['warc_file']} at byte {row['warc_offset']}")
    document = item.document
    if document is None:
        lines += _fate(manifest, item)
        return "\n".join(lines)
    settings = manifest.recipe.settings["filter"]
    lines[2] += f", {document['warc_length']} bytes, captured {document['date']}"
    lines += [
        f"payload   {document['payload_digest']}",
        f"extract   kept: {document['chars']} characters, {document['formulas']} formulas, by {document['extractor']}",
        f"filter    kept: {document['language']} {document['language_score']:.3f} (at least "
        f"{settings['min_language_score']}), math {document['math_score']:.3f} (at least {settings['min_math_score']})",
        f"dedup     kept: stands for {document['duplicates']} document(s), itself included",
    ]
    lines += [
        f"            {other['reason']}: {other['id']} {other['url']} ({other['warc_file']} at {other['warc_offset']})"
        for other in item.stands_for
    ]
    lines.append(f"shard     {item.shard}, {document['tokens']} tokens")
    return "\n".join(lines)


def _fate(manifest: Manifest, item: Trace) -> list[str]:
    row = item.dropped
    assert row is not None
    passed = [stage.name for stage in manifest.stages]
    lines = [f"{name:<9} kept" for name in passed[: passed.index(item.stage or "")]]
    value = f" ({row['value']})" if row["value"] is not None else ""
    lines.append(f"{item.stage:<9} left out: {row['reason']}{value}")
    if row["survivor"] is not None:
        lines.append(f"            {row['survivor']} stands for it")
    return lines
