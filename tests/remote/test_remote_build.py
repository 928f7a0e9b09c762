"""Crawls on other machines build the same corpus, whatever the network does on the way."""

import gzip
import shutil
from itertools import chain, cycle, repeat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.files import read_json
from support.crawl import build, crawl_file, run
from support.faults import FileHandler, serve

PATIENT = "remote: {block_bytes: 4096, max_wait_s: 0.01, tries: 30}\nfilter: {min_math_score: 0.0}\n"


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    """A folder with three WARC files and their path list."""
    folder = tmp_path_factory.mktemp("crawl")
    names = [f"warc/{number}.warc.gz" for number in range(3)]
    for number, name in enumerate(names):
        crawl_file(folder / name, number)
    (folder / "warc.paths.gz").write_bytes(gzip.compress("".join(f"{name}\n" for name in names).encode()))
    return folder


@pytest.fixture(scope="module")
def local(crawl, tmp_path_factory) -> dict[str, object]:
    """The manifest of the local build."""
    folder = tmp_path_factory.mktemp("local")
    return build(recipe(folder, f"[{crawl}/warc]", crawl), folder / "out")


def recipe(folder: Path, inputs: str, root: object, more: str = PATIENT) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(f"name: small\ninputs: {inputs}\ninput_root: {root}\n{more}")
    return path


def corpus(manifest):
    """What a corpus is: its shards' bytes and what every stage counted."""
    shards = [(shard["rows"], shard["xxh3_128"]) for shard in manifest["shards"]]
    return shards, [(stage["name"], stage["ledger"]) for stage in manifest["stages"]]


def statuses(out: Path) -> list[dict[str, object]]:
    listing = read_json(out / "manifest.json")["inputs"]["path"]
    return pq.read_table(out / listing, columns=["file", "status", "xxh3_128"]).to_pylist()


def test_s3_with_faults_gives_the_local_corpus(crawl, local, s3, faulty_s3, tmp_path):
    s3.put(f"{crawl}/warc/", "bucket/crawl/warc/", recursive=True)
    path = recipe(tmp_path, "[s3://bucket/crawl/warc/]", "s3://bucket/crawl")
    manifest = build(path, tmp_path / "out", 2)
    assert corpus(manifest) == corpus(local)
    faults = [fault for *_, fault in faulty_s3]
    assert {"busy", "cut", "drop"} <= set(faults)
    assert all(file["status"] == "ok" for file in statuses(tmp_path / "out"))
    # A build that goes on asks for nothing but the list of inputs.
    asked = len(faulty_s3)
    build(path, tmp_path / "out", 2)
    assert not any(method == "GET" and "warc.gz" in where for method, where, *_ in faulty_s3[asked:])


@pytest.mark.parametrize("ranges", [True, False])
def test_http_with_faults_gives_the_local_corpus(crawl, local, tmp_path, monkeypatch, ranges):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    plan = cycle(("", "busy", "", "cut", "", "drop", ""))
    with serve(FileHandler, plan, folder=crawl, ranges=ranges) as (address, handler):
        inputs = f"[{{path: '{address}/warc.paths.gz', base: '{address}'}}]"
        manifest = build(recipe(tmp_path, inputs, address), tmp_path / "out", 2)
    assert corpus(manifest) == corpus(local)
    assert {"busy", "cut", "drop"} <= {fault for *_, fault in handler.log}
    assert any(asked.startswith("bytes=4096-") for _, _, asked, _ in handler.log)


def test_a_server_that_stays_busy_fails_the_stage_and_drops_nothing(crawl, local, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    inputs = 4  # the path list, and the sizes of three files
    with serve(FileHandler, chain([""] * inputs, repeat("busy")), folder=crawl) as (address, handler):
        path = recipe(tmp_path, f"[{{path: '{address}/warc.paths.gz', base: '{address}'}}]", address)
        failed = run("build", path, "--out", tmp_path / "out", "--quiet", "--tasks", "1", "--set", "remote.tries=2")
        assert failed.returncode == 1
        assert len(failed.stderr.splitlines()) == 1
        assert f"RemoteError: {address}/warc/" in failed.stderr
        assert "503" in failed.stderr
        assert "gave up after 2 tries" in failed.stderr
        handler.faults = repeat("")
        assert corpus(build(path, tmp_path / "out")) == corpus(local)


def test_missing_and_refused(crawl, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shutil.copytree(crawl, tmp_path / "served")
    (tmp_path / "served" / "warc" / "1.warc.gz").unlink()
    with serve(FileHandler, folder=tmp_path / "served") as (address, _):
        inputs = f"[{{path: '{address}/warc.paths.gz', base: '{address}'}}]"
        build(recipe(tmp_path, inputs, address), tmp_path / "out")
        assert [file["status"] for file in statuses(tmp_path / "out")] == ["ok", "unreadable", "ok"]
        one = run("build", recipe(tmp_path, f"['{address}/warc/9.warc.gz']", address), "--out", tmp_path / "no")
    assert one.returncode == 2
    assert one.stderr.endswith(f"inputs.0.path: '{address}/warc/9.warc.gz': matches no file; correct the address\n")
