"""A file as stored: random reads through a window, and a digest of every byte taken while reading."""

import os
from typing import BinaryIO

import xxhash

BLOCK = 1 << 20


class StoredFile:
    """Reads at any position; bytes are hashed the first time they are passed, in order.

    Args:
        file: a seekable binary file. OSError from it propagates: it says nothing about the records.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._start = 0
        self._data = b""
        self._hasher = xxhash.xxh3_128()
        self._hashed = 0

    def window(self, position: int, count: int) -> memoryview:
        """`count` bytes at `position`, fewer only at the end of the file."""
        end = min(position + count, self.size)
        if position < self._start or end > self._start + len(self._data):
            self._load(position, max(count, BLOCK))
        at = position - self._start
        return memoryview(self._data)[at : at + count]

    def peek(self, position: int, count: int) -> bytes:
        """As `window`, for a few bytes far away: the window stays where it is."""
        end = min(position + count, self.size)
        if position >= end:
            return b""
        if self._start <= position and end <= self._start + len(self._data):
            return self._data[position - self._start : end - self._start]
        return self._read(position, end - position)

    def find(self, pattern: bytes, start: int) -> int:
        """Position of the first `pattern` at or after `start`, or -1."""
        while start < self.size:
            block = bytes(self.window(start, BLOCK))
            found = block.find(pattern)
            if found >= 0:
                return start + found
            if start + len(block) >= self.size:
                break
            start += len(block) - len(pattern) + 1
        return -1

    def digest(self) -> str:
        """xxh3_128 of the whole file (32 hex digits); reads what has not been read yet."""
        self._hash_until(self.size)
        return self._hasher.hexdigest()

    def _load(self, position: int, count: int) -> None:
        self._hash_until(position)
        self._data = self._read(position, min(count, max(0, self.size - position)))
        self._start = position
        end = position + len(self._data)
        if end > self._hashed:
            self._hasher.update(memoryview(self._data)[self._hashed - position :])
            self._hashed = end

    def _hash_until(self, position: int) -> None:
        while self._hashed < min(position, self.size):
            block = self._read(self._hashed, min(BLOCK, position - self._hashed, self.size - self._hashed))
            self._hasher.update(block)
            self._hashed += len(block)

    def _read(self, position: int, count: int) -> bytes:
        self._file.seek(position)
        data = self._file.read(count)
        while len(data) < count:  # a raw or remote file may return less than asked
            more = self._file.read(count - len(data))
            if not more:
                raise OSError(f"the file ended at byte {position + len(data)}, {self.size} bytes were there before")
            data += more
        return data
