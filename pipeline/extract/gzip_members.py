"""Gzip members, the usual packing of a WARC file: decoded progressively, and salvaged up to the error where broken."""

import zlib

from isal import isal_zlib

from pipeline.extract.decoded import INPUT_BYTES, End, Member
from pipeline.extract.stored import StoredFile

_FIRST_INPUT = 1 << 14  # what a member leaves of its input is copied, and most are short
_PIECE = 1 << 20  # decoded bytes at a time: what bounds memory against a bomb


class GzipMember(Member):
    """One gzip member, its checksum and length checked."""

    def __init__(self, file: StoredFile, offset: int) -> None:
        super().__init__(file, offset)
        self._inflate = isal_zlib.decompressobj(31)  # twice as fast as zlib, the checksum included
        self._delivered = 0

    def _next_piece(self) -> bytes:
        size = INPUT_BYTES if self._delivered else _FIRST_INPUT
        window = self.file.window(self.stored_end, size)
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
            window = self.file.window(position, step)
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


class Gzip:
    """The packing."""

    magic = b"\x1f\x8b\x08"

    def is_member(self, file: StoredFile, position: int) -> bool:
        """Magic number, method, no reserved flag, and room for a trailer."""
        head = file.peek(position, 18)
        return len(head) == 18 and head.startswith(self.magic) and head[3] < 0x20

    def start_of(self, file: StoredFile, position: int, count: int) -> bytes:
        """The first `count` decoded bytes, if the first stored ones are enough for them."""
        try:
            return zlib.decompressobj(31).decompress(file.window(position, 1024 + count), count)
        except zlib.error:
            return b""

    def open(self, file: StoredFile, position: int) -> Member:
        """The member at `position`."""
        return GzipMember(file, position)
