"""Opening a file of rows by its kind, and telling early that its columns are not those that a recipe names."""

from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.extract.limits import Limits
from pipeline.inputs import InputFile
from pipeline.texts.columns import Columns
from pipeline.texts.json_lines import JsonRows
from pipeline.texts.parquet import ParquetRows, choose, lacking
from pipeline.texts.rows import Rows

_ESCAPES = 4
"""Bytes of a JSON line that a byte of its text may take, with the columns beside it."""
_LOOKED_AT = 64


def open_rows(kind: str, file: BinaryIO, columns: Columns, limits: Limits, *, whole: bool) -> Rows:
    """The rows of an open Parquet or JSON lines file; `whole`: it is cheap to read twice."""
    if kind == "parquet":
        return ParquetRows(file, columns, whole=whole)
    return JsonRows(file, columns, _ESCAPES * limits.page_bytes)


def check_columns(files: Iterable[InputFile]) -> None:
    """Refuse columns that the first local file which is read with them does not have.

    Raises:
        BadInput: it names the file, and the columns that there are.
    """
    seen: list[tuple[str, Columns]] = []
    for file in files:
        if file.columns is None or file.remote is not None or (file.kind, file.columns) in seen:
            continue
        seen.append((file.kind, file.columns))
        if problem := _problem(file, file.columns):
            raise BadInput(f"{file.location}: {problem}")


def _problem(file: InputFile, columns: Columns) -> str | None:
    """What is wrong with the columns; None also for a file that cannot be read: the stage gives it a status."""
    content = "html" if columns.html else "text"
    try:
        with open(file.location, "rb") as opened:
            if file.kind == "parquet":
                schema = pq.read_schema(opened)
                return None if content in choose(columns, schema) else lacking(columns, schema.names)
            rows = [row for row in islice(JsonRows(opened, columns, 1 << 20), _LOOKED_AT) if row.reason is None]
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    return lacking(columns, []) if rows and all(row.values[content] is None for row in rows) else None
