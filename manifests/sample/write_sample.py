"""Write the sample crawl: `python -m manifests.sample.write_sample [FOLDER]` (this folder when none is given).

The same program always writes the same records: dates, record ids and every choice are fixed. Only the compressed bytes
may differ, with the version of zlib.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

from manifests.sample.crawl import all_pages
from manifests.sample.records import Page, WarcFile, record_id

NUM_FILES = 3


def gold(page: Page, file: str) -> dict[str, object]:
    """The line of `pages.jsonl` for `page`."""
    return {
        "url": page.url,
        "file": file,
        "kind": page.kind,
        "encoding": page.encoding,
        "language": page.language,
        "math": page.math,
        "cluster": page.cluster,
        "series": page.series,
        "status": page.status,
        "fate": page.fate,
        "formulas": [{"tex": tex, "display": display} for tex, display in page.formulas],
    }


def write(folder: Path) -> None:
    """Write `crawl-NN.warc.gz` and `pages.jsonl` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    spread: list[list[Page]] = [[] for _ in range(NUM_FILES)]
    whole, damaged = all_pages()
    Random("order").shuffle(whole)
    for index, page in enumerate(whole):
        spread[index % NUM_FILES].append(page)
    place = next(index for index, page in enumerate(spread[0]) if page.kind == "thread")
    twin = replace(spread[0][place], cluster="same-id", record_id=record_id("twin"))
    spread[0][place] = twin
    spread[1].append(twin)  # a page with one record id in two files, as merged crawls have them
    last = spread[-1]
    for index, page in enumerate(damaged):  # damage stands between good pages, so that a reader has to go on after it
        last.insert(len(last) * (index + 1) // len(damaged), page)
    lines: list[str] = []
    for number, pages in enumerate(spread):
        warc = WarcFile(number)
        warc.warcinfo()
        for index, page in enumerate(pages):
            if index % 6 == 0:
                warc.request(page)
            warc.response(page)
            if index % 9 == 0:
                warc.metadata(page)
            if index % 16 == 5 and page.fate == "page":
                warc.revisit(page)
            lines.append(json.dumps(gold(page, f"crawl-{number:02d}.warc.gz"), ensure_ascii=False))
        (folder / f"crawl-{number:02d}.warc.gz").write_bytes(warc.out.getvalue())
    (folder / f"crawl-{NUM_FILES:02d}.warc.gz").write_bytes(b"")  # a crawler that died before its first record
    (folder / "pages.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
