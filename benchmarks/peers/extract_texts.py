"""Extract every page of a folder with one extractor, and say what each page cost.

    python extract_texts.py EXTRACTOR DATA OUT

DATA holds records.jsonl and pages/; OUT gets <id>.txt for each page and cost.json: CPU seconds by page, the errors, the
resident size after each eighth of the pages. It imports nothing but the extractor, so it runs in any environment.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

Extractor = Callable[[bytes, str], str | None]
WARM_UP = 10  # pages extracted before the clock starts: imports and caches are no cost of a page


def _trafilatura(**options: object) -> Extractor:
    extract = importlib.import_module("trafilatura").extract
    return lambda html, url: extract(html, url=url or None, **options)


def _resiliparse() -> Extractor:
    plain = importlib.import_module("resiliparse.extract.html2text").extract_plain_text
    return lambda html, url: str(plain(_text_of(html), main_content=True, alt_texts=True, preserve_formatting=True))


def _text_of(html: bytes) -> str:
    encoding = importlib.import_module("resiliparse.parse.encoding")
    return str(encoding.bytes_to_str(html, encoding.detect_encoding(html)))


def _readability() -> Extractor:
    """readability-lxml chooses, html2text writes."""
    document = importlib.import_module("readability").Document
    writer = importlib.import_module("html2text").HTML2Text

    def extract(html: bytes, url: str) -> str:
        writes = writer(bodywidth=0)
        writes.ignore_links = writes.ignore_images = True
        return str(writes.handle(document(_text_of(html)).summary(html_partial=True)))

    return extract


def _justext() -> Extractor:
    """jusText without the stop words of a language, since the pages have many."""
    module = importlib.import_module("justext")

    def extract(html: bytes, url: str) -> str:
        paragraphs = module.justext(_text_of(html), frozenset(), stopwords_low=0, stopwords_high=0)
        return "\n\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)

    return extract


def _inscriptis() -> Extractor:
    """The whole page, nothing left out."""
    get_text = importlib.import_module("inscriptis").get_text
    return lambda html, url: str(get_text(_text_of(html)))


def _mathmill() -> Extractor:
    module = importlib.import_module("pipeline.extract.html")

    def extract(html: bytes, url: str) -> str:
        try:
            return str(module.extract(html, url).text)
        except module.LimitExceeded:
            return ""

    return extract


EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "mathmill": _mathmill,
    "trafilatura": _trafilatura,
    "trafilatura_markdown": lambda: _trafilatura(output_format="markdown", include_formatting=True),
    "trafilatura_recall": lambda: _trafilatura(favor_recall=True),
    "trafilatura_precision": lambda: _trafilatura(favor_precision=True),
    "resiliparse": _resiliparse,
    "readability": _readability,
    "justext": _justext,
    "inscriptis": _inscriptis,
}


def _attempt(extract: Extractor, html: bytes, url: str) -> tuple[str, str]:
    """The text of a page and "", or "" and the error: a peer that fails on a page keeps nothing of it."""
    try:
        return extract(html, url) or "", ""
    except Exception as error:  # noqa: BLE001 - whatever a peer raises
        return "", f"{type(error).__name__}: {error}"[:200]


def main() -> None:
    """Extract, write, measure."""
    name, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    extract = EXTRACTORS[name]()
    out.mkdir(parents=True, exist_ok=True)
    records = [json.loads(line) for line in (data / "records.jsonl").open(encoding="utf-8")]
    pages = [(record["id"], (data / record["html_file"]).read_bytes(), record.get("url") or "") for record in records]
    for _, html, url in pages[:WARM_UP]:
        _attempt(extract, html, url)
    seconds, errors, resident = {}, {}, []
    for number, (page, html, url) in enumerate(pages):
        started = time.process_time()
        text, error = _attempt(extract, html, url)
        seconds[page] = time.process_time() - started
        if error:
            errors[page] = error
        (out / f"{page}.txt").write_text(text, encoding="utf-8")
        if number % max(1, len(pages) // 8) == 0:
            resident.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    cost = {"cpu_s": seconds, "errors": errors, "resident_bytes": resident}
    (out / "cost.json").write_text(json.dumps(cost), encoding="utf-8")


if __name__ == "__main__":
    main()
