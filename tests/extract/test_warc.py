"""Sound files, and what each kind of record comes to."""

import base64
import gzip
import hashlib
import io
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import xxhash
import zstandard

from pipeline.extract.capture import parse_date
from pipeline.extract.warc import Capture, WarcFile, read_capture_at, read_captures
from tests.extract.warc_writer import gzip_member, html, page, record, record_id

MAX = 1 << 20


def read(data: bytes, name: str = "a.warc", max_bytes: int = MAX) -> list[Capture]:
    return list(read_captures(io.BytesIO(data), name=name, max_bytes=max_bytes))


def only(data: bytes, **settings: Any) -> Capture:
    (capture,) = read(data, **settings)
    return capture


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def test_every_field_of_a_page() -> None:
    data = record(7, page(7))
    assert only(data).payload_digest == sha1(html(7))
    assert only(data) == Capture(
        offset=0,
        length=len(data),
        type="response",
        record_id=record_id(7),
        url="https://example.org/7",
        date=datetime(2025, 3, 1, 12, 0, 7, tzinfo=UTC),
        status=200,
        content_type="text/html",
        charset="UTF-8",
        payload=html(7),
        entity=html(7),
        reason=None,
        value=None,
    )


@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd", "zstd with dictionary", "zstd with packed dictionary"])
def test_offsets_and_lengths_of_each_packing(pack: str) -> None:
    records = [record(number, page(number)) for number in range(4)]
    start = b""
    if pack.startswith("zstd"):
        dictionary = None
        if "dictionary" in pack:
            dictionary = zstandard.train_dictionary(8192, [record(n, page(n)) for n in range(50, 90)])
            body = dictionary.as_bytes()
            body = zstandard.compress(body) if "packed" in pack else body
            start = b"\x5d\x2a\x4d\x18" + len(body).to_bytes(4, "little") + body
        compressor = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True)
        stored = [compressor.compress(item) for item in records]
    else:
        stored = [gzip_member(item) for item in records] if pack == "gzip" else records
    data = start + b"".join(stored)
    captures = read(data, "a")
    assert [capture.length for capture in captures] == [len(item) for item in stored]
    assert [capture.offset for capture in captures] == [
        len(start) + sum(map(len, stored[:number])) for number in range(4)
    ]
    assert [capture.payload for capture in captures] == [html(number) for number in range(4)]
    for capture in captures:
        assert read_capture_at(io.BytesIO(data), capture.offset) == capture


def test_member_with_several_records() -> None:
    first = gzip_member(b"".join(record(number, page(number)) for number in range(3)))
    data = first + gzip_member(record(3, page(3)))
    captures = read(data, "a.warc.gz")
    assert [(capture.offset, capture.length) for capture in captures] == [
        (0, len(first)),
        (1, len(first)),
        (2, len(first)),
        (len(first), len(data) - len(first)),
    ]
    for number, capture in enumerate(captures):
        assert capture.payload == html(number)
        assert read_capture_at(io.BytesIO(data), capture.offset) == capture


def test_no_record_at_an_offset() -> None:
    with pytest.raises(ValueError, match="no record at offset 5"):
        read_capture_at(io.BytesIO(gzip_member(record(0, page(0)))), 5)


@pytest.mark.parametrize(
    ("data", "name", "status", "detail"),
    [
        (b"", "a.warc.gz", "empty", "no bytes"),
        (b"<!doctype html><p>Not found", "a.warc.gz", "not_warc", "begins with b'<!doctype html><'"),
        (gzip.compress(b"<!doctype html><p>Not found", mtime=0), "a.warc.gz", "not_warc", "no WARC or ARC record"),
        (b"\x89PNG" * 50, "a.warc", "not_warc", "begins with b'\\x89PNG"),
        (gzip_member(record(0, page(0)))[:25], "a.warc.gz", "unreadable", "no record can be read"),
        (b"WARC/1.0\r\nWARC-Ty", "a.warc", "unreadable", "no record can be read"),
    ],
    ids=["empty", "html", "gzip of html", "picture", "cut member", "cut header"],
)
def test_status_of_files_without_records(data: bytes, name: str, status: str, detail: str) -> None:
    warc = WarcFile(io.BytesIO(data), name=name, max_bytes=MAX)
    assert list(warc) == []
    assert (warc.status, warc.records, warc.size) == (status, 0, len(data))
    assert detail in warc.detail
    assert warc.xxh3_128 == xxhash.xxh3_128_hexdigest(data)


