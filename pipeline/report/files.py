"""The Parquet files of a corpus as the report reads them: through DuckDB, out of core, in a fixed order."""

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.shard.manifest import Manifest
from pipeline.trace import stage_files

_MEMORY = "512MB"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CorpusFiles:
    """Where the rows of a corpus lie: its lists, shards, and the `data/` and `dropped/` files of each stage's parts.

    A corpus that was copied without its stage folders has shards only: the other lists are then empty.

    Raises:
        BadInput: a shard or a list of the manifest is missing.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self.manifest, self.folder = manifest, folder
        for path in (manifest.inputs.path, manifest.ledgers.path, *(shard.path for shard in manifest.shards)):
            if not (folder / path).is_file():
                raise BadInput(f"{folder / path}: missing, though {manifest.name} names it; build or copy it again")
        self.shards = [str(folder / shard.path) for shard in manifest.shards]
        self.dropped = stage_files(manifest, folder, "dropped")
        self._data = stage_files(manifest, folder, "data")
        self._parts = pq.read_table(folder / manifest.ledgers.path, columns=["stage", "part", "dropped"]).to_pylist()

    def data(self, stage: str) -> list[str]:
        """The `data/` files of this build's parts of a stage."""
        return self._data.get(stage, [])

    def parts(self, stage: str) -> set[str]:
        """The names of this build's parts of a stage's last phase."""
        return {row["part"] for row in self._parts if row["stage"] == stage}

    def reasons(self, stage: str) -> dict[str, dict[str, int]]:
        """The `dropped/` files of a stage, with how many rows of each reason a file holds."""
        counts = {row["part"]: dict(row["dropped"]) for row in self._parts if row["stage"] == stage}
        return {path: counts[Path(path).stem] for path in self.dropped.get(stage, [])}

    def before(self, stage: str) -> list[str]:
        """The `data/` files that a stage read; none for the first stage."""
        names = [summary.name for summary in self.manifest.stages]
        position = names.index(stage)
        return self.data(names[position - 1]) if position else []

    def inputs(self) -> list[dict[str, Any]]:
        """The rows of the input list."""
        rows: list[dict[str, Any]] = pq.read_table(self.folder / self.manifest.inputs.path).to_pylist()
        return rows


def day(milliseconds: int | None) -> str | None:
    """The ISO day of DuckDB's `epoch_ms` of a date: unlike a cast to DATE, it knows no local time."""
    return None if milliseconds is None else (_EPOCH + timedelta(milliseconds=milliseconds)).date().isoformat()


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with bounded memory that spills to a temporary folder and loads nothing from outside."""
    with tempfile.TemporaryDirectory(prefix="mathmill-report-") as folder:
        settings = {
            "memory_limit": _MEMORY,
            "threads": min(4, len(os.sched_getaffinity(0))),  # each thread takes its share of the memory
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=settings) as connection:
            yield connection


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, paths: Sequence[str], *parameters: Any
) -> list[dict[str, Any]]:
    """The rows of a query over files; it reads them as `FILES`. No files: no rows.

    A result whose order matters has to be ordered by the query.
    """
    if not paths:
        return []
    files = [glob.escape(path) for path in paths]  # a folder may be called `crawl[1]`
    result = connection.execute(query.replace("FILES", "read_parquet(?)"), [files, *parameters])
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
