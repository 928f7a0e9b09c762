"""A build that is disturbed ends, by the same command, where an undisturbed one ends."""

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.environment import RESULTS, environment
from pipeline.files import read_json, write_json
from support.crawl import build, crawl_file, manifest_of, run
from support.waiting import assert_all_end, commits, stamps, start, wait_for


def tasks_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The tasks of a build: its own children."""
    return psutil.Process(process.pid).children()


def analysers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The children of its tasks, which analyse pages."""
    return [child for task in tasks_of(process) for child in task.children()]


@pytest.mark.parametrize("tasks", [2, 7])
def test_the_number_of_tasks_does_not_show(crawl, reference, tmp_path, tasks):
    assert build(crawl / "recipe.yaml", tmp_path / "out", tasks) == reference[1]


def test_killed_with_seven_tasks_continued_with_two(crawl, reference, tmp_path):
    out = tmp_path / "out"
    process = start(crawl / "recipe.yaml", out, 7)
    wait_for(lambda: len(commits(out)) >= 2, process)
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert_all_end(helpers)
    before = stamps(out, commits(out))
    assert before
    assert build(crawl / "recipe.yaml", out, 2) == reference[1]
    assert stamps(out, set(before)) == before, "a finished part was done again"


@pytest.mark.parametrize("victims_of", [tasks_of, analysers_of])
def test_a_killed_worker_is_replaced(crawl, reference, tmp_path, victims_of):
    process = start(crawl / "recipe.yaml", tmp_path / "out", 2)
    wait_for(lambda: victims_of(process), process)[0].kill()
    assert process.wait() == 0, process.stderr.read()
    assert manifest_of(tmp_path / "out") == reference[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_says_so_and_goes_on(crawl, reference, tmp_path, number):
    out = tmp_path / "out"
    process = start(crawl / "recipe.yaml", out, 2)
    wait_for(lambda: commits(out), process)
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr.decode().strip().endswith("interrupted; the same command goes on from here")
    assert_all_end(helpers)
    assert not (out / "build.lock").exists()
    assert build(crawl / "recipe.yaml", out, 2) == reference[1]


def random_kills(crawl: Path, out: Path, rng: random.Random, kills: int) -> int:
    """Kill the build or a helper at `kills` random moments, starting it again each time; returns kills that struck."""
    struck = 0
    for _ in range(kills):
        process = start(crawl / "recipe.yaml", out, rng.choice((1, 2, 3)))
        moment = time.monotonic() + rng.uniform(0.2, 6.0)
        wait_for(lambda moment=moment: time.monotonic() >= moment, process)
        if process.poll() is None:
            helpers = psutil.Process(process.pid).children(recursive=True)
            victim = rng.choice([psutil.Process(process.pid), *helpers])
            if victim.is_running():
                victim.kill()
                struck += 1
            if victim.pid == process.pid:
                process.wait()
                assert_all_end(helpers)
        process.wait()
        if (out / "manifest.json").exists():
            shutil.rmtree(out)
    return struck


def test_random_kills(crawl, reference, tmp_path):
    assert random_kills(crawl, tmp_path / "out", random.Random(11), 2) >= 1
    assert build(crawl / "recipe.yaml", tmp_path / "out", 2) == reference[1]


@pytest.mark.soak
def test_a_hundred_random_kills(crawl, reference, tmp_path):
    starts = 140
    struck = random_kills(crawl, tmp_path / "out", random.Random(1), starts)
    assert struck >= 100
    assert build(crawl / "recipe.yaml", tmp_path / "out", 2) == reference[1]
    write_json(
        RESULTS / "soak-kills.json",
        {
            "starts": starts,
            "kills": struck,
            "equal": True,
            "environment": environment(["duckdb", "pyarrow", "selectolax"]),
        },
    )


def test_an_added_file_is_the_only_one_extracted(crawl, reference, tmp_path):
    shutil.copytree(crawl, tmp_path / "crawl")
    recipe, out = tmp_path / "crawl" / "recipe.yaml", tmp_path / "out"
    assert build(recipe, out) == reference[1]
    before = stamps(out, commits(out))
    crawl_file(tmp_path / "crawl" / "warc" / "9.warc.gz", 9)
    grown = build(recipe, out)
    new = {name for name in commits(out) - set(before) if name.split("/")[2] in {"pages", "thresholds"}}
    assert sorted(name.split("/")[2] for name in new) == ["pages", "thresholds"]
    assert stamps(out, set(before)) == before
    assert grown == build(recipe, tmp_path / "fresh")
    (tmp_path / "crawl" / "warc" / "9.warc.gz").unlink()
    assert build(recipe, out) == reference[1]


def test_a_changed_setting_reruns_its_stage_and_those_after(crawl, reference, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reference[0], out)

    def rerun(setting):
        before = {folder.name for folder in out.iterdir()}
        manifest = build(crawl / "recipe.yaml", out, 1, "--set", setting)
        return manifest, sorted(folder.name[3:-17] for folder in out.iterdir() if folder.name not in before)

    manifest, again = rerun("filter.max_chars=1_000")
    assert again == ["dedup", "filter", "shard"]
    assert manifest["stages"][0] == reference[1]["stages"][0]
    assert manifest["stages"][1]["ledger"]["dropped"]["too_long"] > 0
    manifest, again = rerun("filter.min_chars=101")
    assert again == ["filter"], "the same documents are deduplicated and sharded already"
    assert manifest["shards"] == reference[1]["shards"]
    manifest, again = rerun("shard.target_bytes=50_000")
    assert again == ["shard"]
    assert len(manifest["shards"]) < len(reference[1]["shards"])
    manifest, again = rerun("dedup.ngram=6")
    assert "dedup" in again
    assert "filter" not in again
    assert build(crawl / "recipe.yaml", out) == reference[1]


def test_a_lost_file_is_made_again(crawl, reference, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reference[0], out)
    lost = sorted(out.glob("02-*/data/*.parquet"))[0]
    content = lost.read_bytes()
    lost.unlink()
    assert build(crawl / "recipe.yaml", out) == reference[1]
    assert lost.read_bytes() == content


def test_a_finished_build_changes_nothing(crawl, reference):
    files = {path: path.stat().st_mtime_ns for path in reference[0].rglob("*") if path.is_file()}
    assert build(crawl / "recipe.yaml", reference[0], 3) == reference[1]
    assert {path: path.stat().st_mtime_ns for path in reference[0].rglob("*") if path.is_file()} == files


def test_a_part_that_fails_twice_is_named_and_the_rest_is_kept(crawl, reference, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reference[0], out)
    for folder in out.glob("0[234]-*"):
        shutil.rmtree(folder)
    record = read_json(next(out.glob("01-*/done.json")))["records"][0]
    broken = next(out.glob("01-*")) / record["outputs"]["data"]["path"]
    broken.write_bytes(bytes(broken.stat().st_size))
    result = run("build", crawl / "recipe.yaml", "--out", out, "--tasks", "2", "--quiet")
    assert result.returncode == 1
    assert "filter/thresholds: task" in result.stderr
    assert f"failed twice at {record['label']}: ArrowInvalid" in result.stderr
    assert "log: " in result.stderr
    assert "Traceback" not in result.stderr
    assert len(list(out.glob("02-*/parts/thresholds/*.json"))) == 5
    assert not list(out.glob("02-*/done.json"))


def test_one_build_at_a_time(crawl, reference, tmp_path):
    out = tmp_path / "out"
    process = start(crawl / "recipe.yaml", out, 1)
    wait_for(lambda: (out / "build.lock").exists() and (out / "build.lock").read_text(), process)
    second = run("build", crawl / "recipe.yaml", "--out", out)
    assert second.returncode == 2
    assert f"build.lock: held by process {process.pid} on this host" in second.stderr
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert_all_end(helpers)
    assert (out / "build.lock").exists()
    assert build(crawl / "recipe.yaml", out) == reference[1]


def test_a_lock_of_another_host_is_respected(crawl, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "build.lock").write_text('{"host":"elsewhere","pid":7,"started":1.0}')
    result = run("build", crawl / "recipe.yaml", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "held by process 7 on elsewhere" in result.stderr
