"""The HTTP message in a response record: status, media type, and the body with its encodings undone."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import brotli
import zstandard

from pipeline.extract.grammar import HEADER_BYTES, Headers, block_length, parse_block

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
UNKNOWN_TYPES = frozenset({"", "*/*", "unknown/unknown", "application/unknown", "application/octet-stream", "text"})
"""What servers say when they do not know: the body decides."""

_STATUS = re.compile(r"\s*HTTP(?:/\d(?:\.\d)?)?\s+(\d{3})(?!\d)", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,1000}?-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|title|body|meta|script|style|link|div|table|h1|p|br|a|b|font|center)(?=[\s>/])",
    re.IGNORECASE | re.DOTALL,
)
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"wOF", "font/woff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"\0asm", "application/wasm"),
)
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")


class BodyError(Exception):
    """A body that cannot be had; `reason` and `value` as in a Capture."""

    def __init__(self, reason: str, value: str) -> None:
        super().__init__(f"{reason}: {value}")
        self.reason, self.value = reason, value


@dataclass(slots=True)
class Response:
    """The head of an HTTP response; the body begins at `body_start`."""

    status: int
    headers: Headers
    body_start: int


def parse_response(data: bytes, start: int, end: int) -> Response | None:
    """The head of the HTTP response in `data[start:end]`, or None when it holds none."""
    first = data[start : min(start + 16, end)]
    start += len(first) - len(first.lstrip())
    if data[start : start + 4].upper() != b"HTTP":
        return None
    length = min(block_length(data, start) or end - start, end - start)
    line, headers = parse_block(data[start : start + min(length, HEADER_BYTES)])
    match = _STATUS.match(line)
    return Response(int(match[1]), headers, start + length) if match else None


def media_type(content_type: str) -> tuple[str, str | None]:
    """Media type in lower case and charset parameter of a Content-Type value."""
    kind, _, parameters = content_type.partition(";")
    charset = _CHARSET.search(parameters) if parameters else None
    return kind.partition(",")[0].strip().lower(), charset[1] if charset else None


def looks_like_html(body: bytes) -> bool:
    """Whether a body begins as a page does."""
    return _HTML_START.match(body[:4096]) is not None


def binary_type(body: bytes) -> str | None:
    """The media type of a body that plainly is no text, whatever its header says; else None."""
    for magic, kind in _MAGIC:
        if body.startswith(magic):
            return kind
    return None


def entity_body(body: bytes, headers: Headers) -> bytes:
    """The entity body: what follows the head, with the transfer encoding undone where it is still there.

    Raises:
        BodyError: `truncated`: the last chunk is missing.
    """
    # Many archivers undo the chunks and keep the header.
    if "chunked" in headers.get("transfer-encoding", "").lower() and _CHUNK.match(body):
        return _join_chunks(body)
    return body


def undo_content_encoding(body: bytes, headers: Headers, max_bytes: int) -> bytes:
    """The body with gzip, deflate, br and zstd undone, last applied first.

    A body that plainly is HTML already (its archiver undid the encoding and kept the header) comes back as it is.

    Raises:
        BodyError: `too_large`: more than `max_bytes` come out; `truncated`: the compressed data end too early;
            `corrupt`: they are invalid; `unreadable_http`: an encoding that nobody knows.
    """
    for coding in reversed(headers.get("content-encoding", "").lower().split(",")):
        coding = coding.strip().removeprefix("x-")
        if coding in ("", "identity", "none", "utf-8", "text/html"):
            continue
        if not body or looks_like_html(body):
            return body
        undo = _DECODERS.get(coding)
        if undo is None:
            raise BodyError("unreadable_http", f"content-encoding {coding[:40]}")
        try:
            body = undo(body, max_bytes)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise BodyError("corrupt", f"content-encoding {coding}: {error}") from error
        if len(body) > max_bytes:
            raise BodyError("too_large", f"content-encoding {coding}: more than {max_bytes} bytes decoded")
    return body


def _join_chunks(body: bytes) -> bytes:
    pieces: list[bytes] = []
    position = 0
    while match := _CHUNK.match(body, position):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(pieces)
        start = match.end()
        pieces.append(body[start : start + size])
        position = start + size
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
    raise BodyError("truncated", f"the chunks end after {sum(map(len, pieces))} bytes")


def _inflate(body: bytes, max_bytes: int, wbits: int) -> bytes:
    pieces, size = [], 0
    while body:
        decoder = zlib.decompressobj(wbits)
        piece = decoder.decompress(body, max_bytes + 1 - size)
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            break
        if not decoder.eof:
            raise BodyError("truncated", f"the compressed data end after {size} bytes")
        body = decoder.unused_data
        if not body.startswith(b"\x1f\x8b"):  # servers add stray bytes behind the one member
            break
    return b"".join(pieces)


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    return _inflate(body, max_bytes, 31)


def _deflate(body: bytes, max_bytes: int) -> bytes:
    # The standard means the zlib format; some servers send bare deflate data.
    zlib_format = body[0] & 0x0F == 8 and len(body) > 1 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, max_bytes, 15 if zlib_format else -15)


def _brotli(body: bytes, max_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    pieces: list[bytes] = []
    size, piece = 0, decoder.process(body, output_buffer_limit=max_bytes + 1)
    while piece:
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes or decoder.is_finished():
            return b"".join(pieces)
        piece = decoder.process(b"", output_buffer_limit=max_bytes + 1 - size)
    if not decoder.is_finished():
        raise BodyError("truncated", f"the compressed data end after {size} bytes")
    return b"".join(pieces)


def _zstd(body: bytes, max_bytes: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    pieces: list[bytes] = []
    size = 0
    # Small steps: one step's output has no limit, and a few bytes may stand for a block of 128 KiB.
    for start in range(0, len(body), 128):
        pieces.append(decoder.decompress(body[start : start + 128]))
        size += len(pieces[-1])
        if size > max_bytes or decoder.eof:
            return b"".join(pieces)
    raise BodyError("truncated", f"the compressed data end after {size} bytes")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
