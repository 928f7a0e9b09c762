"""`mathmill extract` over many pages, as a user runs it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from pipeline.extract.html import EXTRACTOR
from support.crawl import command, run

PAGE = "<title>T{0}</title><main><p>Let \\(x_{0}\\) be one of the numbers that this page is about.</p></main>"
TEXT = "Let $x_{0}$ be one of the numbers that this page is about."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = tmp_path / "pages"
    (pages / "sub").mkdir(parents=True)
    for number, name in enumerate(("b.html", "a.htm", "sub/c.xhtml")):
        (pages / name).write_text(PAGE.format(number))
    (pages / "empty.html").write_text("<title>nothing</title>")
    (pages / "deep.html").write_text("<div>" * 50_000)
    return pages


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_folder_to_standard_output(folder):
    result = run("extract", folder)
    assert result.returncode == 0
    found = rows(result.stdout)
    assert [row["page"] for row in found] == ["a.htm", "b.html", "deep.html", "empty.html", "sub/c.xhtml"]
    assert found[0] == {
        "page": "a.htm",
        "url": "",
        "title": "T1",
        "text": TEXT.format(1),
        "formulas": 1,
        "encodings": {"delimiters": 1},
        "reason": None,
        "value": None,
        "extractor": EXTRACTOR,
        "html_xxh3_128": found[0]["html_xxh3_128"],
    }
    assert [(row["reason"], row["text"]) for row in found[2:4]] == [("too_deep", ""), ("empty", "")]
    assert result.stderr == "3 texts with 3 formulas from 5 pages; empty 1; too_deep 1\n"


def test_a_folder_to_a_folder(folder, tmp_path):
    out = tmp_path / "out"
    assert run("extract", folder, "--out", out).returncode == 0
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert files == ["a.htm.md", "b.html.md", "pages.jsonl", "sub/c.xhtml.md"]
    assert (out / "sub/c.xhtml.md").read_text() == TEXT.format(2) + "\n"
    assert [row["file"] for row in rows((out / "pages.jsonl").read_text())] == [
        "a.htm.md",
        "b.html.md",
        None,
        None,
        "sub/c.xhtml.md",
    ]


@pytest.mark.parametrize("name", ["out", "out.jsonl"])
def test_a_second_run_does_what_changed(folder, tmp_path, name):
    out, fresh = tmp_path / name, tmp_path / f"fresh-{name}"
    run("extract", folder, "--out", out)
    (folder / "b.html").write_text(PAGE.format(7))
    (folder / "a.htm").unlink()
    (folder / "new.html").write_text(PAGE.format(8))
    result = run("extract", folder, "--out", out)
    assert result.stderr.startswith("3 texts with 3 formulas from 5 pages; empty 1; too_deep 1; done before 3 -> ")
    run("extract", folder, "--out", fresh)
    listed, expected = (path / "pages.jsonl" if path.is_dir() else path for path in (out, fresh))
    assert listed.read_bytes() == expected.read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_is_gone_is_written_again(folder, tmp_path):
    run("extract", folder, "--out", tmp_path / "out")
    (tmp_path / "out/b.html.md").unlink()
    assert "done before 4" in run("extract", folder, "--out", tmp_path / "out").stderr
    assert (tmp_path / "out/b.html.md").exists()


def test_explanations_of_many(folder, tmp_path):
    told = rows(run("extract", folder, "--explain").stdout)[0]["explain"]
    assert told == {
        "content": "body > main",
        "formulas": [{"encoding": "delimiters", "display": False, "tex": "x_1"}],
        "left_out": [],
    }
    run("extract", folder, "--explain", "--out", tmp_path / "out")
    assert "delimiters" in (tmp_path / "out/a.htm.explain.txt").read_text()
    assert "done before" not in run("extract", folder, "--out", tmp_path / "out").stderr, "asked for something else"


def test_a_list_of_addresses_and_files(web, folder, tmp_path):
    first = web.page("/first", "one")
    web.pages["/image"] = 200, {"Content-Type": "image/png"}, b""
    listed = folder / "list.txt"
    listed.write_text(f"{first}\nb.html\n{web.url('/image')}\nnowhere.html\n\nftp://host/x\n{web.url('/none')}\n")
    out = tmp_path / "out.jsonl"
    result = run("extract", listed, "--out", out, "--delay", "0")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"{listed}:3: {web.url('/image')}: image/png, not an HTML page",
        f"{listed}:4: nowhere.html: No such file or directory",
        f"{listed}:6: ftp://host/x: only http and https addresses are fetched",
        f"{listed}:7: {web.url('/none')}: HTTP 404 Not Found",
        f"2 texts with 2 formulas from 6 pages; failed 4 -> {out}",
        "mathmill: 4 of 6 pages could not be read; the same command tries them again",
    ]
    assert [row["page"] for row in rows(out.read_text())] == [first, "b.html"]
    web.page("/none", "the one that was not there")
    (folder / "nowhere.html").write_text(PAGE.format(5))
    web.asked.clear()
    assert run("extract", listed, "--out", out, "--delay", "0").returncode == 1
    assert web.asked == ["/image", "/none"], "what is done is not fetched again"
    assert [row["page"] for row in rows(out.read_text())] == [first, "b.html", "nowhere.html", web.url("/none")]


def test_one_address(web):
    web.pages["/moved"] = 308, {"Location": "/page"}, b""
    web.page("/page", "numbers")
    result = run("extract", web.url("/moved"))
    assert result.stdout == "The square of a number is written $x^2$, and that is true of numbers too.\n"
    assert "mathjax" not in result.stderr
    missing = run("extract", web.url("/none"))
    assert (missing.returncode, missing.stderr) == (1, f"mathmill: {web.url('/none')}: HTTP 404 Not Found\n")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_continued(web, tmp_path, end):
    listed = tmp_path / "list.txt"
    listed.write_text("".join(web.page(f"/{number}", f"page {number}") + "\n" for number in range(6)))
    out, whole = tmp_path / "out", tmp_path / "whole"
    web.held.add("/3")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(
        command("extract", listed, "--out", out, "--delay", "0"), stderr=subprocess.PIPE, env=environment
    )
    assert web.waiting.wait(timeout=20)
    started.send_signal(end)
    _, told = started.communicate(timeout=20)
    web.held.clear()
    web.release.set()
    if end == signal.SIGINT:
        assert (started.returncode, told) == (130, b"mathmill: interrupted; the same command goes on from here\n")
    assert not (out / "pages.jsonl").exists(), "an output that is there is whole"
    web.asked.clear()
    assert run("extract", listed, "--out", out, "--delay", "0").returncode == 0
    assert web.asked == ["/3", "/4", "/5"]
    run("extract", listed, "--out", whole, "--delay", "0")
    assert contents(out) == contents(whole)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_half_a_row_is_no_row(folder, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    run("extract", folder, "--out", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    out.with_name("out.jsonl.part").write_bytes(lines[1] + lines[0][:50])
    assert "done before 1" in run("extract", folder, "--out", out).stderr
    assert out.read_bytes() == whole.read_bytes()


def test_outputs_that_cannot_be(folder, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "other.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "folder.jsonl").mkdir()
    for name, message in (
        ("file", "is a file; give a folder or a .jsonl file"),
        ("folder.jsonl", "is a folder; give a folder or a .jsonl file"),
        ("other.jsonl", "holds other rows than those of pages; choose another --out"),
    ):
        result = run("extract", folder, "--out", tmp_path / name)
        assert (result.returncode, message in result.stderr) == (2, True)


def test_one_run_at_a_time(web, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text(web.page("/a", "a"))
    web.held.add("/a")
    first = subprocess.Popen(command("extract", listed, "--out", tmp_path / "o.jsonl"), stderr=subprocess.PIPE)
    assert web.waiting.wait(timeout=20)
    second = run("extract", listed, "--out", tmp_path / "o.jsonl")
    assert (second.returncode, "another run is writing it" in second.stderr) == (2, True)
    web.release.set()
    _, told = first.communicate(timeout=20)
    assert first.returncode == 0, told
