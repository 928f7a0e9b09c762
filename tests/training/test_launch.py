"""The command as users start it: under torchrun to its end, from srun's variables, and refusals in one line."""

import pytest

from pipeline.errors import BadInput
from support.runs import run, write_run
from training.checkpoint import complete_checkpoints, read_record
from training.world import _ranks


def test_two_processes_under_torchrun_train_to_the_end(tmp_path):
    path = write_run(tmp_path, num_steps=2)
    done = run("train", "mid", path, ranks=2, cwd=tmp_path)
    (checkpoint,) = complete_checkpoints(tmp_path / "out" / "tiny")
    assert read_record(checkpoint).step == 2
    assert {name for name in read_record(checkpoint).files if name.endswith(".distcp")} == {
        "__0_0.distcp",
        "__1_0.distcp",
    }
    assert done.stderr.count("step 2/2") == 1, "the first process alone speaks"


def test_bad_input_is_one_line_and_exit_code_2(tmp_path):
    path = write_run(tmp_path)
    done = run("train", "mid", path, "--set", "schedule.decay=wobbly", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "schedule.decay" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_ranks_come_from_torchrun_or_from_a_step_of_srun(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_STEP_NUM_TASKS", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert _ranks() == (0, 1, 0), "the script of a job is no launch"
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "16")
    monkeypatch.setenv("SLURM_PROCID", "9")
    monkeypatch.setenv("SLURM_LOCALID", "1")
    with pytest.raises(BadInput, match="MASTER_ADDR is not set"):
        _ranks()
    monkeypatch.setenv("MASTER_ADDR", "node-0")
    monkeypatch.setenv("MASTER_PORT", "20001")
    assert _ranks() == (9, 16, 1)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert _ranks() == (3, 4, 0)
