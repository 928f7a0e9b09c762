"""Rows of a file of JSON lines, plain, gzip or Zstandard."""

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.extract.decoded import Decoded, End, PlainFile
from pipeline.extract.gzip_members import Gzip
from pipeline.extract.stored import StoredFile
from pipeline.extract.zstd_frames import Zstd
from pipeline.texts.columns import Columns, reach
from pipeline.texts.rows import Row, Rows

_PADDING = 1 << 16
"""Zeros behind the last gzip member that some tapes and tools leave."""


class Lines:
    """The lines of a file without their ends, plain, gzip or Zstandard by its first bytes; a longer one than `longest`
    bytes comes as None. `damage` says afterwards what ended them early: what it cut off is no line.

    Args:
        file: the file, seekable. OSError of its reads propagates.
        longest: the longest line; None: any.
    """

    def __init__(self, file: BinaryIO, longest: int | None = None) -> None:
        self.stored = StoredFile(file)
        self.damage: str | None = None
        self.done = 0
        """Stored bytes that are read."""
        self._longest = sys.maxsize if longest is None else longest

    def __iter__(self) -> Iterator[bytes | None]:
        """Every line, in bounded memory where they are."""
        pieces: list[bytes] = []
        size = 0

        def line() -> bytes | None:
            return b"".join(pieces) if size <= self._longest else None

        for piece in self._pieces():
            *ends, rest = piece.split(b"\n")
            for end in ends:
                pieces.append(end)
                size += len(end)
                yield line()
                pieces, size = [], 0
            size += len(rest)
            if size <= self._longest:
                pieces.append(rest)
            else:
                pieces.clear()
        if size and self.damage is None:
            yield line()

    def _pieces(self) -> Iterator[bytes]:
        """The decoded bytes in order, up to the first damage."""
        file, position = self.stored, 0
        packing = next((one for one in (Gzip(), Zstd(file)) if file.peek(0, len(one.magic)) == one.magic), None)
        if packing is None and not Zstd.skippable(file, 0):
            yield from self._decoded(PlainFile(file))
            return
        packing = packing or Zstd(file)
        while position < file.size and self.damage is None:
            if isinstance(packing, Zstd) and (skipped := Zstd.skippable(file, position)):
                position += skipped
            elif file.size - position <= _PADDING and not file.peek(position, _PADDING).strip(b"\0"):
                return
            elif not packing.is_member(file, position):
                self.damage = f"no compressed data at byte {position}"
            else:
                member = packing.open(file, position)
                yield from self._decoded(member)
                position = member.stored_end
                if member.end is not End.SOUND:
                    assert member.end is not None
                    self.damage = f"compressed data: {member.end.value} at byte {position}"

    def _decoded(self, stream: Decoded) -> Iterator[bytes]:
        while stream.fill(1):
            piece = bytes(stream.data[stream.at :])
            stream.at = len(stream.data)
            self.done = min(getattr(stream, "stored_end", stream.position), self.stored.size)
            yield piece


class JsonRows(Rows):
    """Lines in order; blank ones are none. A line is told to be unreadable by its reason, and so is the rest of a file
    whose compressed data are damaged.

    Args:
        file: the file, seekable.
        columns: which columns to read.
        line_bytes: the longest line.
    """

    def __init__(self, file: BinaryIO, columns: Columns, line_bytes: int) -> None:
        self._lines, self._wanted, self._line_bytes = Lines(file, line_bytes), columns.wanted(), line_bytes

    def __iter__(self) -> Iterator[Row]:
        """Every row."""
        if not self._lines.stored.size:
            self.status = "empty"
        following = 0
        for number, line in enumerate(self._lines):
            following = number + 1
            if line is None:
                yield Row(
                    number, self._lines.done, reason="too_large", value=f"row {number}: over {self._line_bytes} bytes"
                )
            elif line.strip():
                yield self._row(number, line)
        if self._lines.damage is not None:
            value = f"rows from {following} on: {self._lines.damage}"
            yield Row(following, self._lines.done, reason="corrupt", value=value)
        self.xxh3_128 = self._lines.stored.digest()

    def _row(self, number: int, line: bytes) -> Row:
        row = Row(number, self._lines.done)
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 0 else "utf-8"))
        except UnicodeDecodeError as error:
            row.reason, row.value = "not_utf8", f"row {number}: byte {error.start} of the line"
        except (ValueError, RecursionError) as error:
            row.reason, row.value = "not_json", f"row {number}: {' '.join(str(error).split())[:100]}"
        else:
            if isinstance(value, dict):
                row.values = {field: reach(value, names) for field, names in self._wanted.items()}
            else:
                row.reason, row.value = "not_json", f"row {number}: {type(value).__name__}, not an object"
        return row
