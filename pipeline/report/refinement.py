"""The refinement in the report: verdicts by reason, what it cost, scores before and after, and rewrites to read."""

import heapq
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow.parquet as pq
import xxhash

from pipeline.refine.align import align
from pipeline.refine.reading import read
from pipeline.report.files import CorpusFiles, rows
from pipeline.report.visible import Piece, excerpt, visible
from pipeline.trace import stage_files

SAMPLES = 6
_PARAGRAPH_CHARS = 1200
_PARAGRAPHS = 40
_LINE_CHARS = 300
_BATCH_ROWS = 1 << 16

Cell = tuple[tuple[Piece, bool], ...]
"""A paragraph in pieces; a formula is marked when the other side does not have it."""


@dataclass(frozen=True)
class Reason:
    """Documents that met a reason at any try, and what became of them."""

    name: str
    raised: int
    accepted: int
    kept_original: int
    dropped: int


@dataclass(frozen=True)
class Scores:
    """A classifier's scores of the replaced texts: means, medians, and the share (0..1) that a rewrite raised."""

    name: str
    documents: int
    before: float
    after: float
    median_before: float
    median_after: float
    raised: float


@dataclass(frozen=True)
class Sample:
    """An original and its rewrite, paragraph by paragraph; `why` is empty for an accepted one."""

    id: str
    title: str
    url: str
    why: str
    pairs: tuple[tuple[Cell | None, Cell | None, bool], ...]
    """What was, what is, and whether that is the same."""


@dataclass(frozen=True)
class Refinement:
    """All of it. `facts` are (label, value) on tokens, requests and cost."""

    refiner: str
    prompt: str | None
    verdicts: tuple[tuple[str, int], ...]
    documents: int
    reasons: tuple[Reason, ...]
    facts: tuple[tuple[str, str], ...]
    scores: tuple[Scores, ...]
    accepted: tuple[Sample, ...]
    refused: tuple[Sample, ...]


def refinement(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> Refinement | None:
    """The refinement of a corpus; None where it has none, or where its stage folder is not beside it."""
    summary = files.manifest.refinement
    paths = stage_files(files.manifest, files.folder, "verdicts").get("refine", [])
    if summary is None or not paths:
        return None
    accepted, refused = _chosen(paths, files.manifest.recipe.xxh3_128)
    return Refinement(
        refiner=visible(summary.refiner, _LINE_CHARS),
        prompt=summary.prompt,
        verdicts=tuple(sorted(summary.verdicts.items())),
        documents=sum(summary.verdicts.values()),
        reasons=_reasons(paths, connection),
        facts=_facts(files),
        scores=_scores(paths, connection),
        accepted=_samples(files, paths, connection, accepted),
        refused=_samples(files, paths, connection, refused),
    )


def _reasons(paths: list[str], connection: duckdb.DuckDBPyConnection) -> tuple[Reason, ...]:
    query = """SELECT reason, action, count(*) AS documents
        FROM (SELECT unnest(raised) AS reason, action FROM FILES) GROUP BY reason, action"""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(connection, query, paths):
        found[row["reason"]][row["action"]] = row["documents"]
    reasons = [
        Reason(name, counts.total(), counts["accept"], counts["keep_original"], counts["drop"])
        for name, counts in found.items()
    ]
    return tuple(sorted(reasons, key=lambda reason: (-reason.raised, reason.name)))


def _scores(paths: list[str], connection: duckdb.DuckDBPyConnection) -> tuple[Scores, ...]:
    query = """SELECT s.name AS name, count(*) AS documents, avg(s.before) AS before, avg(s.after) AS after,
            median(s.before) AS median_before, median(s.after) AS median_after,
            avg(CAST(s.after > s.before AS INTEGER)) AS raised
        FROM (SELECT unnest(scores) AS s FROM FILES) GROUP BY s.name ORDER BY s.name"""
    # Rounded: a sum of floats depends on the order in which threads add.
    figures = ("before", "after", "median_before", "median_after", "raised")
    return tuple(
        Scores(row["name"], row["documents"], *(round(row[name], 4) for name in figures))
        for row in rows(connection, query, paths)
    )


def _facts(files: CorpusFiles) -> tuple[tuple[str, str], ...]:
    summary = files.manifest.refinement
    assert summary is not None
    if not summary.answers:
        return ()
    settings = files.manifest.recipe.settings["refine"]
    kept = files.manifest.totals.tokens
    facts = [
        ("answers", f"{summary.answers:,}"),
        ("tokens in", f"{summary.prompt_tokens:,}"),
        ("tokens out", f"{summary.completion_tokens:,}"),
    ]
    if prices := settings["prices"]:
        price = (
            summary.prompt_tokens * prices["input_per_million"]
            + summary.completion_tokens * prices["output_per_million"]
        )
        facts += [
            ("price of the answers", f"{price / 1e6:,.2f}"),
            ("per 1B kept tokens", f"{1e3 * price / kept:,.0f}" if kept else "–"),
        ]
    traffic = _traffic(files)
    wall_s = sum(part["wall_s"] for part in traffic)
    if traffic:
        retries = sum((Counter(part["retries"]) for part in traffic), Counter[str]())
        paid = sum(part["completion_tokens"] for part in traffic)
        facts += [
            ("requests", f"{sum(part['requests'] for part in traffic):,}"),
            ("tries repeated", ", ".join(f"{reason} {count:,}" for reason, count in retries.most_common(4)) or "0"),
            ("tokens out per second and task", f"{paid / wall_s:,.1f}" if wall_s else "–"),
        ]
    if (server := settings["server"]) and server["gpus"]:
        hours = wall_s * server["gpus"] / 3600
        facts += [
            ("GPU hours", f"{hours:,.2f}"),
            ("GPU hours per 1B kept tokens", f"{1e9 * hours / kept:,.0f}" if kept else "–"),
        ]
    return tuple(facts)


def _traffic(files: CorpusFiles) -> list[dict[str, Any]]:
    (stage,) = (stage for stage in files.manifest.stages if stage.name == "refine")
    folder = files.folder / stage.folder / "traffic"
    paths = [folder / f"{part}.json" for part in sorted(files.parts("refine"))]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def _chosen(paths: list[str], seed: str) -> tuple[list[str], list[str]]:
    """Ids of replaced and of refused documents, by a hash; of the refused one reason after the other."""
    heaps: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=["id", "action", "reasons", "attempts", "scores"]):
                for row in batch.to_pylist():
                    if row["action"] != "accept" or row["scores"]:
                        kind = "" if row["action"] == "accept" else row["reasons"][0]
                        draw = xxhash.xxh3_64_intdigest(f"{row['id']}\n{seed}")
                        heapq.heappush(heaps[kind], (-draw, row["id"]))
                        if len(heaps[kind]) > SAMPLES:
                            heapq.heappop(heaps[kind])
    ids = {kind: [id_ for _, id_ in sorted(heap, reverse=True)] for kind, heap in sorted(heaps.items())}
    accepted = ids.pop("", [])
    turns = [kind[turn] for turn in range(SAMPLES) for kind in ids.values() if turn < len(kind)]
    return accepted, turns[:SAMPLES]


