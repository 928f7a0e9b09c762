"""Inputs of the build benchmark, made from the unpacked real pages and kept in the cache folder.

`one_page` measures start-up, `one_round` holds every real page once, `repeated` the same pages again and again under
new URLs and record ids until there are enough. A copy has its number in its longest runs of prose: copies are then
near-duplicates, not equal texts, which an exact pass would take away from MinHash. So `repeated` tells about speed and
memory; what it says about deduplication is only that copies are found.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from benchmarks.environment import cache_folder

_VERSION = 1
_FILES = 8
_DATE = "2025-01-15T00:00:00Z"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PROSE = re.compile(rb">([^<>{}$\\]{120,})(?=<)")
_MARKED_RUNS = 5


@dataclass(frozen=True)
class Inputs:
    """Folders of WARC files, each with `pages.jsonl` beside it (see `read_pages`)."""

    one_page: Path
    one_round: Path
    repeated: Path


@dataclass(frozen=True)
class Page:
    """One response of an input: where it stands for which real page. `copy` 0 is the page as it is."""

    url: str
    page: str
    subset: str
    copy: int


@dataclass(frozen=True)
class _Response:
    record_id: str
    url: str
    content_type: str
    body: bytes


def make_inputs(data: Path, min_pages: int) -> Inputs:
    """Make the inputs from the unpacked folder `data`, or take those made before; the bytes are always the same."""
    folder = cache_folder() / f"inputs-{_identity(data, min_pages)}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as name:
            making = Path(name) / "inputs"
            _make(data, making, min_pages)
            making.rename(folder)
    return Inputs(folder / "one_page", folder / "one_round", folder / "repeated")


def read_pages(folder: Path) -> dict[str, Page]:
    """The pages of an input by URL, in the order in which they stand in its files."""
    with (folder / "pages.jsonl").open(encoding="utf-8") as lines:
        return {page.url: page for page in (Page(**json.loads(line)) for line in lines)}


def describe(folder: Path) -> dict[str, Any]:
    """What an input is, for a result file."""
    pages = read_pages(folder).values()
    files = sorted(folder.glob("*.warc.gz"))
    return {
        "pages": len(pages),
        "real_pages": len({(page.subset, page.page) for page in pages}),
        "copies": 1 + max(page.copy for page in pages),
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "copies_are": "near-duplicates: new URL and record id, and their number in words in five runs of prose",
    }


def copied(body: bytes, copy: int) -> bytes:
    """A page with the number of its copy, in words, at the end of its five longest runs of prose; copy 0 is unchanged.

    Text in two-byte encodings is left alone, since ASCII words would break it.
    """
    if copy == 0 or b"\0" in body[:1000]:
        return body
    runs = sorted(_PROSE.finditer(body), key=lambda run: (run.start() - run.end(), run.start()))[:_MARKED_RUNS]
    mark = f" This is copy {' '.join(_DIGITS[int(digit)] for digit in str(copy))}.".encode()
    for end in sorted((run.end() for run in runs), reverse=True):
        body = body[:end] + mark + body[end:]
    return body


def copied_url(url: str, copy: int) -> str:
    """The URL of a copy: one more query parameter, before the fragment."""
    if copy == 0:
        return url
    address, hash_sign, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}copy={copy}{hash_sign}{fragment}"


def _identity(data: Path, min_pages: int) -> str:
    digest = hashlib.sha256(f"{_VERSION} {_FILES} {min_pages}".encode())
    for name in ("make_real_warc.py", "html_math/records.jsonl", "extraction_gold/records.jsonl"):
        digest.update((data / name).read_bytes())
    return digest.hexdigest()[:12]


def _make(data: Path, folder: Path, min_pages: int) -> None:
    real, pages = _real_pages(data, folder)
    rounds = -(-min_pages // len(real))
    _write(folder / "one_page", real[:1], pages[:1], rounds=1, files=1)
    _write(folder / "one_round", real, pages, rounds=1, files=1)
    _write(folder / "repeated", real, pages, rounds=rounds, files=_FILES)


def _real_pages(data: Path, folder: Path) -> tuple[list[_Response], list[Page]]:
    """The responses that the data's own script makes, run beside links so that nothing is written into the data."""
    workshop = folder / "workshop"
    workshop.mkdir(parents=True)
    shutil.copy(data / "make_real_warc.py", workshop)
    for name in ("html_math", "extraction_gold"):
        (workshop / name).symlink_to((data / name).resolve())
    subprocess.run([sys.executable, "make_real_warc.py"], cwd=workshop, check=True, stdout=subprocess.DEVNULL)
    index = [json.loads(line) for line in (workshop / "real_pages.index.jsonl").open(encoding="utf-8")]
    pages = [Page(row["uri"], row["id"], row["subset"], 0) for row in index]
    responses = list(_read(workshop / "real_pages.warc.gz"))
    assert [response.url for response in responses] == [page.url for page in pages]
    shutil.rmtree(workshop)
    return responses, pages


def _read(path: Path) -> Iterator[_Response]:
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                headers = record.rec_headers
                yield _Response(
                    headers["WARC-Record-ID"],
                    headers["WARC-Target-URI"],
                    record.http_headers["Content-Type"],
                    record.content_stream().read(),
                )


def _write(folder: Path, responses: list[_Response], pages: list[Page], *, rounds: int, files: int) -> None:
    """Write `rounds` copies of the responses, round after round, as `files` WARC files of equally many records."""
    folder.mkdir(parents=True)
    total = rounds * len(responses)
    bounds = [total * number // files for number in range(files + 1)]
    with (folder / "pages.jsonl").open("w", encoding="utf-8") as lines:
        for number, (first, last) in enumerate(pairwise(bounds)):
            with (folder / f"pages-{number:02d}.warc.gz").open("wb") as file:
                writer = WARCWriter(file, gzip=True)
                for position in range(first, last):
                    copy, index = divmod(position, len(responses))
                    page = pages[index]
                    page = Page(copied_url(page.url, copy), page.page, page.subset, copy)
                    _write_response(writer, responses[index], page)
                    lines.write(json.dumps(page.__dict__, ensure_ascii=False) + "\n")


def _write_response(writer: WARCWriter, response: _Response, page: Page) -> None:
    body = copied(response.body, page.copy)
    record_id = response.record_id
    if page.copy:
        record_id = f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{record_id} copy {page.copy}')}>"
    http = [("Content-Type", response.content_type), ("Content-Length", str(len(body)))]
    record = writer.create_warc_record(
        page.url,
        "response",
        payload=io.BytesIO(body),
        http_headers=StatusAndHeaders("200 OK", http, protocol="HTTP/1.1"),
        # Common Crawl names the payload's type in each record, and datatrove then asks libmagic for none.
        warc_headers_dict={
            "WARC-Date": _DATE,
            "WARC-Record-ID": record_id,
            "WARC-Identified-Payload-Type": "text/html",
        },
    )
    writer.write_record(record)
