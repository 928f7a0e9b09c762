"""Files that are whole or absent: written under a temporary name, fsynced, renamed; and the digests that name them."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from pipeline.frozen import Frozen

CHUNK = 1 << 20


class Output(Frozen):
    """A finished Parquet file: `path` relative to its stage folder, sizes, and the xxh3_128 of its bytes."""

    path: str
    rows: int
    bytes: int
    xxh3_128: str


def canonical(value: Any) -> bytes:
    """JSON bytes with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """xxh3_128 (32 hex digits) of a JSON-like value."""
    return xxhash.xxh3_128_hexdigest(canonical(value))


def file_digest(path: Path) -> str:
    """xxh3_128 (32 hex digits) of a file's bytes."""
    hasher = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def writer() -> str:
    """What tells this process from every other that may write to the same folder: its host and id."""
    return f"{socket.gethostname()}.{os.getpid()}"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is fsynced and renamed, on any error removed.

    The temporary name carries host and process, so that a second writer never shares it (a task whose node was lost
    may go on beside the one that replaces it); leftovers of killed writers are removed when their stage next starts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{writer()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Fsync a folder: what was made or renamed in it stays after a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, keys in the order given, indented for people."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed writers left under `folder`. Call it only while no writer runs there."""
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)


class ParquetFile:
    """A Parquet file under construction: one declared schema, row groups of bounded size. See `parquet_file`."""

    def __init__(self, path: str, writer: pq.ParquetWriter, schema: pa.Schema, row_group_bytes: int) -> None:
        self._path, self._writer, self._schema, self._row_group_bytes = path, writer, schema, row_group_bytes
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0
        self._rows = 0
        self._output: Output | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows; they reach the file when a row group is full. A table of another schema raises ValueError."""
        if table.schema != self._schema:
            raise ValueError(f"{self._path}: a table does not have the declared schema: {table.schema}")
        self._pending.append(table)
        self._pending_bytes += table.nbytes
        self._rows += table.num_rows
        if self._pending_bytes >= self._row_group_bytes:
            self._flush()

    def _flush(self) -> None:
        rows = pa.concat_tables(self._pending).combine_chunks() if self._pending else None
        if rows is not None and rows.num_rows:
            self._writer.write_table(rows, row_group_size=rows.num_rows)
        self._pending, self._pending_bytes = [], 0

    def _close(self, temporary: Path) -> None:
        self._output = Output(
            path=self._path, rows=self._rows, bytes=temporary.stat().st_size, xxh3_128=file_digest(temporary)
        )

    @property
    def output(self) -> Output:
        """The finished file. Only after the `with` block."""
        assert self._output is not None, "the file is not finished"
        return self._output


@contextmanager
def parquet_file(folder: Path, path: str, schema: pa.Schema, row_group_bytes: int = 16 << 20) -> Iterator[ParquetFile]:
    """Open `folder/path` (zstd) for writing; nothing stands there before a clean exit, then `.output` describes it."""
    with atomic_path(folder / path) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="zstd", write_page_index=True) as writer:
            file = ParquetFile(path, writer, schema, row_group_bytes)
            yield file
            file._flush()
        file._close(temporary)
