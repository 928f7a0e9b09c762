"""A record judged: what it is, whether it carries a page, and why not."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.extract.grammar import Headers
from pipeline.extract.http import (
    HTML_TYPES,
    UNKNOWN_TYPES,
    BodyError,
    binary_type,
    entity_body,
    looks_like_html,
    media_type,
    parse_response,
    undo_content_encoding,
)
from pipeline.extract.items import sha1_digest
from pipeline.extract.records import Record

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_ARC_DATE = re.compile(r"\d{14}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PAGE_TYPES = frozenset({"response", "resource", "conversion"})


@dataclass(frozen=True, slots=True)
class Capture:
    """One record begun, of any type, or one stretch of a file that holds no readable record."""

    offset: int
    """Byte offset in the file as stored: of the record's gzip member, or of the record in a plain file. The k-th
    record (from 0) of a member that holds several has the member's offset plus k."""
    length: int
    """Bytes it takes in the stored file, from our own offsets; of a shared member, the member's."""
    type: str
    """WARC-Type in lower case, "unknown" where a record has none; "" for an unreadable stretch."""
    record_id: str | None
    """WARC-Record-ID as written."""
    url: str
    """WARC-Target-URI without blanks and angle brackets around it, or ""."""
    date: datetime | None
    """WARC-Date in UTC, to the millisecond."""
    status: int | None
    """HTTP status."""
    content_type: str
    """Media type in lower case, without parameters, from the HTTP header (the WARC header where there is no HTTP)."""
    charset: str | None
    """Charset parameter of that Content-Type, as written."""
    payload: bytes
    """The page, transfer and content encodings undone; empty unless `reason` is None."""
    entity: bytes | None = field(repr=False)
    """The HTTP entity body (transfer encoding undone, content encoding not) of a page, and of a response whose record
    id holds no UUID; else None. Without a content encoding it is the same object as `payload`."""
    reason: str | None
    """None for a page; else why not."""
    value: str | None
    """What decided: "404", "image/png", "read 812 of 5000 bytes"."""

    @property
    def payload_digest(self) -> str:
        """`sha1:` and BASE32 of the entity body, as WARC-Payload-Digest defines it; "" where there is none.

        Computed when asked for: most pages of a crawl are dropped before anyone does.
        """
        if self.entity is None:
            return ""
        return sha1_digest(self.entity)


def unreadable(offset: int, length: int, value: str) -> Capture:
    """The capture of a stretch in which no record begins."""
    return Capture(offset, length, "", None, "", None, None, "", None, b"", None, "corrupt", value)


def judge(record: Record, offset: int, length: int, max_bytes: int) -> Capture:
    """The capture of a framed record. Its own damage decides first."""
    headers = record.headers
    kind = headers.get("warc-type", "").strip().lower() or "unknown"
    judged = _Judged()
    if record.reason is None:
        try:
            _judge_content(judged, kind, record, max_bytes)
        except BodyError as error:
            judged.reason, judged.value = error.reason, error.value
    else:
        judged.reason, judged.value = record.reason, record.value
    return Capture(
        offset,
        length,
        kind,
        headers.get("warc-record-id", "").strip() or None,
        headers.get("warc-target-uri", "").strip().removeprefix("<").removesuffix(">").strip(),
        parse_date(headers.get("warc-date", "")),
        judged.status,
        judged.content_type,
        judged.charset,
        judged.payload if judged.reason is None else b"",
        judged.entity,
        judged.reason,
        judged.value,
    )


@dataclass(slots=True)
class _Judged:
    status: int | None = None
    content_type: str = ""
    charset: str | None = None
    payload: bytes = b""
    entity: bytes | None = None
    reason: str | None = None
    value: str | None = None


def _judge_content(judged: _Judged, kind: str, record: Record, max_bytes: int) -> None:
    headers = record.headers
    if kind not in _PAGE_TYPES:
        raise BodyError("revisit" if kind == "revisit" else "not_response", kind)
    if record.declared and not record.data:
        raise BodyError("too_large", f"{record.declared} bytes")
    data, end = record.data, record.at + record.read
    response = parse_response(data, record.at, end)
    if response is not None:
        begin, http = response.body_start, response.headers
        judged.status = response.status
        judged.content_type, judged.charset = media_type(http.get("content-type", ""))
    else:
        begin, http = record.at, {}
        judged.content_type, judged.charset = media_type(headers.get("content-type", ""))
        if kind == "response" and judged.content_type in ("application/http", ""):
            judged.content_type, judged.charset = "", None
            raise BodyError("unreadable_http", "no status line")
    if end - begin > max_bytes:
        raise BodyError("too_large", f"{end - begin} bytes")
    if not _UUID.search(headers.get("warc-record-id", "")):
        judged.entity = entity_body(data[begin:end], http)  # its digest takes the id's place
    if response is not None and not 200 <= response.status <= 299:
        raise BodyError("http_status", str(response.status))
    if judged.content_type not in HTML_TYPES and judged.content_type not in UNKNOWN_TYPES:
        raise BodyError("content_type", judged.content_type)
    _check_whole(headers)
    entity = judged.entity if judged.entity is not None else entity_body(data[begin:end], http)
    judged.payload = undo_content_encoding(entity, http, max_bytes)
    if judged.content_type in UNKNOWN_TYPES and not looks_like_html(judged.payload):
        raise BodyError("content_type", judged.content_type or "none, and the body is not HTML")
    if binary := binary_type(judged.payload):
        raise BodyError("content_type", f"{binary}, served as {judged.content_type}")
    judged.entity = entity


def _check_whole(headers: Headers) -> None:
    """The archive's own word that it holds a part only."""
    if cut := headers.get("warc-truncated", "").strip():
        raise BodyError("truncated", f"WARC-Truncated: {cut[:40]}")
    if segment := headers.get("warc-segment-number", "").strip():
        raise BodyError("truncated", f"WARC-Segment-Number: {segment[:40]}")


def parse_date(text: str) -> datetime | None:
    """A WARC-Date (ISO 8601) or an ARC date (14 digits) in UTC, to the millisecond; None for anything else."""
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            date = datetime.fromisoformat(text)
        elif _ARC_DATE.fullmatch(text):
            date = datetime.strptime(text, "%Y%m%d%H%M%S")
        else:
            return None
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of April, the year 0
        return None
    return date.replace(microsecond=date.microsecond // 1000 * 1000)
