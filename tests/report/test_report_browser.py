"""The hostile report in a real browser: nothing runs, nothing is fetched."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, document, left_out
from selectolax.lexbor import LexborHTMLParser

from pipeline.report import render_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true",
    reason="no Chromium on this machine (apt-get install chromium)",
)

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=2000"
).split()


class _Server(ThreadingHTTPServer):
    """A web server on the loopback that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _payloads(port: int, also: str = "") -> list[str]:
    """Markup that marks the document, or asks the server, where it is not escaped."""
    mark, site = f"document.documentElement.setAttribute('data-ran',1){also}", f"http://127.0.0.1:{port}"
    return [
        f"</style></title></textarea><script>{mark}</script>",
        f'"><img src="{site}/image" onerror="{mark}">',
        f"<svg onload=\"{mark}\"></svg><style>@import '{site}/import';body{{background:url({site}/bg)}}</style>",
        f'<link rel="stylesheet" href="{site}/sheet"><iframe src="{site}/frame"></iframe>',
        f'<details open ontoggle="{mark}"><video src="{site}/video" autoplay></video></details>',
        f'<script src="{site}/script"></script><object data="{site}/object"></object>',
    ]


def _open(page: Path, folder: Path) -> str:
    """The document as the browser has it after loading a page and running what there is to run."""
    assert CHROMIUM is not None, "CI has to have Chromium"
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_probe_sees_what_a_careless_page_does(server: _Server, tmp_path: Path) -> None:
    page = tmp_path / "careless.html"
    page.write_text("<!doctype html><title>x</title><body>" + "".join(_payloads(server.server_port)), encoding="utf-8")
    assert 'data-ran="1"' in _open(page, tmp_path).partition("<body")[0]
    assert {"/image", "/bg", "/import", "/sheet", "/frame", "/video", "/script", "/object"} <= set(server.asked)


def test_a_hostile_report_runs_and_fetches_nothing(make_corpus: MakeCorpus, server: _Server, tmp_path: Path) -> None:
    columns = ("title", "url", "host", "warc_file", "language", "extractor", "text")
    payloads = _payloads(server.server_port, ";alert(1)")  # a dialog would keep the browser from ending
    kept = [document(number, **dict.fromkeys(columns, payload)) for number, payload in enumerate(payloads)]
    page = tmp_path / "report.html"
    page.write_text(render_report(make_corpus(kept), tmp_path), encoding="utf-8")
    document_after = _open(page, tmp_path)
    assert "data-ran" not in document_after.partition("<body")[0]
    assert document_after.count("<article") == len(payloads)
    assert server.asked == []


def _with_query(page: str, query: str) -> str:
    """The page as if a reader had typed: the script reads the box once it is ready."""
    return page.replace('<input id="query"', f'<input id="query" value="{query}"')


def test_search_finds_among_a_hundred_thousand_documents(
    make_corpus: MakeCorpus, server: _Server, tmp_path: Path
) -> None:
    kept = [document(number, text="Let $x$.", formulas=1) for number in range(100_000)]
    gone = [(document(number), left_out(number, "filter", "math", value="0.1")) for number in range(100_000, 101_000)]
    report = render_report(make_corpus(kept, gone), tmp_path)
    assert len(report.encode()) < 6_000_000
    page = tmp_path / "report.html"
    for query, found in (
        ("/page/77777", [(f"{77_777:032x}", "in the corpus: 30 tokens, math 0.770")]),
        (f"{100_500:032x}", [(f"{100_500:032x}", "left out at filter: math (0.1)")]),
        ("nowhere.example", []),
    ):
        page.write_text(_with_query(report, query), encoding="utf-8")
        tree = LexborHTMLParser(_open(page, tmp_path))
        rows = [[cell.text() for cell in row.css("td")] for row in tree.css("#found tr")]
        assert [(row[0], row[2]) for row in rows] == found
        said = tree.css_first("#said")
        assert said is not None
        assert said.text() == ("" if found else "nothing found")
    assert server.asked == []


def test_a_url_that_is_markup_is_found_as_text(make_corpus: MakeCorpus, server: _Server, tmp_path: Path) -> None:
    payloads = _payloads(server.server_port, ";alert(1)")
    manifest = make_corpus([document(number, url=payload) for number, payload in enumerate(payloads)])
    page = tmp_path / "report.html"
    page.write_text(_with_query(render_report(manifest, tmp_path), "data-ran"), encoding="utf-8")
    after = _open(page, tmp_path)
    assert "data-ran" not in after.partition("<body")[0]
    assert len(LexborHTMLParser(after).css("#found tr")) == sum("data-ran" in payload for payload in payloads)
    assert server.asked == []
