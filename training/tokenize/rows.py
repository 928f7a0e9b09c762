"""The rows of a part, in batches of bounded size, from Parquet or JSON lines, gzip and Zstandard included."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.texts.json_lines import Lines

_BATCH_ROWS = 512
_BATCH_BYTES = 4 << 20
_ID = "id"

Row = dict[str, Any]


def read_rows(path: Path, columns: list[str], groups: tuple[int, ...] | None) -> Iterator[list[Row]]:
    """Batches of rows with `columns` and, where there is one, `id`.

    Raises:
        BadInput: a column is missing, or a line is not a JSON object; the file and the line are named.
    """
    return _parquet(path, columns, groups) if path.name.endswith(".parquet") else _jsonl(path, columns)


def rows_at(path: Path, wanted: Collection[int], columns: list[str]) -> dict[int, Row]:
    """Some rows of a file by their number, with those of `columns` that it has."""
    found: dict[int, Row] = {}
    if path.name.endswith(".parquet"):
        with pq.ParquetFile(path) as file:
            names = [column for column in columns if column in file.schema_arrow.names]
            first = 0
            for group in range(file.num_row_groups):
                end = first + file.metadata.row_group(group).num_rows
                here = [row for row in wanted if first <= row < end]
                if here:
                    table = file.read_row_group(group, columns=names)
                    found |= {row: table.slice(row - first, 1).to_pylist()[0] for row in here} if names else {}
                first = end
    else:
        with path.open("rb") as file:
            for number, line in enumerate(Lines(file)):
                if number in wanted and line is not None:
                    row = json.loads(line)
                    found[number] = {column: row[column] for column in columns if column in row}
    return found


def _parquet(path: Path, columns: list[str], groups: tuple[int, ...] | None) -> Iterator[list[Row]]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        for column in columns:
            if column not in names:
                raise _missing(str(path), column, names)
        wanted = [*columns, *([_ID] if _ID in names and _ID not in columns else [])]
        chosen = range(file.num_row_groups) if groups is None else groups
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=list(chosen), columns=wanted, use_threads=False):
            yield batch.to_pylist()


def _jsonl(path: Path, columns: list[str]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    size = 0
    with path.open("rb") as file:
        lines = Lines(file)
        for number, line in enumerate(lines, 1):
            assert line is not None  # any length is read
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path}: line {number}: not JSON: {error}; mend the line") from error
            if not isinstance(row, dict):
                raise BadInput(f"{path}: line {number}: not a JSON object; mend the line")
            if number == 1:
                for column in columns:
                    if column not in row:
                        raise _missing(f"{path}: line 1", column, list(row))
            rows.append(row)
            size += len(line)
            if len(rows) == _BATCH_ROWS or size >= _BATCH_BYTES:
                yield rows
                rows, size = [], 0
    if lines.damage is not None:
        raise BadInput(f"{path}: {lines.damage}; restore the file")
    yield rows


def _missing(where: str, column: str, names: list[str]) -> BadInput:
    return BadInput(f"{where}: no column {column!r}; it has {', '.join(names)}: name one with --field FIELD=COLUMN")
