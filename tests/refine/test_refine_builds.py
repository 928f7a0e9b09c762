"""The stage in whole builds: one cache, kills, a server that goes away, a server of the stage's own."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from support.chat_server import ChatServer, Reply, faithful, own_server, own_servers
from support.crawl import build, command, crawl_file, run

PAGES = 32


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """Three WARC files; every build here goes on from the stages before refine that are made once."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(3):
        crawl_file(folder / "warc" / f"{number}.warc.gz", number)
    recipe(folder, "http://127.0.0.1:1/v1")
    return folder


@pytest.fixture(scope="module")
def before(crawl, tmp_path_factory):
    """An output folder with the stages before refine."""
    out = tmp_path_factory.mktemp("before") / "out"
    build(crawl / "recipe.yaml", out, 2, "--set", "refine=null")
    for path in [*out.glob("04-*"), out / "manifest.json"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return out


@pytest.fixture
def out(before, tmp_path):
    return Path(shutil.copytree(before, tmp_path / "out"))


def recipe(folder: Path, url: str, **more) -> Path:
    refine = {"backend": "openai", "model": "tests/model", "base_url": url, "give_up_s": 1.0} | more
    settings = {
        "name": "small",
        "inputs": ["warc"],
        "filter": {"min_math_score": 0.0},
        "shard": {"target_bytes": 20_000},
        "refine": {key: value for key, value in refine.items() if value is not None},
    }
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(settings))
    return path


