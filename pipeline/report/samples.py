"""Documents to read, kept and left-out ones, chosen by a hash of their identity: the same ones at every render."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import xxhash

from pipeline.report.files import CorpusFiles, day, rows
from pipeline.report.funnel import NOT_PAGES
from pipeline.report.visible import Excerpt, excerpt, visible
from pipeline.scores import stored_scores
from pipeline.shard.stage import shard_of
from pipeline.trace import places_of

SAMPLES = 20
TEXT_CHARS = 4000
_LINE_CHARS = 300
_OPENING_CHARS = 100
_BATCH_ROWS = 1 << 16
_ROWS = 2_000_000
_DOCUMENT = """id, url, title, text, length(text) AS chars, language, language_score, math_score, quality_score,
    scores, formulas, tokens, duplicates, epoch_ms(date) AS captured, warc_file, warc_offset"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Departure:
    """Where a document left and why; `survivor` is the duplicate that stayed."""

    stage: str
    reason: str
    value: str
    survivor: str


@dataclass(frozen=True)
class Sample:
    """A document to read. `facts` and `origin` are (label, value); `text` is None where none was extracted.

    `opening` is the beginning of the text in one line, `chars` its length.
    """

    title: str
    url: str
    facts: tuple[tuple[str, str], ...]
    origin: tuple[tuple[str, str], ...]
    text: Excerpt | None
    opening: str
    chars: int
    left: Departure | None


