"""Branches as records: start rate and optimizer state of the parent, other data, nothing else."""

import numpy as np
import pytest

from pipeline.errors import BadInput
from support.checkpoints import tensors
from support.runs import write_mixture_of, write_run
from training.branch import make_branches
from training.checkpoint import complete_checkpoints, read_record
from training.midtrain import train_in
from training.run import load_run
from training.watch import read_metrics

NAMES = ("long", "short", "hybrid")


@pytest.fixture(scope="module")
def parent(tmp_path_factory, world):
    """A run of 8 steps that warms up, on one process; its folder is out/stable."""
    folder = tmp_path_factory.mktemp("parent")
    schedule = {"lr": 2e-3, "warmup_tokens": 240, "warmup_ratio": 0.5}
    path = write_run(folder, name="stable", schedule=schedule, sequences_per_step=4)
    train_in(world, load_run(path), folder / "out" / "stable")
    for index, name in enumerate(NAMES):
        write_mixture_of(folder / f"{name}.yaml", {"web": 0.5, name: 0.5}, seed=10 * index)
    return folder


@pytest.fixture(scope="module")
def branches(parent):
    checkpoint = parent / "out" / "stable" / "step-0000004"
    return make_branches(checkpoint, [str(parent / f"{name}.yaml") for name in NAMES], num_steps=4)


def test_one_command_makes_three_branches_that_differ_in_data_alone(parent, branches):
    runs = [load_run(path).run for path in branches]
    assert [run.name for run in runs] == [f"stable-{name}" for name in NAMES]
    assert [load_run(path).mixture(run.mixture).stem for path, run in zip(branches, runs, strict=True)] == list(NAMES)
    same = [run.model_dump(exclude={"name", "mixture"}) for run in runs]
    assert same[0] == same[1] == same[2]
    record = read_record(parent / "out" / "stable" / "step-0000004")
    assert same[0]["parent"] == {"checkpoint": "stable/step-0000004", "digest": record.digest, "tokens": 4 * 4 * 24}
    assert same[0]["optimizer"] == record.run.optimizer.model_dump()


def test_a_branch_starts_with_the_parents_rate_and_moments_and_counts_from_zero(parent, branches, world):
    out = parent / "out" / "stable-long"
    train_in(world, load_run(branches[0]), out)
    events = read_metrics(out)
    rates = [event["train/lr"] for event in events]
    parent_rate = read_record(parent / "out" / "stable" / "step-0000004").lr
    assert parent_rate == 2e-3
    floor = 0.1 * parent_rate
    expected = [floor + 0.5 * (parent_rate - floor) * (1 + np.cos(np.pi * step / 4)) for step in range(4)]
    assert rates[0] == parent_rate
    np.testing.assert_allclose(rates, expected, rtol=1e-14)
    record = read_record(complete_checkpoints(out)[-1])
    assert (record.step, record.tokens, record.total_tokens) == (4, 4 * 4 * 24, 8 * 4 * 24)
    assert set(record.ledger) == {"web", "long"}
    assert record.parent is not None
    assert record.parent.ledger == read_record(parent / "out" / "stable" / "step-0000004").ledger
    state = tensors(complete_checkpoints(out)[-1])
    assert {state[name].item() for name in state if name.endswith(".step")} == {8}, "4 of the parent, 4 of its own"


def test_a_branch_resumes_like_any_run(parent, branches, world, tmp_path):
    whole = parent / "out" / "stable-short"
    train_in(world, load_run(branches[1]), whole)
    out = parent / "out" / "again"
    overrides = ("checkpoints.every_steps=2", "num_steps=4")
    train_in(world, load_run(branches[1], overrides), out)
    import shutil

    shutil.rmtree(out / "step-0000004")
    train_in(world, load_run(branches[1], overrides), out)
    assert [e["train/loss"] for e in read_metrics(out)] == [e["train/loss"] for e in read_metrics(whole)]


def test_the_parent_of_a_branch_is_never_pruned(parent, branches, world):
    overrides = ("num_steps=12", "checkpoints.every_steps=1")
    train_in(world, load_run(parent / "stable.yaml", overrides), parent / "out" / "stable")
    kept = [folder.name for folder in complete_checkpoints(parent / "out" / "stable")]
    assert "step-0000004" in kept
    assert len(kept) < 10


def test_another_parent_than_the_branch_names_is_refused(parent, branches, world):
    run = load_run(branches[2], ("parent.digest='" + "0" * 32 + "'",))
    with pytest.raises(BadInput, match="its digest is"):
        train_in(world, run, parent / "out" / "stable-hybrid")
    missing = load_run(branches[2], ("parent.checkpoint=stable/step-0000099",))
    with pytest.raises(BadInput, match="not a complete checkpoint"):
        train_in(world, missing, parent / "out" / "stable-hybrid")


def test_a_rate_cannot_be_typed_into_a_branch_nor_left_out_of_a_run(branches, parent):
    with pytest.raises(BadInput, match=r"schedule\.lr 0\.1 in a branch"):
        load_run(branches[0], ("schedule.lr=0.1",))
    with pytest.raises(BadInput, match=r"schedule\.lr is missing"):
        load_run(parent / "stable.yaml", ("schedule.lr=null",))


def test_a_file_of_another_branch_is_not_overwritten(parent, branches):
    checkpoint = parent / "out" / "stable" / "step-0000004"
    mixture = str(parent / "long.yaml")
    assert make_branches(checkpoint, [mixture], num_steps=4) == [branches[0]]
    with pytest.raises(BadInput, match="another branch of that name"):
        make_branches(checkpoint, [mixture], num_steps=5)
    with pytest.raises(BadInput, match="--decay wobbly"):
        make_branches(checkpoint, [mixture], decay="wobbly")
