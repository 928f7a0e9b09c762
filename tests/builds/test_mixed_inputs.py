"""Builds of inputs that are no crawls, and of all kinds together."""

import shutil
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.extract.html import VERSION as HTML_VERSION
from pipeline.files import canonical, digest, read_json
from pipeline.inputs import VERSION
from pipeline.shard.manifest import Manifest
from pipeline.trace import explain
from support.crawl import build, lesson, run
from support.golden import MODELS, check_golden
from support.mixed import GIVEN, proof
from support.waiting import assert_all_end, commits, stamps, start, wait_for


def documents(out: Path) -> list[dict]:
    return [row for path in Manifest.load(out).shard_paths() for row in pq.read_table(path).to_pylist()]


def test_every_record_of_every_kind_is_in_the_ledger(mixed_corpus):
    ledger = mixed_corpus[1]["stages"][0]["ledger"]
    assert ledger == {
        "in": 13 + 47 + 30 + 5,
        "kept": 12 + 41 + 29 + 5,
        "dropped": {"empty": 1, "no_text": 3, "not_json": 1, "not_response": 1, "not_utf8": 1, "url": 1},
    }
    files = pq.read_table(mixed_corpus[0] / mixed_corpus[1]["inputs"]["path"]).to_pylist()
    assert [(file["file"], file["records"], file["documents"], file["status"]) for file in files] == [
        ("0.warc.gz", 13, 12, "ok"),
        ("0/0.html", 1, 1, "ok"),
        ("0/2.html", 1, 1, "ok"),
        ("0/4.html", 1, 1, "ok"),
        ("1/1.html", 1, 1, "ok"),
        ("1/3.html", 1, 1, "ok"),
        ("lines.jsonl.gz", 47, 41, "ok"),
        ("rows.parquet", 30, 29, "ok"),
    ]
    assert all(file["xxh3_128"] for file in files)
    assert Manifest.load(mixed_corpus[0]).verify(full=True) == []


def test_texts_are_kept_as_they_are_with_what_their_source_says(mixed_corpus):
    by_text = {row["text"]: row for row in documents(mixed_corpus[0])}
    given = by_text[proof(102)]
    assert (given["id"], given["language"], given["crawl"]) == (GIVEN, "de", "all")
    assert (round(given["language_score"], 4), round(given["math_score"], 4)) == (0.97, 0.75)
    assert [(entry["name"], round(entry["score"], 4)) for entry in given["scores"]] == [("edu", 0.8)]
    computed = by_text[proof(5)]
    assert (computed["language"], computed["host"], computed["url"]) == ("en", "lines.test", "https://lines.test/5")
    assert computed["math_score"] > 0.5
    assert computed["formulas"] == 10
    assert computed["warc_file"] is computed["warc_offset"] is computed["extractor"] is computed["scores"] is None
    (page,) = [row for text, row in by_text.items() if "Lesson 503 on graphs" in text]
    assert page["extractor"].startswith("mathmill@")
    assert page["payload_digest"].startswith("sha1:")
    assert page["title"] == "Lesson 503 on graphs"


def test_trace_leads_back_to_file_and_row(mixed_corpus):
    manifest = Manifest.load(mixed_corpus[0])
    kept = explain(manifest, GIVEN)
    assert f"id        {GIVEN}\nurl       None\nsource    rows.parquet, row 2\nextract   kept: " in kept
    assert "source    rows.parquet, row 4\nextract   left out: no_text (row 4: null)" in explain(manifest, GIVEN[::-1])
    twice = explain(manifest, "https://lines.test/3")
    assert twice.count("source    lines.jsonl.gz, row 3; lines.jsonl.gz, row 11") == 2
    assert "dedup     left out: duplicate_id" in twice
    assert "left out: url (deny_host_words:casino)" in explain(manifest, "https://casino.test/90")
    page = next(row for row in documents(mixed_corpus[0]) if row["title"] == "Lesson 503 on graphs")
    assert "source    1/3.html\n" in explain(manifest, page["id"])


def test_the_report_names_file_and_row(mixed_corpus):
    report = (mixed_corpus[0] / "report.html").read_text(encoding="utf-8")
    assert "rows.parquet, row " in report
    assert "no_text" in report


