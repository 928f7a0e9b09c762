"""Zstandard frames, the packing of `.warc.zst`: one record a frame, optionally with a dictionary at the file's start.

A frame decodes block by block (128 KiB), so that of a broken one less can be read than of a gzip member.
"""

import zstandard

from pipeline.extract.decoded import End, Member
from pipeline.extract.stored import StoredFile

_STEP = 128  # stored bytes at a time: one step's output has no limit, and four bytes may stand for 128 KiB
_MAX_WINDOW = 1 << 27
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_DICTIONARY = b"\x5d\x2a\x4d\x18"
_MAX_DICTIONARY = 16 << 20


class ZstdFrame(Member):
    """One frame; its checksum is checked where it has one."""

    def __init__(self, file: StoredFile, offset: int, dictionary: zstandard.ZstdCompressionDict | None) -> None:
        super().__init__(file, offset)
        self._dictionary = dictionary
        self._decoder = _decompressor(dictionary).decompressobj()

    def _next_piece(self) -> bytes:
        window = bytes(self.file.window(self.stored_end, _STEP))
        if not window:
            self.end = End.CUT
            return b""
        try:
            piece = self._decoder.decompress(window)
        except zstandard.ZstdError as error:
            self.end = End.CHECKSUM if "checksum" in str(error) else End.BROKEN
            return self._salvage()
        self.stored_end += len(window)
        if self._decoder.eof:
            self.end = End.SOUND
            self.stored_end -= len(self._decoder.unused_data)
        return piece

    def _salvage(self) -> bytes:
        """What the failing step decoded before the error: the frame anew, that step byte by byte."""
        decoder = _decompressor(self._dictionary).decompressobj()
        for position in range(self.offset, self.stored_end, _STEP):
            decoder.decompress(bytes(self.file.window(position, _STEP)))
        pieces = []
        for byte in bytes(self.file.window(self.stored_end, _STEP)):
            try:
                pieces.append(decoder.decompress(bytes([byte])))
            except zstandard.ZstdError:
                break
            self.stored_end += 1
        return b"".join(pieces)


class Zstd:
    """The packing of one file. With a dictionary that cannot be read no frame can be, and the file is unreadable."""

    magic = b"\x28\xb5\x2f\xfd"

    def __init__(self, file: StoredFile) -> None:
        self._dictionary: zstandard.ZstdCompressionDict | None = None
        size = self.skippable(file, 0) - 8
        if file.peek(0, 4) == _DICTIONARY and 0 < size <= _MAX_DICTIONARY:
            self._dictionary = _read_dictionary(file.peek(8, size), self.magic)

    @staticmethod
    def skippable(file: StoredFile, position: int) -> int:
        """Bytes of the skippable frame (a dictionary, an index) at `position`; 0 when no whole one is there."""
        head = file.peek(position, 8)
        if len(head) < 8 or int.from_bytes(head[:4], "little") not in _SKIPPABLE:
            return 0
        length = 8 + int.from_bytes(head[4:], "little")
        return length if position + length <= file.size else 0

    def is_member(self, file: StoredFile, position: int) -> bool:
        """Whether the magic number is there."""
        return file.peek(position, 4) == self.magic

    def start_of(self, file: StoredFile, position: int, count: int) -> bytes:
        """The first decoded bytes: those of the frame's first block."""
        frame = self.open(file, position)
        frame.fill(count)
        return frame.data[:count]

    def open(self, file: StoredFile, position: int) -> Member:
        """The frame at `position`."""
        return ZstdFrame(file, position, self._dictionary)


def _read_dictionary(data: bytes, magic: bytes) -> zstandard.ZstdCompressionDict | None:
    try:
        if data.startswith(magic):
            data = _decompressor(None).decompress(data, max_output_size=_MAX_DICTIONARY)
        return zstandard.ZstdCompressionDict(data)
    except zstandard.ZstdError:
        return None


def _decompressor(dictionary: zstandard.ZstdCompressionDict | None) -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=_MAX_WINDOW)
