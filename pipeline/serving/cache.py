"""Answers on disk, stored as they arrive: paid for once, whatever happens to the build.

Each process appends to two files of its own, so there are no locks: `<name>.answers` holds compressed records,
`<name>.index` a 32-byte entry for each, written once the record is on disk. A reader takes the index of every file and
keeps places, not answers. A torn tail costs the record it belongs to: an entry without its bytes counts as none.
"""

import asyncio
import json
import os
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from pipeline.files import canonical, sync_folder
from pipeline.serving.answers import Answer, Request
from pipeline.serving.cache_index import ENTRY, Index, Place, entry

_OPEN_FILES = 64
_MERGE_ROWS = 256


class AnswerCache:
    """The answers in a folder. One event loop uses it; other processes may append to files of their own meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stems = sorted(str(path.with_suffix("")) for path in folder.glob("*.index"))
        self._index = Index([Path(f"{stem}.index") for stem in self._stems])
        self._open: dict[int, int] = {}
        self._writer: _Writer | None = None
        self._waiting: list[tuple[bytes, bytes, asyncio.Future[None]]] = []
        self._flush: asyncio.Task[None] | None = None
        self._pack = zstandard.ZstdCompressor(level=1).compress
        self._unpack = zstandard.ZstdDecompressor().decompress

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: bytes) -> bool:
        return self._record(key) is not None

    def get(self, key: bytes) -> Answer | None:
        """The answer under `key`: the oldest one whose bytes are whole."""
        record = self._record(key)
        return None if record is None else Answer.model_validate(self._value(record)["answer"])

    async def put(self, request: Request, answer: Answer) -> None:
        """Store an answer; on return it is on disk. Answers that arrive together share one fsync.

        Raises:
            OSError: the disk is full or gone.
        """
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((request.key, self._packed(request, answer), stored))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._write())
        await stored

    def items(self) -> Iterator[tuple[Request, Answer]]:
        """Every answer, one for each key, ordered by key."""
        for key in self._index.keys():  # noqa: SIM118 - not a mapping
            if (record := self._record(key)) is not None:
                value = self._value(record)
                yield Request.model_validate(value["request"]), Answer.model_validate(value["answer"])

    def add(self, answers: Iterator[tuple[Request, Answer]]) -> tuple[int, int]:
        """Store those answers whose key the cache lacks; returns (added, passed over)."""
        added = passed = 0
        batch: dict[bytes, bytes] = {}
        for request, answer in answers:
            if request.key in batch or request.key in self:
                passed += 1
                continue
            added += 1
            batch[request.key] = self._packed(request, answer)
            if len(batch) >= _MERGE_ROWS:
                self._store(list(batch.items()))
                batch = {}
        if batch:
            self._store(list(batch.items()))
        return added, passed

    def close(self) -> None:
        """Close every file."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open = {}
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _packed(self, request: Request, answer: Answer) -> bytes:
        return self._pack(canonical({"request": request.__dict__, "answer": answer.__dict__}))

    def _value(self, record: bytes) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._unpack(record))
        return value

    def _record(self, key: bytes) -> bytes | None:
        for place in self._index.find(key):
            record = os.pread(self._descriptor(place.file), place.length, place.offset)
            if len(record) == place.length and zlib.crc32(record) == place.check:
                return record
        return None

    def _descriptor(self, file: int) -> int:
        if file not in self._open:
            if len(self._open) >= _OPEN_FILES:
                os.close(self._open.pop(next(iter(self._open))))
            self._open[file] = os.open(f"{self._stems[file]}.answers", os.O_RDONLY)
        return self._open[file]

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                places = await asyncio.to_thread(self._append, [(key, record) for key, record, _ in batch])
            except OSError as error:
                for _, _, stored in (*batch, *self._waiting):
                    if not stored.done():
                        stored.set_exception(error)
                self._waiting = []
                return
            for (key, _, stored), place in zip(batch, places, strict=True):
                self._index.add(key, place)
                if not stored.done():  # who asked may be gone
                    stored.set_result(None)

    def _store(self, records: list[tuple[bytes, bytes]]) -> None:
        for (key, _), place in zip(records, self._append(records), strict=True):
            self._index.add(key, place)

    def _append(self, records: list[tuple[bytes, bytes]]) -> list[Place]:
        if self._writer is None:
            self._writer = _Writer(self._folder, len(self._stems))
            self._stems.append(self._writer.stem)
        return self._writer.append(records)


class _Writer:
    """Appends to a pair of files that nobody else writes; their name begins with the time, so that older ones win."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stem = str(folder / f"{time.time_ns():020d}-{socket.gethostname()}-{os.getpid()}")
        self._number, self._end = number, 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._answers = os.open(f"{self.stem}.answers", flags, 0o666)
        self._index = os.open(f"{self.stem}.index", flags, 0o666)
        sync_folder(folder)

    def append(self, records: list[tuple[bytes, bytes]]) -> list[Place]:
        """Write (key, record) pairs to the disk, the records before their entries."""
        places, end = [], self._end
        for _, record in records:
            places.append(Place(self._number, end, len(record), zlib.crc32(record)))
            end += len(record)
        _write_all(self._answers, b"".join(record for _, record in records))
        os.fsync(self._answers)
        entries = [entry(key, place) for (key, _), place in zip(records, places, strict=True)]
        _write_all(self._index, np.array(entries, ENTRY).tobytes())
        os.fsync(self._index)
        self._end = end
        return places

    def close(self) -> None:
        """Close both files."""
        os.close(self._answers)
        os.close(self._index)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
