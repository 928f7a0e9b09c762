"""The bytes of records, whatever holds them: a plain file or one gzip member, decoded piece by piece and checked."""

import enum
import zlib
from abc import ABC, abstractmethod

from isal import isal_zlib

from pipeline.extract.grammar import Grammar
from pipeline.extract.stored import StoredFile

GZIP_MAGIC = b"\x1f\x8b\x08"
_INPUT = 1 << 16
_PIECE = 1 << 20  # decoded bytes at a time: what bounds memory against a bomb


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
        while self.fill(64):
            rest = self.data[self.at : self.at + 64]
            text = rest.lstrip(b"\r\n\t ")
            self.at += len(rest) - len(text)
            if text:
                return

    def at_end(self) -> bool:
        """Whether no byte follows the cursor."""
        return self.fill(1) == 0

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
        piece = bytes(self._file.window(self._input, _INPUT))
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


class GzipMember(Decoded):
    """One gzip member that begins at `offset` in the file."""

    def __init__(self, file: StoredFile, offset: int) -> None:
        super().__init__()
        self._file = file
        self.offset = offset
        self.stored_end = offset
        """Stored bytes consumed end here: behind the trailer of a sound member, at the error in a broken one."""
        self._inflate = isal_zlib.decompressobj(31)  # twice as fast as zlib, the checksum included
        self._delivered = 0

    def _next_piece(self) -> bytes:
        window = self._file.window(self.stored_end, _INPUT)
        try:
            piece = self._inflate.decompress(window, _PIECE)
        except isal_zlib.error:  # type: ignore[misc]  # its stub declares an instance
            return self._salvage()
        if self._inflate.eof:
            self.end = End.SOUND
            self.stored_end += len(window) - len(self._inflate.unused_data)
        else:
            self.stored_end += len(window) - len(self._inflate.unconsumed_tail)
            if not piece and not window:
                self.end = End.CUT
        self._delivered += len(piece)
        return piece

    def _salvage(self) -> bytes:
        """What precedes the error: the output of the call that fails is withheld, so the member is decoded anew by zlib
        (which can copy its state) in small steps, the failing step byte by byte."""
        known, position, pieces = self._delivered, self.offset, []
        inflate = before = zlib.decompressobj(31)
        step, decoded, failed = 4096, 0, False
        while self.end is None:
            if not failed:
                before = inflate.copy()
            window = self._file.window(position, step)
            try:
                piece = inflate.decompress(window)
            except zlib.error as error:
                if failed:
                    checks = ("incorrect data check", "incorrect length check")
                    self.end = End.CHECKSUM if any(check in str(error) for check in checks) else End.BROKEN
                    break
                failed, step, inflate = True, 1, before
                continue
            position += len(window) - len(inflate.unused_data)
            if inflate.eof:
                self.end = End.SOUND
            elif not window:
                self.end = End.CUT
            if decoded + len(piece) > known:
                pieces.append(piece[max(0, known - decoded) :])
            decoded += len(piece)
        self.stored_end = position
        self._delivered = max(known, decoded)
        return b"".join(pieces)


def is_member(file: StoredFile, position: int) -> bool:
    """Whether the bytes at `position` can begin a gzip member: magic number, method, no reserved flag, room for it."""
    head = file.peek(position, 18)
    return len(head) == 18 and head.startswith(GZIP_MAGIC) and head[3] < 0x20


def next_member(file: StoredFile, start: int, grammar: Grammar) -> int:
    """Offset of the first gzip member at or behind `start` that decodes to a record; the file's size if none."""
    position = file.find(GZIP_MAGIC, start)
    while position >= 0:
        if begins_record(file, position, grammar):
            return position
        position = file.find(GZIP_MAGIC, position + 1)
    return file.size


def begins_record(file: StoredFile, position: int, grammar: Grammar) -> bool:
    """Whether a gzip member at `position` decodes to the start of a record."""
    if not is_member(file, position):
        return False
    head = file.window(position, 1024 + grammar.lookahead)
    try:
        start = zlib.decompressobj(31).decompress(head, grammar.lookahead)
    except zlib.error:
        return False
    return grammar.begins(start, 0)
