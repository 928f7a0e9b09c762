"""Rows of a data set as items: a text or a page's HTML, with what the data set says of it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import xxhash

from pipeline.extract.html import EXTRACTOR
from pipeline.extract.items import Item, Origin, Reader, content_id, host_of, sha1_digest
from pipeline.extract.limits import Limits
from pipeline.extract.page import PageInput, TextInput
from pipeline.texts.columns import Columns
from pipeline.texts.rows import Other, Row, Rows

_ID = re.compile(r"(?:<?urn:uuid:)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})>?", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2}|und")
_WEB = ("http://", "https://")
_LONGEST_DATE = 40
_DIGITS = 4
Values = dict[str, Any]


class Unfit(Exception):
    """A row that gives no document: the ledger's reason, and what decided."""

    def __init__(self, reason: str, value: str) -> None:
        super().__init__(reason, value)
        self.reason, self.value = reason, value


class Texts(Reader):
    """The documents of a file of rows.

    Args:
        rows: the file.
        name: what the file is called.
        columns: which field is read: `html` where that is set, else `text`.
        crawl: of rows that name none.
        limits: of texts and pages.
    """

    def __init__(self, rows: Rows, name: str, columns: Columns, crawl: str | None, limits: Limits) -> None:
        self._rows, self._name, self._crawl, self._limits = rows, name, crawl, limits
        self._read = self._page if columns.html else self._text
        self._highest = {name: score.highest for name, score in columns.scores.items()}

    def __iter__(self) -> Iterator[Item]:
        """Every row, and every stretch that cannot be read."""
        for row in self._rows:
            yield self._item(row)

    def info(self) -> dict[str, Any]:
        """As the file's rows say."""
        return {"status": self._rows.status, "xxh3_128": self._rows.xxh3_128, "error": self._rows.error}

    def _item(self, row: Row) -> Item:
        values = row.values
        url, date = _string(values.get("url")), _date(values.get("date"))
        given = _id(values.get("id"))
        page: PageInput | TextInput | None = None
        said: Values = {}
        reason, value = row.reason, row.value
        if reason is None:
            try:
                page, digest, said = self._read(values, url or "")
                given = given or content_id(url or "", date, digest)
            except Unfit as unfit:
                reason, value = unfit.reason, f"row {row.number}: {unfit.value}"
        return Item(
            identity={"id": given, "url": url, "warc_file": None, "warc_offset": None},
            page=page,
            columns=self._columns(values, url, date, said),
            url=url if url is not None and url.lower().startswith(_WEB) else None,
            done=row.done,
            reason=reason,
            value=value,
            origin=Origin(self._name, row.number),
            scores={name: score for name, score in self._further(values) if score is not None},
        )

    def _text(self, values: Values, url: str) -> tuple[TextInput, str, Values]:
        text = _content(values.get("text"))
        if len(text) > self._limits.text_chars:
            raise Unfit("text_too_long", f"{len(text)} characters")
        try:
            digest = xxhash.xxh3_128_hexdigest(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise Unfit("not_utf8", f"a lone surrogate at character {error.start}") from error
        if not text.strip():
            raise Unfit("empty", f"{len(text)} characters")
        language = _string(values.get("language")) or ""
        page = TextInput(
            text=text,
            url=url,
            language=language if _LANGUAGE.fullmatch(language) else None,
            language_score=_score(values.get("language_score")),
            math_score=_score(values.get("math_score")),
        )
        said = {name: _string(values.get(name)) for name in ("title", "extractor", "refiner")}
        return page, digest, said | {"parent": _id(values.get("parent"))}

    def _page(self, values: Values, url: str) -> tuple[PageInput, str, Values]:
        html = values.get("html")
        if isinstance(html, str):
            html = html.encode("utf-8", "surrogatepass")
            charset = "utf-8"
        elif isinstance(html, bytes):
            charset = None
        else:
            raise _missing(html)
        if len(html) > self._limits.page_bytes:
            raise Unfit("too_large", f"{len(html)} bytes")
        digest = sha1_digest(html)
        return PageInput(html, url, charset), digest, {"payload_digest": digest, "extractor": EXTRACTOR}

    def _further(self, values: Values) -> Iterator[tuple[str, float | None]]:
        for name, highest in self._highest.items():
            yield name, _score(values.get(f"scores.{name}"), highest)

    def _columns(self, values: Values, url: str | None, date: datetime | None, said: Values) -> Callable[[], Values]:
        def columns() -> Values:
            return {
                "host": host_of(url) if url is not None else None,
                "crawl": _string(values.get("crawl")) or self._crawl,
                "date": date,
                **{name: value for name, value in said.items() if value is not None},
            }

        return columns


def _content(value: Any) -> str:
    """The text of a row. Raises Unfit."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unfit("not_utf8", f"byte {error.start}") from error
    if not isinstance(value, str):
        raise _missing(value)
    return value


def _missing(value: Any) -> Unfit:
    kind = value.kind if isinstance(value, Other) else "null" if value is None else type(value).__name__
    return Unfit("no_text", kind)


def _string(value: Any) -> str | None:
    """A text of at least one visible character; None for anything else."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return text or None


def _id(value: Any) -> str | None:
    match = _ID.fullmatch(_string(value) or "")
    return match[1].replace("-", "").lower() if match else None


def _score(value: Any, highest: float = 1.0) -> float | None:
    """A number as a share of the highest, in 0..1; None for anything else, NaN too."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        return None
    return round(value / highest, _DIGITS)


def _date(value: Any) -> datetime | None:
    """A date in UTC, to the millisecond; None for what is none."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip()[:_LONGEST_DATE])
        if not isinstance(value, datetime):
            return None
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    date: datetime = value
    return date.replace(microsecond=date.microsecond // 1000 * 1000)
