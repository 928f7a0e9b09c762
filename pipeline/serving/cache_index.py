"""Where the answers of a cache stand: 36 bytes for each, sorted by key, whatever their number of files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

ENTRY = np.dtype([("high", "<u8"), ("low", "<u8"), ("offset", "<u8"), ("length", "<u4"), ("check", "<u4")])
"""An entry on disk: the halves of the key, then place, length and CRC-32 of the record."""
_MERGE_AT = 1 << 14


class Place(NamedTuple):
    """A record: the number of its file, its bytes there, and their CRC-32."""

    file: int
    offset: int
    length: int
    check: int


class Index:
    """Keys of 16 bytes to places; equal keys in the order of their files."""

    def __init__(self, files: list[Path]) -> None:
        tables = [np.zeros(0, ENTRY)]
        numbers = [np.zeros(0, np.uint32)]
        for number, path in enumerate(files):
            # A torn entry at the end is no entry.
            entries = np.fromfile(path, ENTRY, count=path.stat().st_size // ENTRY.itemsize)
            tables.append(entries)
            numbers.append(np.full(len(entries), number, np.uint32))
        self._set(np.concatenate(tables), np.concatenate(numbers))
        self._new: dict[bytes, Place] = {}

    def __len__(self) -> int:
        return len(self._high) + len(self._new)

    def find(self, key: bytes) -> list[Place]:
        """The places of a key, the oldest first."""
        high, low = halves(key)
        first, last = (int(np.searchsorted(self._high, np.uint64(high), side)) for side in ("left", "right"))
        found = [self._place(at) for at in range(first, last) if self._low[at] == low]
        if key in self._new:
            found.append(self._new[key])
        return found

    def add(self, key: bytes, place: Place) -> None:
        """Add a place, behind those of the files read at the start."""
        self._new[key] = place
        if len(self._new) >= max(_MERGE_AT, len(self._high) // 4):
            self._merge()

    def keys(self) -> Iterator[bytes]:
        """Every key once, in order."""
        self._merge()
        last = None
        for high, low in zip(self._high, self._low, strict=True):
            key = int(high).to_bytes(8, "big") + int(low).to_bytes(8, "big")
            if key != last:
                yield key
            last = key

    def _place(self, at: int) -> Place:
        return Place(int(self._file[at]), *(int(value) for value in self._rest[at].tolist()))

    def _merge(self) -> None:
        if not self._new:
            return
        entries = np.zeros(len(self._high), ENTRY)
        entries["high"], entries["low"] = self._high, self._low
        for name in ("offset", "length", "check"):
            entries[name] = self._rest[name]
        added = np.array([entry(key, place) for key, place in self._new.items()], ENTRY)
        files = np.array([place.file for place in self._new.values()], np.uint32)
        self._set(np.concatenate([entries, added]), np.concatenate([self._file, files]))
        self._new = {}

    def _set(self, entries: npt.NDArray[Any], files: npt.NDArray[np.uint32]) -> None:
        order = np.lexsort((files, entries["low"], entries["high"]))
        # Columns of their own: a search in a column of a table would copy it each time.
        self._high = np.ascontiguousarray(entries["high"][order])
        self._low = np.ascontiguousarray(entries["low"][order])
        self._rest = np.ascontiguousarray(entries[["offset", "length", "check"]][order])
        self._file = files[order]


def entry(key: bytes, place: Place) -> tuple[int, int, int, int, int]:
    """The entry of a record on disk; its file is the one that the index stands beside."""
    return (*halves(key), place.offset, place.length, place.check)


def halves(key: bytes) -> tuple[int, int]:
    """The two numbers of a key."""
    return int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")
