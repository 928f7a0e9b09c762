"""The captures of a WARC or ARC file, as items."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from pipeline.extract.capture import Capture
from pipeline.extract.html import EXTRACTOR
from pipeline.extract.items import Item, Reader, content_id, host_of
from pipeline.extract.page import PageInput
from pipeline.extract.warc import WarcFile

_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})", re.IGNORECASE)


class Captures(Reader):
    """Args:
    file: the file, seekable.
    name: what `warc_file` says.
    crawl: the crawl's name, if it has one.
    max_bytes: the largest page.
    """

    def __init__(self, file: BinaryIO, name: str, crawl: str | None, max_bytes: int) -> None:
        self._warc, self._name, self._crawl = WarcFile(file, name=name, max_bytes=max_bytes), name, crawl

    def __iter__(self) -> Iterator[Item]:
        """Every record begun, and every stretch that holds none."""
        for capture in self._warc:
            yield self._item(capture)

    def info(self) -> dict[str, Any]:
        """As the reader of WARC files says."""
        return {"status": self._warc.status, "xxh3_128": self._warc.xxh3_128, "error": self._warc.detail or None}

    def _item(self, capture: Capture) -> Item:
        def columns() -> dict[str, Any]:
            return {
                "host": host_of(capture.url),
                "crawl": self._crawl,
                "payload_digest": capture.payload_digest or None,
                "extractor": EXTRACTOR,
                "date": _milliseconds(capture.date),
                "warc_length": capture.length,
            }

        return Item(
            identity={
                "id": document_id(capture) if capture.type else None,
                "url": capture.url or None,
                "warc_file": self._name,
                "warc_offset": capture.offset,
            },
            page=PageInput(capture.payload, capture.url, capture.charset) if capture.reason is None else None,
            columns=columns,
            url=capture.url,
            done=capture.offset,
            reason=capture.reason,
            value=capture.value,
        )


def document_id(capture: Capture) -> str:
    """The record id's UUID as 32 hex digits, else xxh3_128 of URL, date and payload digest."""
    match = _UUID.search(capture.record_id or "")
    if match:
        return "".join(match.groups()).lower()
    return content_id(capture.url, capture.date, capture.payload_digest)


def _milliseconds(date: datetime | None) -> datetime | None:
    return date.replace(microsecond=date.microsecond // 1000 * 1000) if date else None