def _samples(
    files: CorpusFiles, paths: list[str], connection: duckdb.DuckDBPyConnection, ids: list[str]
) -> tuple[Sample, ...]:
    if not ids:
        return ()
    marks = ", ".join("?" * len(ids))
    query = f"SELECT id, reasons, original, refused, action FROM FILES WHERE id IN ({marks})"
    verdicts = {row["id"]: row for row in rows(connection, query, paths, *ids)}
    query = f"""SELECT coalesce(parent, id) AS id, any_value(title) AS title, any_value(url) AS url,
            string_agg(text, chr(10) || chr(10) ORDER BY id) AS text
        FROM FILES WHERE id IN ({marks}) OR parent IN ({marks}) GROUP BY coalesce(parent, id)"""
    written = {row["id"]: row for row in rows(connection, query, files.data("refine"), *ids, *ids)}
    before = f"SELECT id, title, url, text FROM FILES WHERE id IN ({marks})"
    originals = {row["id"]: row for row in rows(connection, before, files.before("refine"), *ids)}
    samples = []
    for id_ in ids:
        verdict, document = verdicts[id_], originals[id_]
        accepted = verdict["action"] == "accept"
        after = written[id_]["text"] if accepted else verdict["refused"] or ""
        why = "" if accepted else f"{', '.join(verdict['reasons'])}: {verdict['action'].replace('_', ' ')}"
        samples.append(
            Sample(
                id=id_,
                title=visible(document["title"], _LINE_CHARS),
                url=visible(document["url"], _LINE_CHARS),
                why=why,
                pairs=_pairs(document["text"], after),
            )
        )
    return tuple(samples)


def _pairs(original: str, rewrite: str) -> tuple[tuple[Cell | None, Cell | None, bool], ...]:
    here, there = _formulas(original), _formulas(rewrite)
    pairs = align(original, rewrite)[:_PARAGRAPHS]
    return tuple((_cell(pair.before, there), _cell(pair.after, here), pair.same) for pair in pairs)


def _cell(text: str | None, other: frozenset[str]) -> Cell | None:
    if text is None:
        return None
    pieces = excerpt(text, _PARAGRAPH_CHARS).pieces
    return tuple((piece, piece.kind in {"inline", "display"} and _bare(piece.text) not in other) for piece in pieces)


def _formulas(text: str) -> frozenset[str]:
    return frozenset(_bare(formula) for formula in read(text).formulas)


def _bare(formula: str) -> str:
    return "".join(formula.strip("$").split())
