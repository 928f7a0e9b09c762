"""Small WARC records written by hand, so that a test decides every byte."""

import base64
import hashlib
import random
import zlib


def record_id(number: int) -> str:
    return f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>"


def html(number: int, words: int = 400) -> bytes:
    """A page that compresses about as well as a real one does."""
    source = random.Random(number)
    text = " ".join("".join(source.choices("abcdefghijklmnop", k=source.randint(1, 9))) for _ in range(words))
    return f"<!doctype html><html><title>Page {number}</title><p>{text}</p></html>".encode()


def page(number: int, fields: str = "Content-Type: text/html; charset=UTF-8\r\n", body: bytes | None = None) -> bytes:
    """An HTTP response."""
    return f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + (html(number) if body is None else body)


def record(
    number: int,
    content: bytes,
    kind: str = "response",
    fields: str = "",
    declared: int | None = None,
    digest: bool = False,
    end: bytes = b"\r\n\r\n",
) -> bytes:
    """A WARC record. `declared`: a Content-Length other than the true one."""
    if digest:
        sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
        fields += f"WARC-Block-Digest: sha1:{base64.b32encode(sha1).decode()}\r\n"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {record_id(number)}\r\n"
        f"WARC-Date: 2025-03-01T12:00:{number % 60:02d}Z\r\nWARC-Target-URI: https://example.org/{number}\r\n"
        f"Content-Type: application/http; msgtype={kind}\r\n{fields}"
        f"Content-Length: {len(content) if declared is None else declared}\r\n\r\n"
    )
    return head.encode() + content + end


def gzip_member(data: bytes, level: int = 6) -> bytes:
    """One gzip member, the same on every machine."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()
