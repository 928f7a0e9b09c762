"""Training by the shipped Slurm script, two nodes with a process each (`make soak`)."""

import json
import os
import sys
from pathlib import Path

import pytest

import manifests
from support.rl import write_run as write_rl_run
from support.runs import write_run

pytestmark = pytest.mark.soak

SCRIPT = Path(manifests.__file__).parent / "slurm" / "train.sbatch"


@pytest.fixture
def submit(cluster, tmp_path, monkeypatch):
    """Submits the script in a folder of its own; returns the job's id."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))

    def submit(*arguments: str) -> str:
        options = ["--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1", "--gpus-per-node=0"]
        places = [f"--chdir={tmp_path}", f"--output={tmp_path / 'job.log'}"]
        monkeypatch.setattr(
            cluster, "environment", cluster.environment | dict(os.environ, SLURM_CONF=str(cluster.conf))
        )
        return cluster.run("sbatch", "--parsable", *options, *places, str(SCRIPT), *arguments).strip()

    return submit


def steps(out: Path) -> list[int]:
    path = out / "metrics.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []


def last_checkpoint(out: Path) -> int:
    """Step of the newest complete checkpoint; 0 when there is none."""
    return max((int(done.parent.name.removeprefix("step-")) for done in out.glob("step-*/done.json")), default=0)


def test_mid_training_saves_at_a_signal_and_goes_on(cluster, submit, tmp_path):
    """SIGUSR1, as Slurm sends it before the time limit, then `scontrol requeue`: it goes on where it saved."""
    path = write_run(tmp_path, num_steps=400, checkpoints={"every_steps": 1000})
    job, out = submit("mid", str(path)), tmp_path / "out" / "tiny"
    cluster.wait(lambda: steps(out), "a first step")
    cluster.run("scancel", "--signal=USR1", job)
    cluster.wait(lambda: last_checkpoint(out), "a checkpoint")
    first = last_checkpoint(out)
    cluster.wait(lambda: max(steps(out)) > first, "a step behind it")
    cluster.run("scontrol", "requeue", job)
    cluster.wait(lambda: last_checkpoint(out) > first, "another checkpoint")
    second = last_checkpoint(out)
    cluster.wait(lambda: not cluster.jobs(), "the end")
    log = (tmp_path / "job.log").read_text()
    assert f"goes on after step {first} of 400" in log
    assert f"goes on after step {second} of 400" in log
    assert first < second < 400
    assert steps(out) == list(range(1, 401)), "no step lost, none twice"
    assert last_checkpoint(out) == 400


def test_rl_under_srun(cluster, submit, tmp_path):
    loaded = write_rl_run(tmp_path, num_steps=1)
    submit("rl", str(loaded.path))
    cluster.wait(lambda: not cluster.jobs(), "the end")
    out = tmp_path / "out" / "tiny"
    assert last_checkpoint(out) == 1, (tmp_path / "job.log").read_text()
    assert (out / "step-0000001" / "__1_0.distcp").exists(), "two processes saved"
