"""Builds on a real Slurm end as local ones do, disturbed or not."""

import signal

import pytest

from pipeline.files import read_json
from support.crawl import build, crawl_file, run
from support.slurm_build import SlurmBuild


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A recipe of two small files, and the manifest of a local build."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(2):
        crawl_file(folder / "warc" / f"{number}.warc.gz", number)
    recipe = folder / "recipe.yaml"
    recipe.write_text("name: small\ninputs: [warc]\nfilter: {min_math_score: 0.0}\nshard: {target_bytes: 20_000}\n")
    return recipe, build(recipe, folder / "local")


def test_the_demo_equals_the_local_one(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    on_slurm = SlurmBuild(cluster, "demo", tmp_path / "slurm")
    (tmp_path / "slurm").mkdir()
    of_a_lost_job = '{"host":"elsewhere","pid":7,"started":1.0,"job":"999999"}'
    (tmp_path / "slurm" / "build.lock").write_text(of_a_lost_job)
    code, stderr = on_slurm.run("--detach")
    assert code == 0, stderr
    assert "to end them: scancel " in stderr
    local = build("demo", tmp_path / "local", 2)
    beside = run("build", "demo", "--out", tmp_path / "slurm")
    code, stderr = on_slurm.run()
    assert code == 0, stderr
    assert "attached to Slurm jobs" in stderr
    assert on_slurm.manifest() == local
    assert run("verify", tmp_path / "slurm", "--full").returncode == 0
    assert beside.returncode == 2
    assert "are at work; use --executor slurm" in beside.stderr
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("slurm/0*/**/*") if path.is_file()}
    code, stderr = on_slurm.run()
    assert code == 0
    assert "submitted" not in stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("slurm/0*/**/*") if path.is_file()} == files


def test_a_profile_that_slurm_refuses_is_bad_input(cluster, crawl, tmp_path):
    on_slurm = SlurmBuild(cluster, crawl[0], tmp_path / "out", partition="nowhere")
    code, stderr = on_slurm.run()
    assert code == 2, stderr
    assert "out-profile.yaml: sbatch refuses extract/pages: " in stderr
    assert "artition" in stderr
    assert not (tmp_path / "out" / "slurm").exists()
    assert on_slurm.jobs() == []


def test_a_killed_task_is_named_and_a_killed_driver_is_not_missed(cluster, crawl, tmp_path):
    recipe, local = crawl
    on_slurm = SlurmBuild(cluster, recipe, tmp_path / "out", retries="0")
    driver = on_slurm.start()
    job, task = on_slurm.running_task("extract.pages")
    task.kill()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 1
    assert "extract/pages: 1 part(s) not complete, of 1 of 2 task(s)" in stderr
    assert f"job {job}" in stderr
    assert "the last lines of" in stderr
    assert "Killed" in stderr
    assert "Traceback" not in stderr
    cluster.wait(lambda: not on_slurm.jobs(), "an empty queue, or jobs that wait for ever")

    driver = on_slurm.start()
    job, _ = on_slurm.running_task("extract.pages")
    driver.kill()
    driver.wait()
    watcher = on_slurm.start()
    assert "attached to Slurm jobs" in watcher.stderr.readline()
    watcher.send_signal(signal.SIGINT)
    _, stderr = watcher.communicate(timeout=120)
    assert watcher.returncode == 130
    assert "go on without this command" in stderr
    code, stderr = on_slurm.run()
    assert code == 0, stderr
    assert on_slurm.manifest() == local
    assert [path.parent.name for path in sorted(tmp_path.glob("out/slurm/*/jobs.json"))] == ["0001", "0002"]
    recorded = {row["id"] for row in read_json(tmp_path / "out/slurm/0002/jobs.json")}
    assert job.partition("_")[0] in recorded