def rows(out: Path, kind: str, stage: str = "refine") -> list[dict]:
    files = sorted(next(out.glob(f"0?-{stage}-*")).glob(f"{kind}/*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def moody(text, body, before):
    """A model that never says the same twice: the answers differ from run to run."""
    return Reply(f"{faithful(text)}\n\nThat is all about it {'indeed ' * (time.monotonic_ns() % 5)}for now.")


def test_documents_are_rewritten_and_accounted_for(crawl, out):
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        manifest = build(recipe(crawl, server.url), out, 2)
        assert len(server.requests) == PAGES
    documents = rows(out, "data")
    assert len(documents) == PAGES
    originals = {row["id"]: row for row in rows(out, "data", "dedup")}
    for document in documents:
        assert document["text"] == faithful(originals[document["id"]]["text"]) != originals[document["id"]]["text"]
        assert document["refiner"].startswith("tests/model@")
        assert document["url"] == originals[document["id"]]["url"]
    verdicts = {row["id"]: row for row in rows(out, "verdicts")}
    assert {id_: row["original"] for id_, row in verdicts.items()} == {
        id_: row["text"] for id_, row in originals.items()
    }
    assert {row["action"] for row in verdicts.values()} == {"accept"}
    assert manifest["stages"][3]["ledger"] == {"in": PAGES, "kept": PAGES, "dropped": {}}
    assert {row["refiner"] for row in rows(out, "data", "shard")} == {documents[0]["refiner"]}
    traced = run("trace", out, documents[0]["id"]).stdout
    assert f"\nrefine    kept: by {documents[0]['refiner']}\n" in traced
    assert re.search(r"\n          - In this lesson we study .*\n          \+ This lesson is about ", traced)
    report = (out / "report.html").read_text()
    assert '<section id="refinement">' in report
    assert report.count("original and rewrite, ") == 6


def test_refused_rewrites_are_told_with_their_reason(crawl, out):
    def answer(text, body, before):
        return Reply(faithful(text).replace("$x_{3} = ", "$x_{3} = 1") if "graphs" in text else faithful(text))

    with ChatServer(answer) as server:
        path = recipe(crawl, server.url, attempts=1, otherwise="drop")
        manifest = build(path, out, 2)
    bad = [row for row in rows(out, "data", "dedup") if "graphs" in row["text"]]
    ledger = manifest["stages"][3]["ledger"]
    assert ledger == {"in": PAGES, "kept": PAGES - len(bad), "dropped": {"formulas_altered": len(bad)}}
    dropped = rows(out, "dropped")
    assert {row["id"] for row in dropped} == {row["id"] for row in bad}
    assert {(row["reason"], row["value"]) for row in dropped} == {("formulas_altered", "1")}
    assert "refine    left out: formulas_altered (1)" in run("trace", out, bad[0]["id"]).stdout
    report = (out / "report.html").read_text()
    assert "refused: <b>formulas_altered: drop</b>" in report
    assert "<mark>" in report


def test_two_builds_over_one_cache_are_equal_and_ask_nothing(crawl, before, out, tmp_path):
    with ChatServer(moody) as server:
        first = build(recipe(crawl, server.url), out, 1)
        asked = len(server.requests)
        again = Path(shutil.copytree(before, tmp_path / "again"))
        shutil.copytree(out / "cache", again / "cache")
        second = build(recipe(crawl, server.url), again, 3)
        assert len(server.requests) == asked
        other = Path(shutil.copytree(before, tmp_path / "other"))
        third = build(recipe(crawl, server.url), other, 1)
    assert second == first
    assert second["refinement"]["answers"] == PAGES
    assert third["shards"] != first["shards"]
    assert third["refinement"]["answers_xxh3_128"] != first["refinement"]["answers_xxh3_128"]


def test_a_moved_threshold_pays_for_nothing(crawl, out):
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        path = recipe(crawl, server.url)
        build(path, out)
        asked = len(server.requests)
        changed = build(path, out, 2, "--set", "refine.guard.max_length_ratio=1.5")
        assert len(server.requests) == asked
        folders = [folder.name for folder in out.glob("04-refine-*")]
        assert len(folders) == 2
        assert changed["stages"][3]["ledger"]["kept"] == PAGES


@pytest.mark.parametrize("tasks", [1, 2])
def test_kill_9_loses_at_most_what_was_in_flight(crawl, out, before, tasks, tmp_path):
    with ChatServer(lambda *request: Reply(moody(*request).text, delay_s=0.1)) as server:
        path = recipe(crawl, server.url, max_concurrency=4)
        process = subprocess.Popen(
            command("build", path, "--out", out, "--tasks", str(tasks), "--quiet"), stderr=subprocess.PIPE
        )
        while len(server.requests) < PAGES // 2:
            assert process.poll() is None, process.stderr.read()
        helpers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for helper in helpers:
            helper.kill()
        process.wait()
        psutil.wait_procs(helpers, timeout=10)
        resumed = build(path, out, 3 - tasks)
        asked = [json.dumps(body, sort_keys=True) for body in server.requests]
        assert len(set(asked)) >= PAGES
        assert len(asked) - len(set(asked)) <= 4 * tasks, "asked twice: no more than were in flight"
        again = Path(shutil.copytree(before, tmp_path / "again"))
        shutil.copytree(out / "cache", again / "cache")
        assert build(path, again, 1) == resumed


def test_a_server_that_goes_away_stops_the_stage_in_one_line(crawl, out):
    with ChatServer(lambda text, *_: Reply(faithful(text), delay_s=0.05)) as server:
        path = recipe(crawl, server.url, max_concurrency=2)
        process = subprocess.Popen(
            command("build", path, "--out", out, "--tasks", "2", "--quiet"), stderr=subprocess.PIPE, text=True
        )
        while len(server.requests) < 10:
            assert process.poll() is None
        port = server.port
    _, stderr = process.communicate()
    assert process.returncode == 1
    problem = stderr.splitlines()[-1]
    assert re.fullmatch(
        rf"mathmill: refine/rewrite: http://127.0.0.1:{port}/v1: no answer in 1 s \(.*\); "
        r"what was answered is stored: run it again when the server is back",
        problem,
    )
    assert "Traceback" not in stderr
    asked = len(server.requests)
    with ChatServer(lambda text, *_: Reply(faithful(text)), port=port) as server:
        build(path, out, 2)
        assert PAGES <= asked + len(server.requests) <= PAGES + 4


def test_the_key_is_in_no_file(crawl, out, monkeypatch):
    monkeypatch.setenv("TESTS_KEY", "sk-secret-4711")
    with ChatServer(lambda text, *_: Reply(faithful(text)), key="sk-secret-4711") as server:
        path = recipe(crawl, server.url, api_key_env="TESTS_KEY")
        build(path, out)
        monkeypatch.setenv("TESTS_KEY", "sk-secret-wrong")
        shutil.rmtree(out / "cache")
        shutil.rmtree(next(out.glob("04-*")))
        result = run("build", path, "--out", out)
    assert result.returncode == 1
    assert "the server says 401: Incorrect API key provided: Bearer …" in result.stderr
    assert "sk-secret" not in result.stderr
    for file in out.rglob("*"):
        assert not file.is_file() or b"sk-secret" not in file.read_bytes(), file
    monkeypatch.delenv("TESTS_KEY")
    result = run("build", path, "--out", out)
    assert (result.returncode, "refine.api_key_env: TESTS_KEY is not set" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "needs a model"),
        ({"base_url": None}, "needs base_url or server"),
        ({"base_url": "node7:8000"}, "is no http address"),
        ({"base_url": "http://me:pw@node7/v1"}, "holds a user or password"),
        ({"prompt": "web-max"}, "no such prompt"),
        ({"server": {"command": "serve --port 8000"}, "base_url": None}, "has no {port}"),
        ({"classifiers": {"edu": "edu.bin"}}, "refine.classifiers.edu: 'edu.bin': no such file"),
        ({"classifiers": {"math": "edu.bin"}}, "choose another name"),
        ({"backend": "rules"}, "take out model, base_url and server"),
    ],
)
def test_what_cannot_work_is_one_line(crawl, tmp_path, settings, message):
    url = settings.pop("base_url", "http://127.0.0.1:1/v1")
    shutil.copytree(crawl / "warc", tmp_path / "warc")
    result = run("build", recipe(tmp_path, url, **settings), "--out", tmp_path / "out")
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def with_own_server(folder: Path) -> Path:
    return recipe(folder, None, server={"command": own_server(folder), "start_timeout_s": 20})


