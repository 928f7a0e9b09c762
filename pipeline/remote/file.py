"""A remote file as a seekable binary file: blocks by range requests, each retried by itself; memory of two blocks."""

import io
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from typing import IO, Any

_BLOCKS = 2  # reading goes on with short steps back, which may cross into the block before


class NoRanges(Exception):
    """The server does not answer range requests."""


class RemoteFile(io.RawIOBase):
    """Random reads through `fetch(start, end)`. Where that raises NoRanges, or the size is not known, the file is
    downloaded once, by `download`, to a temporary file of no name, and read there.
    """

    def __init__(
        self,
        size: int | None,
        block_bytes: int,
        fetch: Callable[[int, int], bytes],
        download: Callable[[IO[bytes]], None],
    ) -> None:
        super().__init__()
        self._fetch, self._download = fetch, download
        self._block_bytes, self._at = block_bytes, 0
        self._copy: IO[bytes] | None = None
        self._size = size if size is not None else self._make_copy()
        self._block = lru_cache(_BLOCKS)(self._read_block)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; nothing is asked of the server before the next read."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer`; fewer bytes than it holds at the end of a block, 0 at the end of the file."""
        if self._at >= self._size:
            return 0
        index, start = divmod(self._at, self._block_bytes)
        piece = memoryview(self._block(index))[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Forget blocks and copy."""
        if not self.closed:
            self._block.cache_clear()
            if self._copy is not None:
                self._copy.close()
        super().close()

    def _read_block(self, index: int) -> bytes:
        start = index * self._block_bytes
        end = min(start + self._block_bytes, self._size)
        if self._copy is None:
            try:
                return self._fetch(start, end)
            except NoRanges:
                self._make_copy()
        assert self._copy is not None
        self._copy.seek(start)
        return self._copy.read(end - start)

    def _make_copy(self) -> int:
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - `close` ends it
        self._download(self._copy)
        return self._copy.seek(0, os.SEEK_END)
