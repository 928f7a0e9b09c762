import json
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from benchmarks import inputs
from benchmarks.inputs import copied, copied_url, describe, make_inputs, read_pages

SENTENCE = b"A group is a set with an associative product, a neutral element and an inverse of each of its elements. "
MAKE = """
import io, json
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
with open("real_pages.warc.gz", "wb") as file, open("real_pages.index.jsonl", "w") as index:
    writer = WARCWriter(file, gzip=True)
    for number in range(3):
        url = f"https://a.test/{number}#top"
        body = b"<p>" + SENTENCE * (2 + number) + b"</p>"
        http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        headers = {"WARC-Record-ID": f"<urn:uuid:0-{number}>", "WARC-Date": "2025-01-15T00:00:00Z"}
        content = {"payload": io.BytesIO(body), "http_headers": http}
        record = writer.create_warc_record(url, "response", warc_headers_dict=headers, **content)
        writer.write_record(record)
        index.write(json.dumps({"uri": url, "id": f"page-{number}", "subset": "html_math"}) + "\\n")
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in ("html_math", "extraction_gold"):
        (folder / name).mkdir(parents=True)
        (folder / name / "records.jsonl").write_text("")
    (folder / "make_real_warc.py").write_text(f"SENTENCE = {SENTENCE!r}\n{MAKE}")
    return folder


def test_copies_are_marked_at_the_end_of_their_longest_runs_of_prose():
    page = b"<h1>Groups</h1><p>" + SENTENCE * 2 + b"</p><script>" + SENTENCE * 3 + b"{}</script>"
    assert copied(page, 0) == page
    assert copied(page, 12) == page.replace(b"</p>", b" This is copy one two.</p>")


def test_two_byte_text_is_left_alone():
    page = f"<p>{SENTENCE.decode() * 2}</p>".encode("utf-16")
    assert copied(page, 3) == page


def test_url_of_a_copy():
    assert copied_url("https://a.test/x?b=1#c", 2) == "https://a.test/x?b=1&copy=2#c"
    assert copied_url("https://a.test/x", 2) == "https://a.test/x?copy=2"
    assert copied_url("https://a.test/x", 0) == "https://a.test/x"


def test_inputs_hold_every_copy_once_and_are_made_of_equal_bytes_again(data, tmp_path, monkeypatch):
    made = []
    for cache in ("first", "second"):
        monkeypatch.setenv("MATHMILL_BENCH_CACHE", str(tmp_path / cache))
        made.append(make_inputs(data, 7))
    folder = made[0].repeated
    pages = read_pages(folder)
    assert [(page.page, page.copy) for page in pages.values()] == [
        (f"page-{number}", copy) for copy in range(3) for number in range(3)
    ]
    records = [
        (record.rec_headers["WARC-Record-ID"], record.rec_headers["WARC-Target-URI"])
        for path in sorted(folder.glob("*.warc.gz"))
        for record in ArchiveIterator(path.open("rb"))
    ]
    assert len({record_id for record_id, _ in records}) == 9
    assert [url for _, url in records] == list(pages)
    assert describe(folder)["pages"] == 9
    assert describe(folder)["copies"] == 3
    for path in folder.iterdir():
        assert path.read_bytes() == (made[1].repeated / path.name).read_bytes()
    assert len(read_pages(made[0].one_page)) == 1
    assert len(read_pages(made[0].one_round)) == 3


def test_made_inputs_are_reused(data, tmp_path, monkeypatch):
    monkeypatch.setenv("MATHMILL_BENCH_CACHE", str(tmp_path / "cache"))
    first = make_inputs(data, 3)
    monkeypatch.setattr(inputs, "_make", None)
    assert make_inputs(data, 3) == first


def test_pages_file_is_one_json_object_a_line(data, tmp_path, monkeypatch):
    monkeypatch.setenv("MATHMILL_BENCH_CACHE", str(tmp_path / "cache"))
    lines = (make_inputs(data, 3).one_page / "pages.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"url": "https://a.test/0#top", "page": "page-0", "subset": "html_math", "copy": 0}
    ]