def test_a_server_of_its_own_is_started_and_ended(crawl, out):
    build(with_own_server(crawl), out, 3)
    assert {row["action"] for row in rows(out, "verdicts")} == {"accept"}
    assert own_servers(crawl) == []
    assert len(list(out.glob("04-refine-*/logs/server-*.log"))) == 1, "one server for one task, whatever the tasks"


@pytest.mark.parametrize("victim", ["build", "task"])
def test_its_server_ends_with_the_task(crawl, out, victim):
    path = with_own_server(crawl)
    process = subprocess.Popen(command("build", path, "--out", out, "--tasks", "1", "--quiet"), stderr=subprocess.PIPE)
    while not own_servers(crawl):
        assert process.poll() is None, process.stderr.read()
    (server,) = own_servers(crawl)
    keeper = server.parent()
    task = keeper.parent()
    (psutil.Process(process.pid) if victim == "build" else task).kill()
    psutil.wait_procs([server, keeper], timeout=20)
    assert not server.is_running() or server.status() == "zombie"
    process.wait()
    assert process.returncode == (0 if victim == "task" else -signal.SIGKILL)
    assert own_servers(crawl) == []


def test_a_server_that_does_not_start_is_told_with_its_last_words(crawl, out):
    path = recipe(crawl, None, server={"command": f"{sys.executable} -c \"raise SystemExit('no GPU here {{port}}')\""})
    result = run("build", path, "--out", out, "--quiet")
    assert result.returncode == 1
    assert re.search(r"the model server ended with code 1: no GPU here \d+; log: .*server-\d+\.log", result.stderr)
    assert "Traceback" not in result.stderr
