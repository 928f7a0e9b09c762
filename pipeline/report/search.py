"""The index that the report's search looks in: one line per document, compressed into the page itself."""

import base64
import gzip
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from pipeline.report.files import CorpusFiles, rows
from pipeline.report.funnel import NOT_PAGES
from pipeline.report.visible import visible

INDEXED = 100_000
"""Documents of the corpus, and as many left-out pages, that the index holds at the most (about 4 MB each)."""
_URL_CHARS = 300


@dataclass(frozen=True)
class SearchIndex:
    """`data` is base64 of gzip of UTF-8 lines `id TAB url TAB what became of it`, ordered by id.

    Of a larger corpus the documents with the smallest ids stand in it: ids are random, so it is a fair sample.
    """

    data: str
    documents: int
    documents_in_all: int
    left_out: int
    left_out_in_all: int

    @property
    def whole(self) -> bool:
        """Whether the index holds every document and every left-out page."""
        return (self.documents, self.left_out) == (self.documents_in_all, self.left_out_in_all)


def search_index(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> SearchIndex:
    """The index of a corpus; records that are no pages are not in it."""
    kept = sorted(_kept(files, connection))
    left_out = sorted(_left_out(files, connection))[:INDEXED]
    lines = "".join(f"{line}\n" for line in sorted([*kept, *left_out]))
    in_all = sum(
        count
        for stage in files.manifest.stages
        for reason, count in stage.ledger["dropped"].items()
        if reason not in NOT_PAGES
    )
    return SearchIndex(
        data=base64.b64encode(gzip.compress(lines.encode(), mtime=0)).decode(),
        documents=len(kept),
        documents_in_all=files.manifest.totals.documents,
        left_out=len(left_out),
        left_out_in_all=in_all,
    )


def _kept(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    query = f"""SELECT id, left(url, {_URL_CHARS}) AS url, tokens, math_score FROM FILES ORDER BY id LIMIT {INDEXED}"""
    for row in rows(connection, query, files.shards):
        score = "" if row["math_score"] is None else f", math {row['math_score']:.3f}"
        yield _line(row["id"], row["url"], f"in the corpus: {row['tokens'] or 0:,} tokens{score}")


def _left_out(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    apart = ", ".join(f"'{reason}'" for reason in sorted(NOT_PAGES))
    query = f"""
        SELECT id, left(url, {_URL_CHARS}) AS url, reason, left(value, 80) AS value, survivor FROM FILES
        WHERE reason NOT IN ({apart}) AND (id IS NOT NULL OR url IS NOT NULL)
        ORDER BY id, url, reason LIMIT {INDEXED}"""
    for stage in files.manifest.stages:
        for row in rows(connection, query, files.dropped.get(stage.name, ())):
            value = f" ({row['value']})" if row["value"] else ""
            stays = f", {row['survivor']} stands for it" if row["survivor"] else ""
            yield _line(row["id"], row["url"], f"left out at {stage.name}: {row['reason']}{value}{stays}")


def _line(id_: str | None, url: str | None, fate: str) -> str:
    return "\t".join(visible(field, _URL_CHARS).replace("\t", " ") for field in (id_, url, fate))
