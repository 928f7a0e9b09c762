"""Damage of every kind to files that we write: exact counts, and nothing undamaged lost."""

import io
import random
from collections import Counter

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.extract.warc import Capture, WarcFile, read_capture_at
from tests.extract.warc_writer import gzip_member, page, record, record_id

MAX = 1 << 20


def read(data: bytes, name: str = "a.warc.gz", max_bytes: int = MAX) -> list[Capture]:
    warc = WarcFile(io.BytesIO(data), name=name, max_bytes=max_bytes)
    captures = list(warc)
    offsets = [capture.offset for capture in captures]
    assert offsets == sorted(set(offsets))
    assert warc.records == sum(capture.type != "" for capture in captures)
    return captures


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def pages(count: int) -> list[bytes]:
    return [page(number) for number in range(count)]


def members(count: int) -> list[bytes]:
    return [gzip_member(record(number, content)) for number, content in enumerate(pages(count))]


def flip_deep(member: bytes) -> bytes:
    """A bit in the last third of the compressed data: the header stays readable."""
    at = len(member) * 3 // 4
    return member[:at] + bytes([member[at] ^ 0x10]) + member[at + 1 :]


def flip_checksum(member: bytes) -> bytes:
    return member[:-8] + bytes([member[-8] ^ 1]) + member[-7:]


def cut(member: bytes) -> bytes:
    return member[: len(member) // 2]


def zero_header(member: bytes) -> bytes:
    return b"\0" * 10 + member[10:]


def zero_all(member: bytes) -> bytes:
    return b"\0" * len(member)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip_deep, {("response", "corrupt"): 10}),
        (flip_checksum, {("response", "corrupt"): 10}),
        (cut, {("response", "truncated"): 10}),
        (zero_header, {("", "corrupt"): 10}),
        (zero_all, {("", "corrupt"): 10}),
        (lambda member: member + noise(7, 300), {("", "corrupt"): 10}),
        (lambda member: noise(8, 500) + member, {("", "corrupt"): 10}),
        (lambda member: b"", {}),
    ],
)
def test_every_tenth_member_damaged(damage, expected) -> None:  # type: ignore[no-untyped-def]
    stored = members(100)
    for number in range(0, 100, 10):
        stored[number] = damage(stored[number])
    captures = read(b"".join(stored))
    bad = Counter((capture.type, capture.reason) for capture in captures if capture.reason)
    assert bad == expected
    sound = [capture.record_id for capture in captures if capture.reason is None]
    untouched = [record_id(n) for n in range(100) if n % 10]
    assert [identity for identity in sound if identity in set(untouched)] == untouched
    if damage(b"x" * 40) in (b"x" * 40 + noise(7, 300), noise(8, 500) + b"x" * 40):  # nothing but junk was added
        assert len(sound) == 100
    for capture in captures:
        if capture.reason is None:
            assert read_capture_at(io.BytesIO(b"".join(stored)), capture.offset).payload == capture.payload


def test_lengths_cover_the_file() -> None:
    stored = members(20)
    stored[3], stored[9] = cut(stored[3]), noise(3, 700)
    captures = read(b"".join(stored))
    assert [capture.offset + capture.length for capture in captures[:-1]] == [c.offset for c in captures[1:]]
    assert captures[-1].offset + captures[-1].length == sum(map(len, stored))


def test_value_tells_how_much_is_there() -> None:
    stored = members(3)
    content = pages(3)[1]
    captures = read(stored[0] + cut(stored[1]) + stored[2])
    assert captures[1].reason == "truncated"
    assert captures[1].value is not None
    words = captures[1].value.split()
    assert (words[0], words[2:]) == ("read", ["of", str(len(content)), "bytes"])
    assert 0 < int(words[1]) < len(content)


@pytest.mark.parametrize("compressed", [True, False])
def test_truncated_tail(compressed: bool) -> None:
    records = [record(number, content) for number, content in enumerate(pages(5))]
    data = b"".join(gzip_member(item) for item in records) if compressed else b"".join(records)
    name = "a.warc.gz" if compressed else "a.warc"
    captures = read(data[:-200], name)
    assert [capture.reason for capture in captures] == [None] * 4 + ["truncated"]
    assert captures[4].record_id == record_id(4)


def test_tail_cut_within_the_trailer_is_whole_when_its_digest_says_so() -> None:
    stored = members(1)[0]
    (capture,) = read(stored[:-4])
    assert (capture.reason, capture.value) == ("truncated", "the member is cut behind the content")
    stored = gzip_member(record(0, page(0), digest=True))
    (capture,) = read(stored[:-4])
    assert capture.reason is None


