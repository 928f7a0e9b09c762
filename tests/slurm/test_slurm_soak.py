"""Every way a Slurm build is disturbed, one after another: each ends with the corpus of a local one (`make soak`)."""

import time

import pytest

from benchmarks.environment import RESULTS, environment
from pipeline.files import read_json, write_json
from support.crawl import build, crawl_file
from support.slurm_build import SlurmBuild

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A recipe of six small files, and the manifest of a local build."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(6):
        crawl_file(folder / "warc" / f"{number}.warc.gz", number)
    recipe = folder / "recipe.yaml"
    recipe.write_text("name: small\ninputs: [warc]\nfilter: {min_math_score: 0.0}\nshard: {target_bytes: 20_000}\n")
    return recipe, build(recipe, folder / "local")


@pytest.fixture(scope="module")
def results():
    """What each test found, written down when all have passed."""
    found: dict[str, dict[str, object]] = {}
    yield found
    if len(found) == len(FAULTS):
        write_json(
            RESULTS / "soak-slurm.json",
            {"nodes": 2, "faults": found, "environment": environment(["datatrove", "duckdb", "pyarrow"])},
        )


def killed_task(on_slurm: SlurmBuild) -> None:
    """`kill -9` of a task while the other works: its element, the last of the array, is started again, and it alone."""
    on_slurm.running_tasks("extract.pages", 2)[-1][1].kill()


def lost_node(on_slurm: SlurmBuild) -> None:
    """A node is lost, and comes back."""
    job, _ = on_slurm.running_tasks("extract.pages")[0]
    (node,) = {row[3] for row in on_slurm.jobs() if row[0] == job}
    on_slurm.cluster.lose_node(node)
    on_slurm.cluster.wait(
        lambda: all(row[0] != job or row[2] != "RUNNING" or row[3] != node for row in on_slurm.jobs()), "a requeue"
    )
    on_slurm.cluster.start_node(node)
    on_slurm.cluster.wait(lambda: "down" not in " ".join(on_slurm.cluster.nodes()), "the node back")


def requeued_job(on_slurm: SlurmBuild) -> None:
    """`scontrol requeue` of a running element."""
    on_slurm.cluster.run("scontrol", "requeue", on_slurm.running_tasks("dedup.signatures")[0][0])


def signalled_job(on_slurm: SlurmBuild) -> None:
    """SIGUSR1, as Slurm sends it shortly before a time limit: the element requeues itself."""
    job, _ = on_slurm.running_tasks("extract.pages")[0]
    log = next((on_slurm.out / "slurm").glob(f"*/00-*/slurm/{job}.out"))
    on_slurm.cluster.wait(lambda: "Launching pipeline" in log.read_text(), "a task at work")
    on_slurm.cluster.run("scancel", "--signal=USR1", job)


def cancelled_array(on_slurm: SlurmBuild) -> None:
    """`scancel` of the array half way."""
    on_slurm.cluster.wait(lambda: on_slurm.commits(), "a committed part")
    job, _ = on_slurm.running_tasks("extract.pages")[0]
    on_slurm.cluster.run("scancel", job.partition("_")[0])


def cancelled_later(on_slurm: SlurmBuild) -> None:
    """`scancel` of a finalise job that still waits, seen by no driver: the rest of the chain can never run."""
    on_slurm.running_tasks("extract.pages")
    jobs = read_json(max(on_slurm.out.glob("slurm/*/jobs.json")))
    on_slurm.cluster.run("scancel", next(job["id"] for job in jobs if job["kind"] == "finalise" and job["step"] == 3))


def killed_driver(on_slurm: SlurmBuild) -> None:
    """`kill -9` of the watching command, by the caller."""
    on_slurm.running_tasks("extract.pages")


def split_array(on_slurm: SlurmBuild) -> None:
    """No fault: every array is longer than MaxArraySize, and is split."""


FAULTS = {
    killed_task: {},
    lost_node: {},
    requeued_job: {},
    signalled_job: {},
    cancelled_array: {"max_running": "1"},
    cancelled_later: {},
    killed_driver: {},
    split_array: {"max_array_size": "2", "tasks": "5"},
}
WITHOUT_DRIVER = {cancelled_later, killed_driver}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_ends_with_the_same_corpus(cluster, crawl, tmp_path, results, fault):
    recipe, local = crawl
    on_slurm = SlurmBuild(cluster, recipe, tmp_path / "out", **FAULTS[fault])
    started, runs = time.monotonic(), 1
    driver = on_slurm.start()
    fault(on_slurm)
    if fault in WITHOUT_DRIVER:
        driver.kill()
    _, stderr = driver.communicate(timeout=900)
    if fault is cancelled_array:
        assert driver.returncode == 1
        assert "run the same command again" in stderr or "the same command submits" in stderr
    before = {name: (on_slurm.out / name).stat().st_mtime_ns for name in on_slurm.commits()}
    if driver.returncode != 0:
        runs += 1
        code, stderr = on_slurm.run()
        assert code == 0, stderr
        if fault is cancelled_later:
            assert "cancelled Slurm jobs" in stderr
    assert on_slurm.manifest() == local
    after = {name: (on_slurm.out / name).stat().st_mtime_ns for name in before}
    assert after == before, "a finished part was done again"
    if fault is split_array:
        assert len(read_json(on_slurm.out / "slurm/0001/jobs.json")) == 6 * (3 + 1) + (1 + 1)
    cluster.wait(lambda: not on_slurm.jobs(), "an empty queue, or jobs that wait for ever")
    results[fault.__name__] = {"runs": runs, "equal": True, "wall_s": round(time.monotonic() - started, 1)}
