"""Rows of a Parquet file, a few at a time."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from pipeline.files import CHUNK
from pipeline.texts.columns import Columns
from pipeline.texts.rows import Other, Row, Rows

_BATCH_ROWS = 64
_HEAD_ROWS = 1024
_BUFFER_BYTES = 8 << 20
"""Bytes of a column held at a time: a row group may be larger than memory."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_types = pa.types


class ParquetRows(Rows):
    """Row groups in order; what follows an error in one is a single unreadable row, and the next one goes on.

    Args:
        file: the file, seekable; its `read` gives all that it is asked for.
        columns: which columns to read.
        whole: read the file once to know its digest.
    """

    def __init__(self, file: BinaryIO, columns: Columns, *, whole: bool) -> None:
        self._file, self._columns, self._whole = file, columns, whole

    def __iter__(self) -> Iterator[Row]:
        """Every row."""
        size = self._file.seek(0, os.SEEK_END)
        if self._whole:
            self.xxh3_128 = _digest(self._file)
        if not size:
            self.status = "empty"
            return
        try:
            source = pq.ParquetFile(self._file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
            chosen = choose(self._columns, source.schema_arrow)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the names of columns are the file's, too
            if _of_the_machine(error):
                raise
            self.status, self.error = "not_parquet", _line(error)
            return
        if not ({"text", "html"} & chosen.keys()):
            self.status, self.error = "no_column", lacking(self._columns, source.schema_arrow.names)
            return
        yield from self._groups(source, chosen, size)

    def _groups(self, source: pq.ParquetFile, chosen: dict[str, str], size: int) -> Iterator[Row]:
        first, total = 0, max(source.metadata.num_rows, 1)
        for group in range(source.num_row_groups):
            end = first + source.metadata.row_group(group).num_rows
            number = first
            try:
                for batch in source.iter_batches(
                    _BATCH_ROWS, row_groups=[group], columns=sorted(set(chosen.values())), use_threads=False
                ):
                    done = size * (number + batch.num_rows) // total
                    for values in _rows(batch, chosen):
                        yield Row(number, done, values)
                        number += 1
            except (pa.ArrowException, OSError) as error:
                if _of_the_machine(error):
                    raise
                value = f"rows {number} to {end - 1}, row group {group}: {_line(error)}"
                yield Row(number, size * end // total, reason="corrupt", value=value)
            first = end


def parquet_head(file: BinaryIO, stored_bytes: int) -> bytes:
    """A Parquet file of the first rows of one, about as large, and compressed as it is. Raises ArrowException."""
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES) as source:
        held = sum(source.metadata.row_group(group).total_byte_size for group in range(source.num_row_groups))
        enough = stored_bytes * held // max(file.seek(0, os.SEEK_END), 1)
        codec = source.metadata.row_group(0).column(0).compression if source.num_row_groups else "NONE"
        head = pa.BufferOutputStream()
        with pq.ParquetWriter(head, source.schema_arrow, compression=codec) as writer:
            taken = 0
            for batch in source.iter_batches(_HEAD_ROWS, use_threads=False):
                writer.write_batch(batch)
                taken += batch.nbytes
                if taken >= enough:
                    break
        return bytes(head.getvalue())


def choose(columns: Columns, schema: pa.Schema) -> dict[str, str]:
    """Field to the column of the file that it is read from; fields without any are left out."""
    there = set(_leaves((field.name, field.type) for field in schema))
    found = ((name, next((one for one in names if one in there), None)) for name, names in columns.wanted().items())
    return {name: column for name, column in found if column is not None}


def lacking(columns: Columns, names: Iterable[str]) -> str:
    """That a file has no column to read texts from, in words."""
    field = "html" if columns.html else "text"
    wanted = " or ".join(columns.html or columns.text) or "none"
    have = ", ".join(sorted(names)[:20])
    return f"no column {wanted}{f'; it has {have}' if have else ' in its first rows'}: name one in columns.{field}"


def _leaves(fields: Iterable[tuple[str, pa.DataType]], prefix: str = "") -> Iterator[str]:
    """The names of all columns, those inside structs with a dot."""
    for name, kind in fields:
        yield prefix + name
        if _types.is_struct(kind):
            yield from _leaves(((field.name, field.type) for field in kind), f"{prefix}{name}.")


def _rows(batch: pa.RecordBatch, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
    lists = [_values(_array(batch, column)) for column in chosen.values()]
    for values in zip(*lists, strict=True):
        yield dict(zip(chosen, values, strict=True))


def _array(batch: pa.RecordBatch, column: str) -> pa.Array:
    """A column, or what a dotted one names inside a struct; null where the struct is."""
    if column in batch.schema.names:
        return batch.column(column)
    name, *inside = column.split(".")
    array = batch.column(name)
    for key in inside:
        array = pc.struct_field(array, key)
    return array


def _values(array: pa.Array) -> list[Any]:
    """The values, none of which fails to become one of Python's."""
    if _types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if _types.is_string(kind) or _types.is_large_string(kind) or _types.is_string_view(kind):
        # Nobody checked that they are UTF-8.
        return [_decoded(value) for value in array.cast(pa.large_binary()).to_pylist()]
    if _types.is_timestamp(kind) or _types.is_date(kind):
        milliseconds = array.cast(pa.timestamp("ms", getattr(kind, "tz", None)), safe=False).view(pa.int64())
        return [_date(value) for value in milliseconds.to_pylist()]
    plain = (_types.is_integer, _types.is_floating, _types.is_boolean, _types.is_null, _types.is_binary)
    if any(test(kind) for test in (*plain, _types.is_large_binary)):
        return list(array.to_pylist())
    return [Other(str(kind)) if valid else None for valid in array.is_valid().to_pylist()]


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _date(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # beyond the year 9999
        return None


def _of_the_machine(error: BaseException) -> bool:
    """Whether a read failed: the system's errors have a number and ours a type. Arrow's own are about the content."""
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and (error.errno is not None or type(error) is not OSError)
    )


def _digest(file: BinaryIO) -> str:
    hasher = xxhash.xxh3_128()
    file.seek(0)
    while chunk := file.read(CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
