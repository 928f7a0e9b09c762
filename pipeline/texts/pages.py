"""HTML files as items: a page a file, extracted as the pages of a WARC are."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import xxhash

from pipeline.extract.html import EXTRACTOR
from pipeline.extract.http import binary_type
from pipeline.extract.items import Item, Origin, Reader, content_id, sha1_digest
from pipeline.extract.page import PageInput
from pipeline.inputs import UNREADABLE

Files = list[dict[str, Any]]
"""`name`, `bytes`, and where it is (`location`, `remote`), of each."""


class Pages(Reader):
    """Args:
    files: the files.
    open_file: opens one of them.
    crawl: what documents say.
    max_bytes: the largest page.
    """

    def __init__(
        self, files: Files, open_file: Callable[[dict[str, Any]], BinaryIO], crawl: str | None, max_bytes: int
    ) -> None:
        self._files, self._open, self._crawl, self._max_bytes = files, open_file, crawl, max_bytes
        self._told: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[Item]:
        """A record for each file that can be read."""
        done = 0
        for file in self._files:
            done += file["bytes"]
            told: dict[str, Any] = {"file": file["name"], "bytes": file["bytes"], "status": "ok", "records": 1}
            self._told.append(told)
            try:
                with self._open(file) as opened:
                    html = opened.read(self._max_bytes + 1)
            except UNREADABLE as error:
                told.update(status="unreadable", error=error.strerror, records=0)
                continue
            if len(html) <= self._max_bytes:
                told["xxh3_128"] = xxhash.xxh3_128_hexdigest(html)
            yield self._item(file["name"], html, done)

    def info(self) -> dict[str, Any]:
        """What befell each file, in `files`."""
        return {"files": self._told}

    def _item(self, name: str, html: bytes, done: int) -> Item:
        digest = sha1_digest(html)
        reason = value = None
        if len(html) > self._max_bytes:
            reason, value = "too_large", f"over {self._max_bytes} bytes"
        elif binary := binary_type(html):
            reason, value = "content_type", binary
        return Item(
            identity={"id": content_id("", None, digest), "url": None, "warc_file": None, "warc_offset": None},
            page=PageInput(html, "", None) if reason is None else None,
            columns=lambda: {"crawl": self._crawl, "payload_digest": digest, "extractor": EXTRACTOR},
            url=None,
            done=done,
            reason=reason,
            value=value,
            origin=Origin(name, None),
        )
