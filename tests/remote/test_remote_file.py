"""A remote file reads as a local one, block by block."""

import io
import os
import random
import tracemalloc

import pytest

from pipeline.remote import Store
from pipeline.remote.file import NoRanges, RemoteFile
from pipeline.remote.retry import ChangedError
from pipeline.remote.settings import RemoteSettings
from support.faults import FileHandler, serve

SIZE = 10_000
DATA = random.Random(1).randbytes(SIZE)


def remote(size=SIZE, ranges=True):
    asked: list[tuple[int, int]] = []

    def fetch(start, end):
        asked.append((start, end))
        if not ranges and start:
            raise NoRanges
        return DATA[start:end]

    return RemoteFile(size, 1000, fetch, lambda copy: copy.write(DATA)), asked


def test_a_block_is_asked_for_once_on_the_way():
    file, asked = remote()
    assert file.read(1500) + file.readall() == DATA
    assert asked == [(start, start + 1000) for start in range(0, 10_000, 1000)]


def test_a_short_step_back_asks_for_nothing():
    file, asked = remote()
    file.seek(2900)
    assert file.read(200) == DATA[2900:3000]  # a raw file ends a read at its block
    assert file.read(200) == DATA[3000:3200]
    file.seek(-400, os.SEEK_CUR)
    assert file.read(100) == DATA[2800:2900]
    assert asked == [(2000, 3000), (3000, 4000)]


@pytest.mark.parametrize(("size", "ranges"), [(len(DATA), True), (len(DATA), False), (None, True)])
def test_any_reads_and_seeks_are_those_of_the_bytes(size, ranges):
    file, _ = remote(size, ranges)
    here, there = io.BufferedReader(file), io.BytesIO(DATA)
    draw = random.Random(2)
    for _ in range(300):
        position, count = draw.randrange(11_000), draw.randrange(3000)
        assert here.seek(position) == there.seek(position)
        assert here.read(count) == there.read(count)
    assert here.seek(0, os.SEEK_END) == len(DATA)
    here.close()
    assert file.closed


def test_without_ranges_the_file_is_downloaded_once():
    file, asked = remote(ranges=False)
    assert file.read(1000) == DATA[:1000]
    file.seek(0)
    assert b"".join(iter(lambda: file.read(1000), b"")) == DATA
    assert asked == [(0, 1000), (1000, 2000)]


def test_memory_is_two_blocks_whatever_the_size():
    file = RemoteFile(200 << 20, 1 << 20, lambda start, end: bytes(end - start), lambda copy: None)
    tracemalloc.start()
    try:
        while file.read(1 << 16):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.tell() == 200 << 20
    assert peak < 4 << 20


def test_every_request_and_every_byte_is_taken_from_the_buckets(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "a.warc").write_bytes(DATA)
    store = Store(RemoteSettings(block_bytes=4096, max_wait_s=0.001, requests_per_s=1e6, bytes_per_s=1 << 30))
    taken: dict[str, list[float]] = {"requests": [], "bytes": []}
    monkeypatch.setattr(store._requests, "take", taken["requests"].append)
    monkeypatch.setattr(store._bytes, "take", taken["bytes"].append)
    # The size twice (when listed, when opened), then three blocks, the second and third of which take several tries.
    faults = ("", "", "", "busy", "cut", "", "busy", "")
    with serve(FileHandler, faults, folder=tmp_path) as (address, handler):
        file = store.open(store.info(f"{address}/a.warc"))
        assert file.readall() == DATA
    assert [asked for _, _, asked, _ in handler.log] == (
        ["", "", "bytes=0-4095"] + 3 * ["bytes=4096-8191"] + 2 * ["bytes=8192-9999"]
    )
    assert taken == {"requests": 8 * [1], "bytes": [0, 0, 4096, 4096, 4096, 4096, 1808, 1808]}


def test_a_file_that_changes_is_not_read_on(tmp_path, monkeypatch, s3):
    path = tmp_path / "a.warc"
    path.write_bytes(DATA)
    s3.pipe_file("bucket/a.warc", DATA)
    store = Store(RemoteSettings(block_bytes=4096))
    with serve(FileHandler, folder=tmp_path) as (address, _):
        for uri in (f"{address}/a.warc", "s3://bucket/a.warc"):
            announced = store.info(uri)
            file = store.open(announced)
            assert file.read(10) == DATA[:10]
            path.write_bytes(DATA[::-1])
            s3.pipe_file("bucket/a.warc", DATA[::-1])
            file.seek(5000)
            with pytest.raises(ChangedError, match=f"{uri}: changed since the build looked at it; run it again"):
                file.read(10)
            with pytest.raises(ChangedError):
                store.open(announced)
            path.write_bytes(DATA)
            s3.pipe_file("bucket/a.warc", DATA)
