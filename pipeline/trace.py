"""Where a document came from and what every stage decided on it: by id or by URL, kept or dropped."""

import glob
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline.errors import BuildFailed
from pipeline.refine.align import align, in_lines
from pipeline.scores import stored_scores
from pipeline.shard.manifest import Manifest
from pipeline.shard.stage import shard_of

_ID = re.compile(r"[0-9a-f]{32}")
_COLUMNS = "* EXCLUDE (text), length(text) AS chars"


@dataclass(frozen=True)
class Trace:
    """One capture's way through the stages."""

    document: dict[str, Any]
    """Its columns as last written (without text, with `chars`); of a page that gave no document, its origin alone."""
    left_at: str | None
    """The stage that left it out; None when it is in the corpus, in `shard`."""
    reason: str | None = None
    value: str | None = None
    survivor: str | None = None
    """The id of the document that stands for it."""
    shard: str | None = None
    stands_for: tuple[dict[str, Any], ...] = ()
    """The captures it stands for, as the dedup stage dropped them."""
    verdict: dict[str, Any] | None = None
    """What the refine stage said of it (`pipeline.refine.verdicts`); None where there is no such stage."""
    diff: tuple[str, ...] = ()
    """Its original text beside its text, where that was rewritten: `-` what was, `+` what is."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where it and those it stands for came from, by id, where that is no WARC."""


def trace(manifest: Manifest, key: str) -> list[Trace]:
    """Every capture that `key` (a 32-digit id, or a URL) names; empty when the build never saw it.

    Raises:
        BuildFailed: the corpus is not whole.
    """
    if problems := manifest.verify():
        raise BuildFailed("\n".join(problems))
    column = "id" if _ID.fullmatch(key) else "url"
    found = [*_kept(manifest, column, key), *_left_out(manifest, column, key)]
    rows = [row for item in found for row in (item.document, *item.stands_for) if row["warc_file"] is None]
    ids = {id_ for row in rows for id_ in (row["id"], row.get("parent")) if id_ is not None}
    places = places_of(manifest, manifest.folder, ids)
    return [replace(item, places=places) for item in found]


def places_of(manifest: Manifest, folder: Path, ids: Collection[str]) -> dict[str, str]:
    """Input file and row of the ids that came from no WARC, in words; several where rows share an id."""
    files = stage_files(manifest, folder, "origins").get("extract", [])
    if not files or not ids:
        return {}
    query = f"SELECT * FROM read_parquet(?) WHERE id IN ({', '.join('?' * len(ids))}) ORDER BY id, file, row"
    places: dict[str, list[str]] = {}
    for origin in _rows(query, files, *sorted(ids)):
        row = "" if origin["row"] is None else f", row {origin['row']}"
        places.setdefault(origin["id"], []).append(f"{origin['file']}{row}")
    return {id_: "; ".join(found) for id_, found in places.items()}


def explain(manifest: Manifest, key: str) -> str:
    """The traces of `key` as text for people; raises LookupError when the build never saw it."""
    traces = trace(manifest, key)
    if not traces:
        raise LookupError(f"{key}: no document of {manifest.folder} has this id or URL, kept or dropped")
    return "\n\n".join(_paragraph(manifest, item) for item in traces)


def _kept(manifest: Manifest, column: str, key: str) -> list[Trace]:
    shards = manifest.shards
    if column == "id":
        shards = (shards[shard_of(key, len(shards))],)
    found = []
    for shard in shards:
        query = f"SELECT {_COLUMNS} FROM read_parquet(?) WHERE {column} = ? ORDER BY id"
        file = str(manifest.folder / shard.path)
        for document in _rows(query, [file], key):
            others = tuple(row for _, row in _dropped(manifest, "survivor", document["id"]))
            verdict = _verdict(manifest, document)
            diff: tuple[str, ...] = ()
            if verdict is not None and verdict["original"] is not None:
                (text,) = _rows("SELECT text FROM read_parquet(?) WHERE id = ?", [file], document["id"])
                diff = tuple(in_lines(align(verdict["original"], text["text"])))
            found.append(Trace(document, None, shard=shard.path, stands_for=others, verdict=verdict, diff=diff))
    return found


def _verdict(manifest: Manifest, document: dict[str, Any]) -> dict[str, Any] | None:
    """The refine stage's row of a document, or of the one that it was made of."""
    files = stage_files(manifest, manifest.folder, "verdicts").get("refine", [])
    if not files:
        return None
    rows = _rows("SELECT * FROM read_parquet(?) WHERE id = ?", files, document["parent"] or document["id"])
    return rows[0] if rows else None


def _left_out(manifest: Manifest, column: str, key: str) -> list[Trace]:
    found = []
    for stage, row in _dropped(manifest, column, key):
        document = _before(manifest, stage, row) or row
        found.append(Trace(document, stage, row["reason"], row["value"], row["survivor"]))
    return found


