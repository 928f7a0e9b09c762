"""Builds on a real Slurm end as local ones do, disturbed or not; the stage that asks a model server included."""

import json
import shutil
import signal
import threading
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.files import read_json
from pipeline.slurm.launch import check_profile
from pipeline.slurm.profile import Profile
from support.chat_server import ChatServer, Reply, faithful, own_server, own_servers
from support.crawl import build, crawl_file, run
from support.slurm_build import SlurmBuild, planned


@pytest.fixture(scope="module")
def server():
    """A model server that the tests share, by its address."""
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        yield server


@pytest.fixture(scope="module")
def crawl(tmp_path_factory, server):
    """A folder with a recipe of two small files, and a local build of it in `local`."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(2):
        crawl_file(folder / "warc" / f"{number}.warc.gz", number)
    build(recipe(folder, base_url=server.url), folder / "local")
    return folder


@pytest.fixture
def to_refine(crawl, tmp_path):
    """An output folder that lacks what comes from `refine` on."""
    out = Path(shutil.copytree(crawl / "local", tmp_path / "out"))
    for path in [*out.glob("0[45]-*"), out / "cache", out / "manifest.json"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return out


@pytest.fixture
def gate(server):
    """The server holds its answers back while it is set."""
    gate = threading.Event()
    server.held = gate.is_set
    yield gate
    gate.clear()


def recipe(folder: Path, **refine) -> Path:
    settings = {
        "name": "small",
        "inputs": [str(folder / "warc")],
        "filter": {"min_math_score": 0.0},
        "refine": {"backend": "openai", "model": "tests/model", **refine},
        "shard": {"target_bytes": 20_000},
    }
    path = folder / f"{'-'.join(refine)}.yaml"
    path.write_text(json.dumps(settings))
    return path


def manifest(out: Path) -> dict:
    """Without its time and the recipe, which says where the server is."""
    return {key: value for key, value in read_json(out / "manifest.json").items() if key not in ("created", "recipe")}


def test_a_build_without_a_driver_equals_the_local_one(cluster, crawl, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    out = tmp_path / "out"
    on_slurm = SlurmBuild(cluster, crawl / "base_url.yaml", out)
    out.mkdir()
    of_a_lost_job = '{"host":"elsewhere","pid":7,"started":1.0,"job":"999999"}'
    (out / "build.lock").write_text(of_a_lost_job)
    code, stderr = on_slurm.run("--detach")
    assert code == 0, stderr
    assert "to end them: scancel " in stderr
    beside = run("build", crawl / "base_url.yaml", "--out", out)
    assert beside.returncode == 2
    assert "are at work; use --executor slurm" in beside.stderr
    code, stderr = on_slurm.run()
    assert code == 0, stderr
    assert "attached to Slurm jobs" in stderr
    assert read_json(out / "manifest.json")["recipe"] == read_json(crawl / "local/manifest.json")["recipe"]
    assert manifest(out) == manifest(crawl / "local")
    assert run("verify", out, "--full").returncode == 0
    files = {path: path.stat().st_mtime_ns for path in out.glob("0*/**/*") if path.is_file()}
    code, stderr = on_slurm.run()
    assert code == 0
    assert "submitted" not in stderr
    assert {path: path.stat().st_mtime_ns for path in out.glob("0*/**/*") if path.is_file()} == files


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"partition": "nowhere"}, "p.yaml: sbatch refuses extract/pages: .*invalid partition"),
        ({"memory": "65G"}, "p.yaml: sbatch refuses extract/pages: .*node configuration"),
        ({"max_array_size": 5000}, r"p.yaml: max_array_size: 5000: the cluster's arrays have 1001 elements at most"),
    ],
)
def test_a_profile_that_the_cluster_refuses_is_bad_input(cluster, tmp_path, monkeypatch, settings, message):
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    plan = planned(tmp_path, Profile.model_validate({"max_array_size": 9} | settings))
    with pytest.raises(BadInput, match=f"(?i){message}") as refusal:
        check_profile(plan, "p.yaml")
    assert "\n" not in str(refusal.value)
    assert cluster.jobs() == []
    assert not (tmp_path / "out").exists()


def test_a_killed_task_is_named_and_a_killed_driver_is_not_missed(cluster, crawl, to_refine, server, gate):
    on_slurm = SlurmBuild(cluster, crawl / "base_url.yaml", to_refine, retries="0")
    gate.set()
    driver = on_slurm.start()
    job, task = on_slurm.running_tasks("refine.rewrite", 2)[-1]
    task.kill()
    gate.clear()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 1
    assert "refine/rewrite: 1 part(s) not complete, of 1 of 2 task(s)" in stderr
    assert f"job {job}" in stderr
    assert "the last lines of" in stderr
    assert "Killed" in stderr
    assert "Traceback" not in stderr
    cluster.wait(lambda: not on_slurm.jobs(), "an empty queue, or jobs that wait for ever")

    gate.set()
    driver = on_slurm.start()
    assert any("submitted Slurm jobs" in line for line in driver.stderr)
    job, _ = on_slurm.running_tasks("refine.rewrite")[0]
    driver.kill()
    driver.wait()
    watcher = on_slurm.start()
    assert "attached to Slurm jobs" in watcher.stderr.readline()
    watcher.send_signal(signal.SIGINT)
    _, stderr = watcher.communicate(timeout=120)
    assert watcher.returncode == 130
    assert "go on without this command" in stderr
    gate.clear()
    code, stderr = on_slurm.run()
    assert code == 0, stderr
    assert manifest(to_refine) == manifest(crawl / "local")
    assert [path.parent.name for path in sorted(to_refine.glob("slurm/*/jobs.json"))] == ["0001", "0002"]
    assert job.partition("_")[0] in {row["id"] for row in read_json(to_refine / "slurm/0002/jobs.json")}


def test_servers_of_the_tasks_own_and_a_killed_task_alone_is_started_again(cluster, crawl, to_refine):
    path = recipe(crawl, server={"command": own_server(crawl), "start_timeout_s": 60, "tasks": 2})
    on_slurm = SlurmBuild(cluster, path, to_refine)

    def starts() -> dict[str, int]:
        logs = to_refine.glob("slurm/0001/00-refine-rewrite/slurm/*_*.out")
        return {path.stem: path.read_text().count("Launching pipeline") for path in logs}

    (crawl / "hold").touch()
    driver = on_slurm.start()
    (spared, _), (job, task) = on_slurm.running_tasks("refine.rewrite", 2)
    cluster.wait(lambda: len(own_servers(crawl)) == 2, "two servers")
    (its_own,) = [process for process in task.children(recursive=True) if process in own_servers(crawl)]
    assert task.environ()["SLURM_JOB_ID"] == job.partition("_")[0], "its job id is the whole array's"
    task.kill()
    cluster.wait(lambda: its_own not in own_servers(crawl), "the end of its server")
    cluster.wait(lambda: starts() == {spared: 1, job: 2}, "a second start")
    (crawl / "hold").unlink()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 0, stderr
    assert manifest(to_refine) == manifest(crawl / "local")
    assert starts() == {spared: 1, job: 2}
    assert own_servers(crawl) == []