@pytest.mark.parametrize("compressed", [True, False])
def test_digest_covers_the_whole_file_each_byte_once(compressed: bool) -> None:
    records = [record(number, page(number, body=html(number, 60_000))) for number in range(6)]
    records[1] = record(1, page(1), declared=3 << 20)  # makes the reader look ahead and come back
    data = b"".join(map(gzip_member, records) if compressed else records)
    data = data[:-40] + b"\0" * 70 + data[-40:]
    warc = WarcFile(io.BytesIO(data), name="a", max_bytes=MAX)
    assert len(list(warc)) == 6
    assert (warc.status, warc.records) == ("ok", 6)
    assert warc.xxh3_128 == xxhash.xxh3_128_hexdigest(data)


def test_error_of_the_disk_propagates() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 1 << 19:
                raise OSError(5, "Input/output error")
            return super().read(min(size or 0, 1 << 16))

    data = b"".join(gzip_member(record(number, page(number))) for number in range(1500))
    with pytest.raises(OSError, match="Input/output error"):
        list(read_captures(Failing(data), name="a.warc.gz", max_bytes=MAX))


CHUNKED = b"5\r\n<html\r\n1b;x=y\r\n><p>chunks and extensions</\r\n3\r\np>\n\r\n0\r\n\r\n"
HTML = b"<html><p>chunks and extensions</p>\n"


def coded(name: str, body: bytes) -> Capture:
    return only(record(0, page(0, f"Content-Type: text/html\r\nContent-Encoding: {name}\r\n", body)))


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def test_chunked_body_is_joined_and_the_digest_is_of_the_entity() -> None:
    fields = "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n"
    capture = only(record(0, page(0, fields, CHUNKED)))
    assert (capture.payload, capture.payload_digest) == (HTML, sha1(HTML))
    kept_header = only(record(0, page(0, fields, HTML)))
    assert kept_header.payload == HTML
    cut = only(record(0, page(0, fields, CHUNKED[:-5])))
    assert (cut.reason, cut.value, cut.payload) == ("truncated", "the chunks end after 35 bytes", b"")


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("gzip", gzip_member),
        ("x-gzip", gzip_member),
        ("GZIP", lambda data: gzip_member(data[:9]) + gzip_member(data[9:])),
        ("gzip", lambda data: gzip_member(data) + b"stray"),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        ("identity", bytes),
        ("gzip, br", lambda data: brotli.compress(gzip_member(data))),
        ("gzip", bytes),  # undone by the archiver, the header kept
    ],
)
def test_content_encodings(name: str, encode: Any) -> None:
    body = encode(HTML)
    capture = coded(name, body)
    assert (capture.reason, capture.payload, capture.payload_digest) == (None, HTML, sha1(body))


@pytest.mark.parametrize(
    ("name", "encode", "reason", "value"),
    [
        ("gzip", lambda data: gzip_member(data)[:-12], "truncated", "the compressed data end after"),
        ("gzip", lambda data: b"\x1f\x8b\x08\0 no such data", "corrupt", "content-encoding gzip: Error -3"),
        ("br", lambda data: brotli.compress(data)[:-6], "truncated", "the compressed data end after"),
        ("br", lambda data: b"\xff" * 50, "corrupt", "content-encoding br"),
        ("zstd", lambda data: zstandard.compress(data)[:-6], "truncated", "the compressed data end after"),
        ("zstd", lambda data: b"\xff" * 50, "corrupt", "content-encoding zstd"),
        ("rot13", lambda data: b"uryyb", "unreadable_http", "content-encoding rot13"),
    ],
)
def test_content_encodings_that_fail(name: str, encode: Any, reason: str, value: str) -> None:
    capture = coded(name, encode(HTML))
    assert (capture.reason, capture.payload) == (reason, b"")
    assert capture.value is not None
    assert capture.value.startswith(value)