@pytest.mark.parametrize("lie", [-1, -40, -700, 5, 60, 700, 100_000, 10**14])
@pytest.mark.parametrize("compressed", ["no", "members", "one member"])
def test_lying_length(lie: int, compressed: str) -> None:
    records = [record(number, content) for number, content in enumerate(pages(6))]
    records[2] = record(2, pages(6)[2], declared=len(pages(6)[2]) + lie)
    if compressed == "no":
        captures = read(b"".join(records), "a.warc")
    elif compressed == "members":
        captures = read(b"".join(map(gzip_member, records)))
    else:
        captures = read(gzip_member(b"".join(records)))
    assert [capture.record_id for capture in captures] == [record_id(number) for number in range(6)]
    reasons = [capture.reason for capture in captures]
    assert reasons[2] in ("corrupt", "truncated")
    if compressed == "one member" and lie == 10**14:
        assert reasons[:2] == [None, None]  # the content was never held; the rest is found all the same
    assert reasons[:2] + reasons[3:] == [None] * 5


def test_length_beyond_the_limit_in_a_plain_file() -> None:
    records = [record(number, content) for number, content in enumerate(pages(4))]
    records[1] = record(1, pages(4)[1], declared=50 << 20)
    captures = read(b"".join(records), "a.warc")
    assert [capture.reason for capture in captures] == [None, "corrupt", None, None]


def test_junk_behind_a_record_whose_digest_holds() -> None:
    first = record(0, page(0), digest=True)
    data = first + b"stray bytes\r\n" * 5 + record(1, page(1))
    captures = read(data, "a.warc")
    assert [(capture.type, capture.reason) for capture in captures] == [
        ("response", None),
        ("", "corrupt"),
        ("response", None),
    ]
    assert (captures[1].offset, captures[1].length) == (len(first), 65)


def test_members_nested_in_one_another_cost_no_square() -> None:
    inner = gzip_member(record(0, page(0)))[:-8] + b"\0" * 8
    for _ in range(300):
        inner = gzip_member(b"WARC/1.0\r\nWARC-Type: resource\r\n\r\n" + inner, level=0)[:-8] + b"\0" * 8
    captures = read(inner)
    assert captures[0].reason == "corrupt"


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(2, 6),
    compressed=st.booleans(),
    kind=st.sampled_from(["cut", "flip", "zero", "insert"]),
    place=st.floats(0, 0.999),
    size=st.integers(1, 3000),
)
def test_any_damage(count: int, compressed: bool, kind: str, place: float, size: int) -> None:
    stored = [record(number, page(number)) for number in range(count)]
    stored = [gzip_member(item) for item in stored] if compressed else stored
    whole = b"".join(stored)
    begin = int(place * len(whole))
    end = {"flip": begin + 1, "insert": begin}.get(kind, min(begin + size, len(whole)))
    middle = {"flip": bytes([whole[begin] ^ 1 << size % 8]), "zero": b"\0" * (end - begin), "insert": noise(size, size)}
    data = whole[:begin] + middle.get(kind, b"") + whole[end:]
    captures = read(data, "a")
    found = {capture.record_id: capture.reason for capture in captures}
    position = 0
    for number, item in enumerate(stored):
        first, position = position, position + len(item)
        if first >= end or position < begin:
            assert record_id(number) in found
        # A plain record is sound when what follows it is a record; the one before the damage may not be able to tell.
        if first >= end or position + (0 if compressed else 4) < begin:
            assert found[record_id(number)] is None
    for capture in captures:
        if capture.reason is None:
            assert read_capture_at(io.BytesIO(data), capture.offset).payload == capture.payload


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.warc", "a.warc.gz", "a.arc", "a.arc.gz", "a.warc.zst"]))
def test_noise_never_raises(data: bytes, name: str) -> None:
    warc = WarcFile(io.BytesIO(data), name=name, max_bytes=MAX)
    assert [capture for capture in warc if capture.reason is None] == []
    assert warc.status in ("empty", "not_warc", "unreadable")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]), {("response", "corrupt"): 3}),  # the checksum
        (lambda frame: b"\0" * 4 + frame[4:], {("", "corrupt"): 3}),
        (lambda frame: frame[: len(frame) // 2], {("", "corrupt"): 3}),  # nothing of a block can be read before its end
        (lambda frame: frame + noise(9, 100), {("", "corrupt"): 3}),
    ],
)
def test_zstandard_frames_damaged(damage, expected) -> None:  # type: ignore[no-untyped-def]
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    frames = [compressor.compress(record(number, page(number))) for number in range(30)]
    for number in range(5, 30, 10):
        frames[number] = damage(frames[number])
    captures = read(b"".join(frames), "a.warc.zst")
    assert Counter((capture.type, capture.reason) for capture in captures if capture.reason) == expected
    sound = {capture.record_id for capture in captures if capture.reason is None}
    assert sound >= {record_id(number) for number in range(30) if number % 10 != 5}
