"""Records out of decoded bytes: where one begins, where it really ends, and whether that is what it says.

A record states its length and nothing marks its end, so a wrong length loses everything behind it. Here a length
is believed when blank lines and then another record, or the end, follow the content; otherwise reading continues at
the next thing that looks like a record's header, looked for behind the record's own header.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.extract.decoded import Decoded, End, PlainFile
from pipeline.extract.grammar import HEADER_BYTES, Grammar, Headers, block_length

_NEAR = 1 << 20
"""A content up to this long is read before it is known whether its length is true."""


@dataclass(slots=True)
class Record:
    """A record as framed; `begin` and `end` are positions in the decoded stream."""

    begin: int
    headers: Headers
    declared: int
    """Content-Length; -1 when there is none."""
    read: int = 0
    """Bytes of content that are there."""
    data: bytes = b""
    """Holds the content, from `at` on, `read` bytes; empty when that is longer than was asked for, or damaged. A slice
    of its own would cost a copy of every page."""
    at: int = 0
    reason: str | None = None
    """`truncated` or `corrupt`; None for a record that is as long as it says."""
    value: str | None = None
    end: int = 0
    last: bool = False
    """Whether the stream ends behind it."""


@dataclass(slots=True)
class Span:
    """Bytes in which no record begins."""

    begin: int
    end: int


def frame(stream: Decoded, grammar: Grammar, max_content: int) -> Iterator[Record | Span]:
    """The records of a stream in order; contents longer than `max_content` bytes are passed over."""
    while True:
        stream.skip_blank()
        if stream.at_end():
            return
        begin = stream.position
        header = _take_header(stream, grammar)
        if header is None:
            stream.skip(1)
            yield Span(begin, _seek_header(stream, grammar))
            continue
        yield _take_content(stream, grammar, begin, header, max_content)


def agrees(record: Record) -> bool | None:
    """Whether a digest in the record's header is that of its content; None when it has none that we can compute."""
    if not record.data or record.read != record.declared:
        return None
    headers, content = record.headers, memoryview(record.data)[record.at : record.at + record.read]
    for name, start in (("warc-block-digest", 0), ("warc-payload-digest", block_length(record.data, record.at))):
        algorithm, _, written = headers.get(name, "").strip().partition(":")
        algorithm = algorithm.lower().replace("-", "")
        if not written or algorithm not in ("sha1", "sha256", "md5"):
            continue
        computed = hashlib.new(algorithm, content[start:], usedforsecurity=False).digest()
        if written.lower() == computed.hex() or written.upper().rstrip("=") == _base32(computed):
            return True
        if name == "warc-block-digest":
            return False
    return None


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode("ascii").rstrip("=")


def _take_header(stream: Decoded, grammar: Grammar) -> Headers | None:
    """The header at the cursor, which moves behind it; None when there is none."""
    held = stream.fill(max(4096, grammar.lookahead))
    if not grammar.begins(stream.data, stream.at):
        return None
    length = grammar.length(stream.data, stream.at)
    if not length and held < HEADER_BYTES:
        stream.fill(HEADER_BYTES)
        length = grammar.length(stream.data, stream.at)
    if not length:
        return None
    block = stream.data[stream.at : stream.at + length]
    stream.at += length
    return grammar.parse(block)


def _take_content(stream: Decoded, grammar: Grammar, begin: int, headers: Headers, max_content: int) -> Record:
    start = stream.position
    text = headers.get("content-length", "").strip()
    declared = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
    record = Record(begin, headers, declared)
    if declared < 0:
        record.reason, record.value = "corrupt", f"Content-Length {text!r}" if text else "no Content-Length"
        _resume(stream, grammar, start, record)
        return record
    if declared > _NEAR and isinstance(stream, PlainFile) and not _followed(stream, grammar, start + declared):
        # Not read at all: reading it would let a file of lying lengths cost its square.
        record.read = min(declared, stream.size - start)
        if record.read < declared:
            _short(stream, grammar, start, record)
        else:
            _stray(stream, grammar, start, record)
        return record
    if declared <= max_content:
        record.read = min(stream.fill(declared + 16), declared)
        record.data, record.at = stream.data, stream.at
        stream.at += record.read
    else:
        record.read = stream.skip(declared)
    if record.read < declared:
        _short(stream, grammar, start, record)
        return record
    if stream.end is not None and stream.at + 4 == len(stream.data) and stream.data.endswith(b"\r\n\r\n"):
        stream.at += 4  # one record in its member, as it should be
        record.end, record.last = stream.position, True
        return record
    ended = stream.fill(4) == 0 or stream.data.startswith(b"\r\n\r\n", stream.at)
    stream.skip_blank()
    record.end, record.last = stream.position, stream.at_end()
    if record.last or (stream.fill(grammar.lookahead) and grammar.begins(stream.data, stream.at)):
        return record
    if ended and agrees(record):
        return record  # whole, as its digest proves; what follows is something else
    _stray(stream, grammar, start, record)
    return record


def _short(stream: Decoded, grammar: Grammar, start: int, record: Record) -> None:
    """The stream ended within the content: it was cut, or the length swallowed the records that follow."""
    record.data = b""
    if stream.back_to(start):
        found = _seek_header(stream, grammar)
        if not stream.at_end():
            record.read, record.end = found - start, found
            record.reason, record.value = "corrupt", f"declares {record.declared} bytes, the next record is closer"
            return
    record.end, record.last = stream.position, True
    record.reason = "corrupt" if stream.end in (End.BROKEN, End.CHECKSUM) else "truncated"
    record.value = f"read {record.read} of {record.declared} bytes"


def _stray(stream: Decoded, grammar: Grammar, start: int, record: Record) -> None:
    """Something else than a record follows the content: the length is wrong, one way or the other."""
    record.reason, record.value = "corrupt", f"no record follows the {record.declared} bytes it declares"
    stream.back_to(start)  # where a content too long to hold is gone, reading goes on behind it
    _resume(stream, grammar, start, record)


def _resume(stream: Decoded, grammar: Grammar, start: int, record: Record) -> None:
    record.data = b""
    record.end = _seek_header(stream, grammar)
    record.last = stream.at_end()
    record.read = min(record.read, record.end - start) if record.read else record.end - start


def _followed(stream: PlainFile, grammar: Grammar, position: int) -> bool:
    """Whether a record, or the end of the file, follows at `position`."""
    if position >= stream.size:
        return position == stream.size
    follows = stream.peek_at(position, grammar.lookahead).lstrip(b"\r\n\t ")
    return not follows or grammar.begins(follows, 0)


def _seek_header(stream: Decoded, grammar: Grammar) -> int:
    """Move the cursor to the next header at or behind it, or to the end; returns where it stands."""
    while True:
        held = stream.fill(HEADER_BYTES)
        match = grammar.find.search(stream.data, stream.at)
        if match:
            stream.at = match.start()
            return stream.position
        if stream.end is not None:
            stream.at += held
            return stream.position
        stream.at += max(0, held - grammar.lookahead)