def test_killed_and_continued_with_another_number_of_tasks(mixed, mixed_corpus, tmp_path):
    out = tmp_path / "out"
    process = start(mixed / "recipe.yaml", out, 2)
    wait_for(lambda: len(commits(out)) >= 1, process)
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert_all_end(helpers)
    before = stamps(out, commits(out))
    assert before
    assert build(mixed / "recipe.yaml", out, 3) == mixed_corpus[1]
    assert stamps(out, set(before)) == before, "a finished part was done again"


def test_what_changes_is_read_again_alone(mixed, mixed_corpus, tmp_path):
    shutil.copytree(mixed, tmp_path / "in")
    shutil.copytree(mixed_corpus[0], tmp_path / "out")
    recipe, out = tmp_path / "in" / "recipe.yaml", tmp_path / "out"
    before = stamps(out, commits(out))
    (tmp_path / "in" / "pages" / "0" / "9.html").write_text(lesson("graphs", 900))
    recipe.write_text(recipe.read_text().replace("highest: 5", "highest: 10"))
    grown = build(recipe, out)
    assert stamps(out, set(before)) == before
    again = [read_json(out / name)["label"] for name in commits(out) - set(before) if "/pages/" in name]
    assert sorted(again) == ["0/0.html … 1/3.html", "rows.parquet"]
    assert grown["stages"][0]["ledger"]["kept"] == mixed_corpus[1]["stages"][0]["ledger"]["kept"] + 1


@pytest.fixture(scope="module")
def second(mixed_corpus, tmp_path_factory):
    """A build of the corpus of the first one, and of files that cannot be read."""
    folder = tmp_path_factory.mktemp("second")
    texts = folder / "texts"
    texts.mkdir()
    (texts / "broken.parquet").write_bytes(b"PAR1" + bytes(60))
    (texts / "empty.parquet").touch()
    (texts / "gone.parquet").symlink_to(folder / "nowhere")
    pq.write_table(pa.table({"text": [proof(9000)]}), texts / "a.parquet")
    pq.write_table(pa.table({"body": [proof(1)]}), texts / "other.parquet")
    (folder / "recipe.yaml").write_text(
        f"name: again\ninputs: ['{mixed_corpus[0]}', texts]\n"
        "filter: {languages: [], min_language_score: 0, min_math_score: 0}\nshard: {target_bytes: 20_000}\n"
    )
    return folder / "out", build(folder / "recipe.yaml", folder / "out")


def test_a_corpus_is_an_input(mixed_corpus, second):
    lost = {"warc_file", "warc_offset", "warc_length", "payload_digest", "scores", "duplicates", "formulas", "crawl"}

    def kept(row):
        return {name: value for name, value in row.items() if name not in lost}

    found = {row["id"]: row for row in documents(second[0])}
    before = documents(mixed_corpus[0])
    assert len(found) == len(before) + 1
    assert [kept(found[row["id"]]) for row in before] == [kept(row) for row in before]


def test_what_cannot_be_read_has_a_status_and_the_rest_is_built(second):
    files = pq.read_table(second[0] / second[1]["inputs"]["path"]).to_pylist()
    assert {file["file"]: file["status"] for file in files if "/" not in file["file"]} == {
        "a.parquet": "ok",
        "broken.parquet": "not_parquet",
        "empty.parquet": "empty",
        "gone.parquet": "unreadable",
        "other.parquet": "no_column",
    }
    assert second[1]["stages"][0]["ledger"]["dropped"] == {}


def test_an_output_of_texts_changes_only_with_its_version(mixed_corpus, request):
    rows = [
        {"kind": kind, "row": {name: str(value) for name, value in row.items()}}
        for kind in ("data", "dropped", "origins")
        for path in mixed_corpus[0].glob(f"01-*/{kind}/*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    # Without the names of parts: what writes a test's Parquet and gzip files may change their bytes.
    found = {"version": [VERSION, HTML_VERSION, *MODELS], "content": digest(sorted(rows, key=canonical))}
    check_golden("texts", found, request)


def test_a_plan_measures_texts(mixed, tmp_path):
    result = run("build", mixed / "recipe.yaml", "--out", tmp_path / "out", "--plan", "--tasks", "2")
    assert result.returncode == 0, result.stderr
    assert "mixed in" in result.stdout
    assert ": 8 input files, " in result.stdout
    assert "measured on a sample of the input, run now: " in result.stdout
    assert "a whole crawl" not in result.stdout
    assert not (tmp_path / "out").exists()
