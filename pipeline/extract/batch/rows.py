"""The rows of many pages on disk: appended as pages are done, in the order of the pages at the end.

Until then they stand in `<file>.part`, one whole line per page that is done, in which a later run goes on.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import BadInput
from pipeline.files import atomic_path


class Rows:
    """Rows by page; of two for one page the later counts. Only their places are held in memory."""

    def __init__(self, path: Path, part: IO[bytes]) -> None:
        self.path = path
        self._part = part
        self._places: dict[str, tuple[Path, int]] = {}
        if path.exists():
            self._read(path)
        whole = self._read(Path(part.name))
        part.seek(whole)
        part.truncate()

    def get(self, page: str) -> dict[str, Any] | None:
        """The row of a page that an earlier run finished, or None."""
        place = self._places.get(page)
        return self._row(place) if place else None

    def add(self, row: dict[str, Any]) -> None:
        """Write the row of a page, which `row["page"]` names."""
        self._places[row["page"]] = Path(self._part.name), self._part.tell()
        self._part.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self._part.flush()

    def finish(self, pages: Iterable[str]) -> None:
        """Put the rows of these pages, in this order, in the place of all others. Pages without a row have none."""
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            for page in pages:
                if page in self._places:
                    file.write(self._line(self._places[page]))
        Path(self._part.name).unlink()

    def _read(self, path: Path) -> int:
        """Note the places of the rows in a file; return where its whole lines end."""
        at = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._places[_page_of(line, path)] = path, at
                at += len(line)
        return at

    def _line(self, place: tuple[Path, int]) -> bytes:
        path, at = place
        with path.open("rb") as file:
            file.seek(at)
            return file.readline()

    def _row(self, place: tuple[Path, int]) -> dict[str, Any]:
        row: dict[str, Any] = json.loads(self._line(place))
        return row


@contextmanager
def open_rows(path: Path) -> Iterator[Rows]:
    """The rows of an earlier run to go on with, or none.

    Raises:
        BadInput: another run is writing them, or the file holds something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.part").open("a+b") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(f"{path}: another run is writing it; wait for it, or end it") from error
        part.seek(0)
        yield Rows(path, part)


def _page_of(line: bytes, path: Path) -> str:
    try:
        page = json.loads(line)["page"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: holds other rows than those of pages; choose another --out") from error
    return str(page)