def _dropped(manifest: Manifest, column: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    """Rows of every stage's `dropped/`, with the stage's name."""
    query = f"SELECT * FROM read_parquet(?) WHERE {column} = ? ORDER BY warc_file, warc_offset"
    files = stage_files(manifest, manifest.folder, "dropped")
    return [(stage, row) for stage in files for row in _rows(query, files[stage], key)]


def _before(manifest: Manifest, stage: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """The document that a stage dropped, as the stage before wrote it; None when there was none before."""
    names = [summary.name for summary in manifest.stages]
    position = names.index(stage)
    if position == 0:
        return None
    files = stage_files(manifest, manifest.folder, "data")[names[position - 1]]
    query = f"SELECT {_COLUMNS} FROM read_parquet(?) WHERE id = ? AND warc_file IS NOT DISTINCT FROM ? "
    query += "AND warc_offset IS NOT DISTINCT FROM ?"
    return _rows(query, files, row["id"], row["warc_file"], row["warc_offset"])[0]


def stage_files(manifest: Manifest, folder: Path, kind: str) -> dict[str, list[str]]:
    """The `kind` files of each stage that has any: of this build's parts alone, since builds share stage folders.

    `folder` is the corpus folder: a manifest that is not written yet does not know it.
    """
    folders = {stage.name: folder / stage.folder / kind for stage in manifest.stages}
    files: dict[str, list[str]] = {}
    for row in pq.read_table(folder / manifest.ledgers.path, columns=["stage", "part"]).to_pylist():
        path = folders[row["stage"]] / f"{row['part']}.parquet"
        if path.is_file():
            files.setdefault(row["stage"], []).append(str(path))
    return files


def _rows(query: str, files: list[str], *values: Any) -> list[dict[str, Any]]:
    """The rows of a query that reads `files` (its first parameter) and compares with `values`."""
    parameters = [[glob.escape(file) for file in files], *values]
    with duckdb.connect() as connection:
        rows: list[dict[str, Any]] = connection.sql(query, params=parameters).to_arrow_table().to_pylist()
        return rows


def _paragraph(manifest: Manifest, item: Trace) -> str:
    """One capture's way, a line per stage."""
    row = item.document
    lines = [f"id        {row['id']}", f"url       {row['url']}"]
    place = _place(item, row)
    if row.get("warc_length") is not None:
        date = row["date"]
        when = f"{date.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if date is not None else "at a time not recorded"
        place += f", {row['warc_length']} bytes, captured {when}"
        lines += [f"capture   {place}", f"payload   {row['payload_digest']}"]
    elif row["warc_file"] is None:
        lines.append(f"source    {place}")
    else:
        lines.append(f"capture   {place}")
    for stage in manifest.stages:
        if stage.name == item.left_at:
            value = f" ({item.value})" if item.value is not None else ""
            lines.append(f"{stage.name:<9} left out: {item.reason}{value}")
            break
        if stage.name == "refine" and item.verdict is not None:
            lines.append(f"{stage.name:<9} kept: " + _refinement(item.verdict, row["refiner"]))
            lines += [f"          {line}" for line in item.diff]
            continue
        lines.append(f"{stage.name:<9} kept" + _decision(stage.name, row, manifest.recipe.settings["filter"]))
    if item.survivor is not None:
        lines.append(f"          {item.survivor} stands for it")
    if item.shard is not None:
        lines.append(f"          in {item.shard}")
    for other in item.stands_for:
        lines.append(f"          stands for {other['id']} {other['url']} ({other['reason']}; {_place(item, other)})")
    return "\n".join(lines)


def _place(item: Trace, row: dict[str, Any]) -> str:
    if row["warc_file"] is not None:
        return f"{row['warc_file']} at byte {row['warc_offset']}"
    return item.places.get(row["id"]) or item.places.get(row.get("parent") or "") or "not recorded here"


def _refinement(verdict: dict[str, Any], refiner: str | None) -> str:
    """The verdict on a document in words."""
    values = {entry["name"]: entry["value"] for entry in verdict["values"]}
    tries = f" in {verdict['attempts']} tries" if verdict["attempts"] > 1 else ""
    if verdict["action"] == "accept":
        refused = f", refused before: {', '.join(verdict['raised'])}" if verdict["raised"] else ""
        return f"by {refiner}{tries}{refused}"
    reasons = ", ".join(f"{reason} {values[reason]:g}" if reason in values else reason for reason in verdict["reasons"])
    return f"as it was{tries}, the rewrite was refused: {reasons}"


def _decision(stage: str, row: dict[str, Any], thresholds: dict[str, Any]) -> str:
    """What a stage saw in a document that it kept."""
    if stage == "extract" and "chars" in row:
        made = f", by {row['extractor']}" if row["extractor"] is not None else ""
        return f": {row['chars']} characters, {row['formulas']} formulas{made}"
    if stage == "filter" and "math_score" in row:
        return (
            f": {row['language']} {row['language_score']:.3f} (at least {thresholds['min_language_score']}), "
            f"math {row['math_score']:.3f} (at least {thresholds['min_math_score']})"
            + _further(row, thresholds.get("min_scores", {}))
        )
    if stage == "dedup" and row.get("duplicates") is not None:
        return f": a cluster of {row['duplicates']}"
    if stage == "shard" and row.get("tokens") is not None:
        return f": {row['tokens']} tokens"
    return ""


def _further(row: dict[str, Any], thresholds: dict[str, float]) -> str:
    """The scores of further classifiers, those with a threshold beside it."""
    return "".join(
        f", {name} {score:.3f}" + (f" (at least {thresholds[name]})" if name in thresholds else "")
        for name, score in sorted(stored_scores(row).items())
        if score is not None
    )
