"""Scores of documents by a classifier: Parquet files of scores, and what each threshold would keep."""

import glob
from pathlib import Path

import duckdb
import pyarrow as pa

from classifiers.evaluate import THRESHOLDS
from classifiers.model import Model
from pipeline.annotate.pages import Page, batches, read_pages
from pipeline.files import digest, parquet_file, remove_leftovers
from pipeline.inputs import InputFile
from pipeline.progress import Reporter

SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("year", pa.string(), nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
"""A row for each document, in the order of its file; `chars` is the length of its text."""
_BATCH_ROWS = 256
_SHOWN = THRESHOLDS[1::2]


def predict(model: Model, files: list[InputFile], out: Path, reporter: Reporter) -> list[Path]:
    """Score every document of `files`; returns the files of scores, in the order of `files`.

    A file of scores is named by a digest of model and documents and is whole once it stands there: what a former run
    has written is not made again.

    Raises:
        BadInput: a file of documents cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    remove_leftovers(out)
    paths = [out / f"{model.name}-{digest([model.digest, file.identity])[:16]}.parquet" for file in files]
    missing = [(file, path) for file, path in zip(files, paths, strict=True) if not path.is_file()]
    left = sum(file.bytes for file, _ in missing)
    total = sum(file.bytes for file in files)
    done = 0
    with reporter.phase("predict", total, total - left) as on_progress:
        for file, path in missing:
            pages = read_pages(file, lambda read, done=done: on_progress(done + read))  # type: ignore[misc]
            with parquet_file(out, path.name, SCORES) as scores:
                for batch in batches(pages, _BATCH_ROWS):
                    scores.write(_scored(model, [page for page in batch if isinstance(page, Page)]))
            done += file.bytes
            on_progress(done)
    return paths


def render_kept(paths: list[Path]) -> str:
    """Documents of each year, and the share of their text that each threshold keeps, as text."""
    columns = ", ".join(f"sum(chars) FILTER (score >= {threshold}) / sum(chars)" for threshold in _SHOWN)
    query = f"""
        SELECT coalesce(year, 'all') AS year, count(*), {columns} FROM read_parquet(?)
        GROUP BY GROUPING SETS ((year), ()) ORDER BY grouping(year), year"""
    with duckdb.connect() as connection:
        found = connection.execute(query, [[glob.escape(str(path)) for path in paths]]).fetchall()
    lines = [f"{'':<10} {'documents':>12} " + " ".join(f"{f'>={threshold}':>6}" for threshold in _SHOWN)]
    for year, documents, *kept in found:
        lines.append(f"{year:<10} {documents:>12,} " + " ".join(f"{share or 0:>6.1%}" for share in kept))
    return "\n".join(lines)


def _scored(model: Model, batch: list[Page]) -> pa.Table:
    scores = [round(score, 4) for score in model.score([page.text for page in batch])]
    rows = [
        {"id": page.id, "url": page.url, "year": page.year, "chars": len(page.text), "score": score}
        for page, score in zip(batch, scores, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)