def kept_samples(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> list[Sample]:
    """The `SAMPLES` documents of the corpus with the smallest xxh3_64 of id and recipe digest, in that order."""
    seed = files.manifest.recipe.xxh3_128
    ids = (row["id"] for path in files.shards for row in _columns(path, ["id"]))
    chosen = heapq.nsmallest(SAMPLES, ((_draw(seed, id_), id_) for id_ in ids))
    found = _documents_by_id(files, connection, [id_ for _, id_ in chosen])
    places = _places(files, found.values())
    return [_sample(found[id_], places) for _, id_ in chosen]


def dropped_samples(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> list[Sample]:
    """`SAMPLES` left-out records, spread over the reasons: the reasons take turns, each in the order of its hashes.

    Records that are no pages have nothing to read: their reasons come after the others and give one record each.
    Where a stage left out more than `_ROWS` records, they are drawn from some of its files, themselves drawn by a hash.
    """
    chosen = _take_turns(_candidates(files))
    texts: dict[tuple[Any, ...], Row] = {}
    for stage in {row["stage"] for row in chosen}:
        texts |= _documents_by_capture(files, connection, stage, [row for row in chosen if row["stage"] == stage])
    survivors = _documents_by_id(files, connection, [row["survivor"] for row in chosen if row["survivor"] is not None])
    places = _places(files, chosen)
    return [_sample(texts.get(_capture(row)), places, row, survivors.get(row["survivor"])) for row in chosen]


def _draw(seed: str, *identity: Any) -> int:
    return xxhash.xxh3_64_intdigest("\n".join(map(str, (*identity, seed))))


def _columns(path: str, columns: list[str]) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()


def _capture(row: Row) -> tuple[Any, ...]:
    """What names a left-out record: ids repeat before dedup, a capture does not."""
    return row["stage"], row["id"], row["warc_file"], row["warc_offset"]


def _candidates(files: CorpusFiles) -> dict[tuple[int, str], list[Row]]:
    """The first `SAMPLES` left-out records of each (number of the stage, reason), by their hash."""
    seed = files.manifest.recipe.xxh3_128
    found: dict[tuple[int, str], list[tuple[int, int, Row]]] = defaultdict(list)
    order = itertools.count()
    columns = ["id", "url", "warc_file", "warc_offset", "reason", "value", "survivor"]
    for number, stage in enumerate(summary.name for summary in files.manifest.stages):
        for path in _drawn_files(files, stage):
            for row in _columns(path, columns):
                draw = _draw(seed, row["id"], row["warc_file"], row["warc_offset"])
                heap = found[number, row["reason"]]
                # A heap of the smallest hashes, negated: its root is the largest of them.
                if len(heap) < SAMPLES:
                    heapq.heappush(heap, (-draw, -next(order), row | {"stage": stage}))
                elif -heap[0][0] > draw:
                    heapq.heapreplace(heap, (-draw, -next(order), row | {"stage": stage}))
    return {key: [row for _, _, row in sorted(heap, reverse=True)] for key, heap in found.items()}


def _drawn_files(files: CorpusFiles, stage: str) -> Iterator[str]:
    """Files of `dropped/` in the order of their hashes: up to `_ROWS` rows, then those with a reason still rare."""
    seed = files.manifest.recipe.xxh3_128
    held = files.reasons(stage)
    seen: Counter[str] = Counter()
    for path in sorted(held, key=lambda path: (_draw(seed, Path(path).stem), path)):
        if seen.total() < _ROWS or any(count and seen[reason] < SAMPLES for reason, count in held[path].items()):
            yield path
            seen.update(held[path])


def _take_turns(candidates: dict[tuple[int, str], list[Row]]) -> list[Row]:
    pages = [rows for (_, reason), rows in sorted(candidates.items()) if reason not in NOT_PAGES]
    others = [rows[:1] for (_, reason), rows in sorted(candidates.items()) if reason in NOT_PAGES]
    turns: list[Row] = []
    for turn in range(SAMPLES):
        turns += [rows[turn] for rows in pages if turn < len(rows)]
        turns += [rows[turn] for rows in others if turn < len(rows)]
    return turns[:SAMPLES]


def _documents_by_id(files: CorpusFiles, connection: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, Row]:
    """Documents of the corpus, read from the shards that hold them."""
    if not files.shards:
        return {}
    shards = sorted({shard_of(id_, len(files.shards)) for id_ in ids})
    query = f"SELECT {_DOCUMENT} FROM FILES WHERE id IN ({_marks(ids)})"
    found = rows(connection, query, [files.shards[shard] for shard in shards], *ids)
    return {row["id"]: row for row in found}


def _documents_by_capture(
    files: CorpusFiles, connection: duckdb.DuckDBPyConnection, stage: str, dropped: list[Row]
) -> dict[tuple[Any, ...], Row]:
    """What a stage left out, as the stage before wrote it."""
    ids = [row["id"] for row in dropped]
    query = f"SELECT {_DOCUMENT} FROM FILES WHERE id IN ({_marks(ids)}) ORDER BY id, warc_file, warc_offset"
    found = rows(connection, query, files.before(stage), *ids)
    return {_capture(row | {"stage": stage}): row for row in found}


def _marks(values: list[str]) -> str:
    """Placeholders: an IN list of them, unlike a list value, lets DuckDB pass over row groups."""
    return ", ".join("?" * len(values))


def _places(files: CorpusFiles, documents: Iterable[Row]) -> dict[str, str]:
    """Where documents that are in no WARC came from."""
    ids = {row["id"] for row in documents if row["warc_file"] is None and row["id"] is not None}
    return places_of(files.manifest, files.folder, ids)


def _sample(
    document: Row | None, places: Mapping[str, str], dropped: Row | None = None, survivor: Row | None = None
) -> Sample:
    row = document or dropped
    assert row is not None
    text = row.get("text")
    language = (row.get("language"), _score(row.get("language_score")))
    facts = (
        ("math", _score(row.get("math_score"))),
        *_further(row),
        ("language", " ".join(filter(None, language))),
        ("formulas", _count(row.get("formulas"))),
        ("tokens", _count(row.get("tokens"))),
        ("stands for", _count(row.get("duplicates")) if (row.get("duplicates") or 0) > 1 else ""),
        ("captured", day(row.get("captured"))),
    )
    place = row["warc_file"] or places.get(row["id"])
    origin = (("id", row["id"]), ("file", place), ("offset", _count(row["warc_offset"])))
    return Sample(
        title=visible(row.get("title"), _LINE_CHARS),
        url=visible(row["url"], _LINE_CHARS),
        facts=_filled(facts),
        origin=_filled(origin),
        text=excerpt(text, TEXT_CHARS) if text is not None else None,
        opening=visible(" ".join((text or "")[:_LINE_CHARS].split()), _OPENING_CHARS),
        chars=row.get("chars") or 0,
        left=_departure(dropped, survivor) if dropped is not None else None,
    )


def _further(row: Row) -> list[tuple[str, str]]:
    """Scores of further classifiers; a row of what gave no document has none."""
    return [(name, _score(score)) for name, score in sorted(stored_scores(row).items())] if "scores" in row else []


def _departure(dropped: Row, survivor: Row | None) -> Departure:
    stays = f"{survivor['id']} {survivor['url'] or ''}" if survivor is not None else dropped["survivor"]
    return Departure(
        stage=dropped["stage"],
        reason=visible(dropped["reason"], _LINE_CHARS),
        value=visible(dropped["value"], _LINE_CHARS),
        survivor=visible(stays, _LINE_CHARS),
    )


def _filled(facts: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, visible(value, _LINE_CHARS)) for label, value in facts if value)


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
