"""Where the rows of many pages go: standard output, one JSONL file, or a folder with a Markdown file per page."""

import json
from pathlib import Path
from typing import Any, Protocol

from pipeline.extract.batch.rows import Rows
from pipeline.extract.batch.sources import Source
from pipeline.extract.explain import Explanation, as_json, report
from pipeline.extract.html import EXTRACTOR
from pipeline.files import write_text

Row = dict[str, Any]


class Sink(Protocol):
    """Takes the row of each page, with its explanation where one was asked for."""

    def done(self, source: Source, digest: str | None) -> Row | None:
        """What an earlier run wrote of the same page (of the same bytes, where `digest` is given), or None."""

    def write(self, source: Source, row: Row, told: Explanation | None) -> None:
        """Write a page."""

    def finish(self, pages: list[str]) -> None:
        """All pages are written, or have failed."""


class Stream:
    """Rows as lines on standard output; there is nothing to go on with."""

    def done(self, source: Source, digest: str | None) -> Row | None:
        """None."""
        return None

    def write(self, source: Source, row: Row, told: Explanation | None) -> None:
        """Print a row."""
        print(json.dumps(_with(row, told), ensure_ascii=False), flush=True)

    def finish(self, pages: list[str]) -> None:
        """Nothing is left to do."""


class Lines:
    """Rows in one JSONL file."""

    def __init__(self, rows: Rows, explained: bool) -> None:
        self._rows, self._explained = rows, explained

    def done(self, source: Source, digest: str | None) -> Row | None:
        """The row, if this version wrote it, with an explanation if one is wanted."""
        row = self._rows.get(source.name)
        if row is None or row["extractor"] != EXTRACTOR or ("explain" in row) != self._explained:
            return None
        return row if digest in (None, row["html_xxh3_128"]) else None

    def write(self, source: Source, row: Row, told: Explanation | None) -> None:
        """Add a row."""
        self._rows.add(_with(row, told))

    def finish(self, pages: list[str]) -> None:
        """Put the rows into order."""
        self._rows.finish(pages)


class Folder(Lines):
    """A Markdown file per page that has text, and rows that name it instead of holding the text."""

    def __init__(self, folder: Path, rows: Rows, explained: bool) -> None:
        super().__init__(rows, explained)
        self._folder = folder

    def done(self, source: Source, digest: str | None) -> Row | None:
        """As of `Lines`, if the files are still there."""
        row = super().done(source, digest)
        if row is None or not all((self._folder / row[key]).is_file() for key in ("file", "explain") if row.get(key)):
            return None
        return row

    def write(self, source: Source, row: Row, told: Explanation | None) -> None:
        """Write the files, then the row."""
        text, named = row.pop("text"), f"{source.stem}.md"
        row["file"] = named if text else None
        if text:
            write_text(self._folder / named, text + "\n")
        else:
            (self._folder / named).unlink(missing_ok=True)
        if self._explained:
            row["explain"] = f"{source.stem}.explain.txt" if told else None
        if told:
            write_text(self._folder / row["explain"], report(told) + "\n")
        self._rows.add(row)


def _with(row: Row, told: Explanation | None) -> Row:
    return row if told is None else row | {"explain": as_json(told)}
