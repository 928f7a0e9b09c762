"""Files and pages that mean harm, and a disk that is full: everything is accounted for, nothing half-written stays."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.shard.manifest import Manifest
from pipeline.trace import explain
from support.crawl import build, lesson, run, write_warc

PAGES = {
    "large": b"<p>" + b"x " * (25 << 20) + b"</p>",
    "deep": b"<div>" * 100_000 + b"theorem",
    "entities": b"<p>" + b"&amp;amp;&lt;&#x41;&#99999999;" * 50_000,
    "doctype": b'<!DOCTYPE a [<!ENTITY b "ccccc"><!ENTITY d "&b;&b;&b;&b;">]><p>&d;&d;&d; proof of the theorem</p>',
    "utf8": b"<p>Let x be \xff\xfe\xc3\x28 invalid in the theorem, and \xe2\x82 cut.</p>" * 20,
    "charset": '<meta charset="shift_jis"><p>Die Größe der Gruppe ist für alle x gleich.</p>'.encode("latin-1") * 20,
    "nul": b"<p>A\x00 proof\x00 of the theorem\x00 by induction.</p>" * 20,
    "spans": b"<span>" * 200_000 + b"lemma",
    "attribute": b'<p title="' + b"y" * 3_000_000 + b'">A proof of the theorem by induction on n.</p>' * 5,
    "script": b"<title><script>alert(1)</script></title><p><img src=x onerror=alert(1)> Theorem: 1 + 1 = 2.</p>" * 10,
    "dollars": b"<p>" + b"$" * 200_000 + b"</p>",
    "braces": b"<p>$" + b"{" * 100_000 + b"x" + b"}" * 100_000 + b"$</p>",
    "empty": b"",
    "binary": bytes(range(256)) * 500,
}  # fmt: skip


def hostile_crawl(folder: Path) -> None:
    """Hostile pages among good ones, then files that are broken as files."""
    good = [
        (f"00000000-0000-4000-8000-9{n:011d}", f"https://good.test/{n}", lesson("rings", n).encode()) for n in range(4)
    ]
    bad = [
        (f"00000000-0000-4000-8000-8{n:011d}", f"https://bad.test/{name}", html)
        for n, (name, html) in enumerate(PAGES.items())
    ]
    write_warc(folder / "pages.warc.gz", good[:2] + bad + good[2:])
    write_warc(folder / "sound.warc.gz", good)
    sound = (folder / "sound.warc.gz").read_bytes()
    (folder / "cut.warc.gz").write_bytes(sound[: len(sound) * 2 // 3])
    (folder / "sound.warc.gz").unlink()
    plain = gzip.decompress(sound)
    (folder / "undated.warc").write_bytes(plain.replace(b"WARC-Date: 2024", b"WARC-Date: MMXX"))
    (folder / "lying.warc").write_bytes(plain.replace(b"Content-Length: 1", b"Content-Length: 9", 2))
    (folder / "empty.warc.gz").touch()
    (folder / "noise.warc.gz").write_bytes(bytes(range(256)) * 40)
    (folder / "page.warc").write_bytes(b"<html>not a WARC file</html>")
    (folder / "gone.warc.gz").symlink_to(folder / "nowhere")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    hostile_crawl(folder / "warc")
    (folder / "recipe.yaml").write_text("name: hostile\ninputs: [warc]\nfilter: {min_math_score: 0.0}\n")
    build(folder / "recipe.yaml", folder / "out", 2)
    return folder


def test_every_record_is_accounted_for(hostile):
    extract = Manifest.load(hostile / "out").stages[0]
    dropped = [
        row
        for path in (hostile / "out" / extract.folder / "dropped").iterdir()
        for row in pq.read_table(path).to_pylist()
    ]
    kept = [
        row for path in (hostile / "out" / extract.folder / "data").iterdir() for row in pq.read_table(path).to_pylist()
    ]
    assert (
        extract.ledger["in"]
        == len(kept) + len(dropped)
        == extract.ledger["kept"] + sum(extract.ledger["dropped"].values())
    )
    fates = {row["url"].removeprefix("https://bad.test/"): "kept" for row in kept if "bad.test" in row["url"]}
    fates |= {
        row["url"].removeprefix("https://bad.test/"): row["reason"]
        for row in dropped
        if "bad.test" in (row["url"] or "")
    }
    assert set(fates) == set(PAGES)
    assert (fates["large"], fates["deep"], fates["empty"]) == ("too_large", "too_deep", "empty")
    assert (fates["utf8"], fates["charset"], fates["nul"], fates["doctype"]) == ("kept",) * 4
    assert not {"worker_crash", "timeout"} & set(fates.values())
    assert {row["url"] for row in kept if "good.test" in row["url"]} == {f"https://good.test/{n}" for n in range(4)}


def test_files_that_are_no_warc_stand_in_the_list_with_their_status(hostile):
    manifest = Manifest.load(hostile / "out")
    rows = pq.read_table(hostile / "out" / manifest.inputs.path).to_pylist()
    assert {row["file"]: row["status"] for row in rows} == {
        "cut.warc.gz": "ok",
        "empty.warc.gz": "empty",
        "gone.warc.gz": "unreadable",
        "lying.warc": "ok",
        "noise.warc.gz": "not_warc",
        "page.warc": "not_warc",
        "pages.warc.gz": "ok",
        "undated.warc": "ok",
    }
    damage = {
        row["label"]: row["dropped"]
        for row in pq.read_table(hostile / "out" / manifest.ledgers.path).to_pylist()
        if row["stage"] == "extract"
    }
    assert dict(damage["cut.warc.gz"]).keys() & {"truncated", "corrupt"}
    assert dict(damage["lying.warc"]).keys() & {"truncated", "corrupt"}


def test_the_report_shows_hostile_text_and_runs_none_of_it(hostile):
    page = (hostile / "out" / "report.html").read_text()
    assert page.lower().count("<script") == 2  # the search and its lines, which are our own
    assert "Content-Security-Policy" in page
    assert "onerror=alert" not in page or "&lt;img" in page


def test_every_kept_and_dropped_record_can_be_traced(hostile):
    manifest = Manifest.load(hostile / "out")
    folders = [hostile / "out" / stage.folder / kind for stage in manifest.stages for kind in ("data", "dropped")]
    rows = [row for folder in folders for path in folder.glob("*") for row in pq.read_table(path).to_pylist()]
    for id_ in {row["id"] for row in rows if row["id"]}:
        assert id_ in explain(manifest, id_)


def test_a_hostile_build_is_the_same_twice(hostile, tmp_path):
    out = tmp_path / "again"
    assert build(hostile / "recipe.yaml", out, 3) == build(hostile / "recipe.yaml", hostile / "out")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, 1 MiB large."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_a_clear_error_and_the_build_goes_on_when_there_is_room(crawl, reference, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(900 << 10))
    out = small_disk / "out"
    result = run("build", crawl / "recipe.yaml", "--out", out, "--tasks", "2", "--quiet")
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (out / "manifest.json").exists()
    for path in out.glob("*/data/*.parquet"):
        pq.read_table(path)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert build(crawl / "recipe.yaml", out, 2) == reference[1]
    shutil.rmtree(out)