@pytest.mark.parametrize("encode", [gzip_member, zlib.compress, brotli.compress, zstandard.compress])
def test_decompression_bomb_is_cut(encode: Any) -> None:
    name = {gzip_member: "gzip", zlib.compress: "deflate", brotli.compress: "br"}.get(encode, "zstd")
    body = encode(b"<p>" + b"\0" * (24 << 20))
    tracemalloc.start()
    capture = coded(name, body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (capture.reason, capture.payload) == ("too_large", b"")
    assert capture.value == f"content-encoding {name}: more than {MAX} bytes decoded"
    assert peak < 20 << 20


def test_bomb_of_a_member_is_passed_over() -> None:
    data = gzip_member(record(0, page(0, body=b"\0" * (40 << 20)))) + gzip_member(record(1, page(1)))
    tracemalloc.start()
    captures = read(data, "a.warc.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(capture.reason, capture.status) for capture in captures] == [("too_large", None), (None, 200)]
    assert captures[0].value == f"{(40 << 20) + 59} bytes"
    assert peak < 12 << 20


def test_limit_is_the_body_without_its_head() -> None:
    body = b"<p>" + b"x" * (MAX - 3)
    assert only(record(0, page(0, body=body))).reason is None
    capture = only(record(0, page(0, body=body + b"x")))
    assert (capture.reason, capture.value) == ("too_large", f"{MAX + 1} bytes")


def test_no_length_of_any_kind_is_taken_on_trust() -> None:
    data = record(0, page(0)).replace(b"Content-Length: ", b"Content-Length: -") + record(1, page(1))
    captures = read(data)
    assert [capture.reason for capture in captures] == ["corrupt", None]
    assert captures[0].value == f"Content-Length '-{len(page(0))}'"


@pytest.mark.parametrize(
    ("kind", "reason", "value"),
    [
        ("warcinfo", "not_response", "warcinfo"),
        ("request", "not_response", "request"),
        ("metadata", "not_response", "metadata"),
        ("continuation", "not_response", "continuation"),
        ("revisit", "revisit", "revisit"),
        ("Response", None, None),
    ],
)
def test_types(kind: str, reason: str | None, value: str | None) -> None:
    capture = only(record(0, page(0), kind=kind))
    assert (capture.type, capture.reason, capture.value) == (kind.lower(), reason, value)


@pytest.mark.parametrize(
    ("head", "body", "reason", "value"),
    [
        ("HTTP/1.1 404 Not Found\r\nContent-Type: text/html", HTML, "http_status", "404"),
        ("HTTP/1.1 304\r\n", b"", "http_status", "304"),
        ("HTTP/2 200\r\nContent-Type: text/html", HTML, None, None),
        ("http/1.0 203 OK\r\nCONTENT-TYPE: TEXT/HTML", HTML, None, None),
        ("HTTP/1.1 200 OK\r\nContent-Type: application/xhtml+xml", HTML, None, None),
        ("HTTP/1.1 200 OK\r\nContent-Type: image/png", HTML, "content_type", "image/png"),
        ("HTTP/1.1 200 OK\r\nX: y", HTML, None, None),
        ("HTTP/1.1 200 OK\r\nX: y", b" \n<?xml version='1.0'?><!-- c -->\n<!DOCTYPE html>", None, None),
        ("HTTP/1.1 200 OK\r\nX: y", b"%PDF-1.4", "content_type", "none, and the body is not HTML"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream",
            b"\0\1",
            "content_type",
            "application/octet-stream",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html",
            b"%PDF-1.7",
            "content_type",
            "application/pdf, served as text/html",
        ),
        ("SSH-2.0-OpenSSH", b"", "unreadable_http", "no status line"),
        ("HTTP/1.1 2x0 OK", b"", "unreadable_http", "no status line"),
    ],
)
def test_responses(head: str, body: bytes, reason: str | None, value: str | None) -> None:
    for end in ("\r\n", "\n"):
        text = (head + "\r\n\r\n").replace("\r\n", end)
        capture = only(record(0, text.encode() + body))
        assert (capture.reason, capture.value) == (reason, value)
        assert capture.payload == (body if reason is None else b"")


def test_what_the_archive_itself_calls_a_part() -> None:
    cut = only(record(0, page(0), fields="WARC-Truncated: length\r\n"))
    assert (cut.reason, cut.value) == ("truncated", "WARC-Truncated: length")
    segment = only(record(0, page(0), fields="WARC-Segment-Number: 1\r\n"))
    assert (segment.reason, segment.value) == ("truncated", "WARC-Segment-Number: 1")


@pytest.mark.parametrize("kind", ["resource", "conversion"])
@pytest.mark.parametrize(("media", "reason"), [("text/html; charset=utf-8", None), ("text/plain", "content_type")])
def test_records_without_http(kind: str, media: str, reason: str | None) -> None:
    data = record(0, HTML, kind=kind).replace(f"application/http; msgtype={kind}".encode(), media.encode())
    capture = only(data)
    assert (capture.type, capture.status, capture.reason) == (kind, None, reason)
    assert capture.content_type == media.partition(";")[0]
    assert capture.payload == (HTML if reason is None else b"")


def test_target_in_angle_brackets_and_missing_fields() -> None:
    data = record(0, page(0)).replace(b"https://example.org/0", b" <https://example.org/a b> ")
    assert only(data).url == "https://example.org/a b"
    bare = only(b"WARC/1.0\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    assert (bare.type, bare.record_id, bare.url, bare.date, bare.reason) == ("unknown", None, "", None, "not_response")
    no_id = record(0, page(0, body=b"x").replace(b"200 OK", b"404 No")).replace(b"WARC-Record-ID", b"X-Other")
    assert only(no_id).payload_digest == sha1(b"x")
    assert only(no_id.replace(b"X-Other", b"WARC-Record-ID").replace(b"urn:uuid", b"urn:x")).payload_digest == ""
    odd = no_id.replace(b"X-Other: <urn:uuid:00000000-", b"WARC-Record-ID: <urn:x:")
    assert only(odd).payload_digest == sha1(b"x")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\n\r\n\r\n\r\n"])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
def test_line_ends_as_found_in_the_wild(end: bytes, line: bytes) -> None:
    records = []
    for number in range(3):
        head, _, content = record(number, page(number), end=b"").partition(b"\r\n\r\n")
        records.append((head + b"\r\n\r\n").replace(b"\r\n", line) + content + end)
    assert [capture.payload for capture in read(b"".join(records))] == [html(number) for number in range(3)]
    packed = read(b"".join(gzip_member(item) + end for item in records), "a.warc.gz")
    assert [capture.payload for capture in packed] == [html(number) for number in range(3)]


def test_empty_members_are_padding() -> None:
    data = gzip_member(b"") + gzip_member(record(0, page(0))) + gzip_member(b"\r\n") + gzip_member(record(1, page(1)))
    assert [capture.reason for capture in read(data, "a.warc.gz")] == [None, None]


def test_sound_member_that_is_no_record() -> None:
    stray = gzip_member(b"no record here" * 100)
    first = gzip_member(record(0, page(0)))
    captures = read(first + stray + gzip_member(record(1, page(1))), "a.warc.gz")
    assert [(capture.type, capture.reason) for capture in captures] == [
        ("response", None),
        ("", "corrupt"),
        ("response", None),
    ]
    assert (captures[1].offset, captures[1].length) == (len(first), len(stray))


def arc_record(url: str, content: bytes, kind: str = "text/html") -> bytes:
    return f"{url} 192.0.2.1 20080430204825 {kind} {len(content)}\n".encode() + content + b"\n"


@pytest.mark.parametrize("compressed", [True, False])
def test_arc(compressed: bool) -> None:
    head = b"1 0 Example\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [
        arc_record("filedesc://a.arc", head, "text/plain"),
        arc_record("dns:example.org", b"20080430204825\nexample.org. 1 IN A 192.0.2.1\n", "text/dns"),
        arc_record("http://example.org/a b", page(1)),
        arc_record("http://example.org/2", page(2)),
    ]
    stored = [gzip_member(item) for item in records] if compressed else records
    captures = read(b"".join(stored), "a.arc.gz" if compressed else "a.arc")
    assert [(capture.type, capture.url, capture.reason, capture.value) for capture in captures] == [
        ("warcinfo", "filedesc://a.arc", "not_response", "warcinfo"),
        ("response", "dns:example.org", "content_type", "text/dns"),
        ("response", "http://example.org/a b", None, None),
        ("response", "http://example.org/2", None, None),
    ]
    assert captures[2].date == datetime(2008, 4, 30, 20, 48, 25, tzinfo=UTC)
    assert captures[2].record_id is None
    assert (captures[3].payload, captures[3].payload_digest) == (html(2), sha1(html(2)))
    stored[2] = stored[2][: len(stored[2]) // 2] + (b"" if compressed else b"\n")  # a line of its own, to be found
    damaged = read(b"".join(stored), "a.arc")
    assert [capture.reason for capture in damaged[:2]] == ["not_response", "content_type"]
    assert damaged[2].reason in ("truncated", "corrupt")
    assert damaged[-1] == Capture(
        **{name: getattr(captures[3], name) for name in Capture.__slots__} | {"offset": sum(map(len, stored[:3]))}
    )


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2025-03-01T12:00:07Z", datetime(2025, 3, 1, 12, 0, 7, tzinfo=UTC)),
        ("2025-03-01T12:00:07.1239Z", datetime(2025, 3, 1, 12, 0, 7, 123_000, tzinfo=UTC)),
        ("2025-03-01T12:00:07+02:00", datetime(2025, 3, 1, 10, 0, 7, tzinfo=UTC)),
        ("2025-03-01T12:00:07", datetime(2025, 3, 1, 12, 0, 7, tzinfo=UTC)),
        (" 20080430204825 ", datetime(2008, 4, 30, 20, 48, 25, tzinfo=UTC)),
        ("2008-10-294T05:21:46-0700", None),
        ("2025-02-30T12:00:07Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(text: str, date: datetime | None) -> None:
    assert parse_date(text) == date


@pytest.mark.data
def test_real_files(real_data: Path) -> None:
    """Every real and odd file is read to its end; counts were compared with warcio's where it can read the file."""
    expected = {
        "crawl/aut__example.warc.gz": (822, 94, 0),
        "crawl/chatnoir-resiliparse__clueweb-quirk.warc.gz": (30, 29, 0),
        "crawl/dolma__sample-0000.warc.gz": (48, 22, 0),
        "crawl/pywb__iana.warc.gz": (343, 16, 0),
        "crawl/chatnoir-resiliparse__clipped.warc.gz": (1, 0, 1),
        "crawl/webarchive-discovery__IAH-20080430204825-00000-blackbook-truncated.arc.gz": (9, 2, 0),
        "edge/webarchive-commons__IAH-20080430204825-00000-blackbook-truncated.arc": (9, 2, 0),
        "edge/warcio__example-bad-non-chunked.warc.gz": (6, 1, 0),
        "edge/warcio__example-trunc.warc": (4, 0, 1),
        "edge/warcio.js__example-bad-length.warc": (6, 0, 1),
        "edge/jhove/valid-warcfile-upper-lower-case.warc": (5, 0, 0),
    }
    seen = {}
    folder = real_data / "warc"
    for path in sorted(folder.rglob("*arc*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        warc = WarcFile(io.BytesIO(data), name=path.name, max_bytes=10 << 20)
        captures = list(warc)
        assert warc.xxh3_128 == xxhash.xxh3_128_hexdigest(data)
        offsets = [capture.offset for capture in captures]
        assert offsets == sorted(set(offsets))
        usable = sum(capture.reason is None for capture in captures)
        damaged = sum(capture.reason in ("truncated", "corrupt") for capture in captures)
        seen[str(path.relative_to(folder))] = (warc.records, usable, damaged)
    assert {name: seen[name] for name in expected} == expected
