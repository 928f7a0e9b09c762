"""The bytes of records, whatever holds them: a plain file, or one compressed member of a file."""

import enum
from abc import ABC, abstractmethod
from typing import Protocol

from pipeline.extract.grammar import Grammar
from pipeline.extract.stored import StoredFile

INPUT_BYTES = 1 << 16
"""Stored bytes taken at a time."""
_BLANK = b"\r\n\t "


class End(enum.Enum):
    """How a stream ended."""

    SOUND = "sound"
    CUT = "cut"
    """The file ended first."""
    BROKEN = "broken"
    """The compressed data are invalid."""
    CHECKSUM = "checksum"
    """Decoded to the end, but the checksum or the length recorded there is another."""


class Decoded(ABC):
    """A stream of decoded bytes with a cursor. What lies before the cursor is forgotten when more is decoded."""

    def __init__(self) -> None:
        self.end: End | None = None
        self.data = b""
        self.at = 0
        self._base = 0

    @property
    def position(self) -> int:
        """Decoded bytes before the cursor."""
        return self._base + self.at

    @abstractmethod
    def _next_piece(self) -> bytes:
        """More decoded bytes; sets `end` when there are none behind them."""

    def fill(self, count: int) -> int:
        """Decode until `count` bytes follow the cursor in `data` or the stream ends; returns how many do."""
        held = len(self.data) - self.at
        if held >= count or self.end is not None:
            return held
        pieces = [self.data[self.at :]] if held else []
        while held < count and self.end is None:
            piece = self._next_piece()
            pieces.append(piece)
            held += len(piece)
        self._base += self.at
        self.at = 0
        self.data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return held

    def skip(self, count: int) -> int:
        """Move the cursor by `count` bytes, or to the end; returns by how many it moved."""
        left = count
        while True:
            held = len(self.data) - self.at
            step = min(held, left)
            self.at += step
            left -= step
            if left == 0 or (step == held and self.fill(1) == 0):
                return count - left

    def skip_blank(self) -> None:
        """Move the cursor over line ends and blanks."""
        while (self.at < len(self.data) and self.data[self.at] in _BLANK) or (
            self.at == len(self.data) and self.fill(64)
        ):
            rest = self.data[self.at : self.at + 64]
            text = rest.lstrip(_BLANK)
            self.at += len(rest) - len(text)
            if text:
                return

    def at_end(self) -> bool:
        """Whether no byte follows the cursor."""
        return self.at == len(self.data) and self.fill(1) == 0

    def back_to(self, position: int) -> bool:
        """Move the cursor back, where that is possible without decoding again."""
        if self._base <= position <= self._base + len(self.data):
            self.at = position - self._base
            return True
        return False


class PlainFile(Decoded):
    """An uncompressed file from `start` on."""

    def __init__(self, file: StoredFile, start: int = 0) -> None:
        super().__init__()
        self._file = file
        self._base = self._input = start

    def _next_piece(self) -> bytes:
        piece = bytes(self._file.window(self._input, INPUT_BYTES))
        self._input += len(piece)
        if self._input >= self._file.size:
            self.end = End.SOUND
        return piece

    def back_to(self, position: int) -> bool:
        """Move the cursor anywhere."""
        if not super().back_to(position):
            self.data, self.at, self._base, self._input, self.end = b"", 0, position, position, None
        return True

    def peek_at(self, position: int, count: int) -> bytes:
        """A few bytes far away; the cursor stays."""
        return self._file.peek(position, count)

    @property
    def size(self) -> int:
        """Where the stream ends."""
        return self._file.size


class Member(Decoded):
    """One compressed member of a file: a gzip member, a Zstandard frame.

    Args:
        file: the file.
        offset: where the member begins in it.
    """

    def __init__(self, file: StoredFile, offset: int) -> None:
        super().__init__()
        self.file = file
        self.offset = offset
        self.stored_end = offset
        """Stored bytes consumed end here: behind the trailer of a sound member, at the error in a broken one."""

    def run_out(self) -> None:
        """Decode to the end and forget what comes."""
        while self.skip(1 << 20):
            pass


class Packing(Protocol):
    """A way to compress the records of a file one by one."""

    magic: bytes
    """What every member begins with."""

    def is_member(self, file: StoredFile, position: int) -> bool:
        """Whether the bytes at `position` can begin a member."""

    def start_of(self, file: StoredFile, position: int, count: int) -> bytes:
        """The first decoded bytes of a member that may begin at `position`; b"" when none does."""

    def open(self, file: StoredFile, position: int) -> Member:
        """The member at `position`."""


def begins_record(file: StoredFile, position: int, packing: Packing, grammar: Grammar) -> bool:
    """Whether a member at `position` decodes to the start of a record."""
    return packing.is_member(file, position) and grammar.begins(packing.start_of(file, position, grammar.lookahead), 0)


def next_member(file: StoredFile, start: int, packing: Packing, grammar: Grammar) -> int:
    """Offset of the first member at or behind `start` that decodes to a record; the file's size if there is none."""
    position = file.find(packing.magic, start)
    while position >= 0:
        if begins_record(file, position, packing, grammar):
            return position
        position = file.find(packing.magic, position + 1)
    return file.size
