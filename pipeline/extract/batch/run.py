"""Many pages to text, one after the other: read or fetched, extracted, written, and told where one failed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from pipeline.errors import BadInput, BuildFailed
from pipeline.extract.batch.reader import PageFailed, Raw, Reader
from pipeline.extract.batch.rows import open_rows
from pipeline.extract.batch.sinks import Folder, Lines, Row, Sink, Stream
from pipeline.extract.batch.sources import Source
from pipeline.extract.explain import Explanation, explain, report
from pipeline.extract.html import EXTRACTOR, Page, extract
from pipeline.extract.limits import LimitExceeded
from pipeline.progress import Reporter

ROWS = "pages.jsonl"
"""In an output folder: a row per page, without the text."""


@dataclass
class _Tally:
    """What the summary says."""

    texts: int = 0
    formulas: int = 0
    before: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, row: Row) -> None:
        self.formulas += row["formulas"]
        if row["reason"] is None:
            self.texts += 1
        else:
            self.reasons[row["reason"]] += 1

    def summary(self, pages: int, out: Path | None) -> str:
        parts = [f"{self.texts:,} texts with {self.formulas:,} formulas from {pages:,} pages"]
        parts += [f"{reason} {count:,}" for reason, count in sorted(self.reasons.items())]
        if self.failed:
            parts.append(f"failed {self.failed:,}")
        if self.before:
            parts.append(f"done before {self.before:,}")
        return "; ".join(parts) + (f" -> {out}" if out else "")


def extract_one(source: Source, reader: Reader, *, explained: bool) -> str:
    """The text of one page, or with `explained` the report on it.

    Raises:
        BadInput: the file cannot be read, or the page passes a limit.
        BuildFailed: the address could not be fetched.
    """
    try:
        raw = reader.read(source)
    except PageFailed as error:
        kind = BadInput if source.path else BuildFailed
        raise kind(f"{source.where}: {error}") from error
    try:
        if explained:
            return report(explain(raw.html, raw.url, raw.charset))
        return extract(raw.html, raw.url, raw.charset).text
    except LimitExceeded as limit:
        raise BadInput(
            f"{source.where}: {limit.reason}: {limit.value}; a page this large or deep is not extracted"
        ) from limit


def extract_many(pages: list[Source], out: Path | None, reader: Reader, *, explained: bool, reporter: Reporter) -> None:
    """Extract pages into a folder, a `.jsonl` file, or, where `out` is None, as JSON lines to standard output.

    A page that an earlier run wrote, with this version and of the same bytes, is not extracted again, and an address
    not fetched again. The bytes of the output do not depend on how often the run was interrupted.

    Raises:
        BadInput: `out` cannot be written to by this run.
        BuildFailed: some pages could not be read; the same command tries them again.
    """
    tally = _Tally()
    with _open(out, explained) as sink, reporter.phase("extract", len(pages), 0, unit="pages") as progress:
        for number, source in enumerate(pages, start=1):
            try:
                _page(source, sink, reader, tally, explained)
            except PageFailed as error:
                tally.failed += 1
                named = source.where if source.where == source.name else f"{source.where}: {source.name}"
                reporter.line(f"{named}: {error}")
            progress(number)
        sink.finish([source.name for source in pages])
    reporter.line(tally.summary(len(pages), out))
    if tally.failed:
        raise BuildFailed(f"{tally.failed} of {len(pages)} pages could not be read; the same command tries them again")


@contextmanager
def _open(out: Path | None, explained: bool) -> Iterator[Sink]:
    if out is None:
        yield Stream()
        return
    lines = out.suffix == ".jsonl"
    if out.exists() and lines == out.is_dir():
        raise BadInput(f"--out {out}: {'is a folder' if lines else 'is a file'}; give a folder or a .jsonl file")
    with open_rows(out if lines else out / ROWS) as rows:
        yield Lines(rows, explained) if lines else Folder(out, rows, explained)


def _page(source: Source, sink: Sink, reader: Reader, tally: _Tally, explained: bool) -> None:
    """Bring one page into the sink, if it is not there. Raises PageFailed."""
    row = sink.done(source, None) if source.path is None else None
    if row is None:
        raw = reader.read(source)
        digest = xxhash.xxh3_128_hexdigest(raw.html)
        row = sink.done(source, digest)
        if row is None:
            row, told = _row(source, raw, digest, explained)
            tally.count(row)
            sink.write(source, row, told)
            return
    tally.before += 1
    tally.count(row)


def _row(source: Source, raw: Raw, digest: str, explained: bool) -> tuple[Row, Explanation | None]:
    told, reason, value = None, None, None
    try:
        if explained:
            told = explain(raw.html, raw.url, raw.charset)
            page = told.page
        else:
            page = extract(raw.html, raw.url, raw.charset)
        if not page.text:
            reason, value = "empty", f"{len(raw.html)} bytes of HTML"
    except LimitExceeded as limit:
        page, reason, value = Page("", "", 0), limit.reason, limit.value
    row = {
        "page": source.name,
        "url": raw.url,
        "title": page.title,
        "text": page.text,
        "formulas": page.formulas,
        "encodings": page.encodings,
        "reason": reason,
        "value": value,
        "extractor": EXTRACTOR,
        "html_xxh3_128": digest,
    }
    return row, told
