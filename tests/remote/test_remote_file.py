"""A remote file reads as a local one, block by block."""

import io
import os
import random

import pytest

from pipeline.remote.file import NoRanges, RemoteFile

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
