"""N steps, a kill, and N more are 2N steps: same tokens, same losses, same weights, on any number of ranks."""

import signal
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput, BuildFailed
from support.checkpoints import tensors
from support.kills import finish, kill_at_step, kill_in_save, signal_at_step
from support.ranks import run_ranks
from support.runs import write_run
from training.checkpoint import complete_checkpoints, read_record
from training.midtrain import train_in
from training.run import load_run
from training.watch import read_metrics

LAST = "step-0000008"


def losses(out: Path) -> list[float]:
    return [event["train/loss"] for event in read_metrics(out)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, world):
    """A run file, and its run on one process without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    path = write_run(folder)
    train_in(world, load_run(path), folder / "out")
    return path, folder / "out"


@pytest.mark.parametrize(("before", "after", "threads"), [(1, 1, 2), (1, 2, 0), (2, 1, 2), (2, 3, 0)])
def test_killed_and_resumed_equals_uninterrupted(whole, tmp_path, before, after, threads):
    path, reference = whole
    out = tmp_path / "out"
    assert set(run_ranks(before, kill_at_step, path, out, 6, "step-0000004")) == {-signal.SIGKILL}
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000004"]
    codes = run_ranks(after, finish, path, out, f"parallel.loader_threads={threads}", "parallel.micro_batch=2")
    assert set(codes) == {0}
    expected = read_record(reference / LAST)
    found = read_record(out / LAST)
    assert found.ledger == expected.ledger
    assert (found.step, found.tokens, found.order_digest) == (8, 960, expected.order_digest)
    np.testing.assert_allclose(losses(out), losses(reference), rtol=1e-9)
    theirs = tensors(reference / LAST)
    mine = tensors(out / LAST)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        np.testing.assert_allclose(value, theirs[name], rtol=1e-9, atol=1e-13)


def test_the_same_number_of_ranks_gives_the_same_bits(whole, tmp_path):
    path, _ = whole
    outs = [tmp_path / name / "out" for name in ("whole", "parts")]
    assert set(run_ranks(2, finish, path, outs[0])) == {0}
    assert set(run_ranks(2, kill_at_step, path, outs[1], 6, "step-0000004")) == {-signal.SIGKILL}
    assert set(run_ranks(2, finish, path, outs[1])) == {0}
    assert losses(outs[0]) == losses(outs[1])
    one, other = (tensors(out / LAST) for out in outs)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_kill_during_a_save_leaves_the_checkpoint_before(whole, tmp_path, world):
    path, reference = whole
    out = tmp_path / "out"
    assert -signal.SIGKILL in run_ranks(1, kill_in_save, path, out, 8)
    assert (out / LAST / ".metadata").exists()
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000004"]
    train_in(world, load_run(path), out)
    assert losses(out) == losses(reference)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_one_rank_saves_and_ends_all(whole, tmp_path, number):
    path, reference = whole
    out = tmp_path / "out"
    assert run_ranks(2, signal_at_step, path, out, 3, number) == [130, 130]
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000003"]
    assert set(run_ranks(1, finish, path, out)) == {0}
    np.testing.assert_allclose(losses(out), losses(reference), rtol=1e-9)


def test_a_finished_run_trains_no_further_and_says_so(whole, world, capsys):
    path, out = whole
    before = (out / LAST / "done.json").read_bytes()
    assert train_in(world, load_run(path), out) == out / LAST
    assert "steps are done; raise num_steps to go on" in capsys.readouterr().err
    assert (out / LAST / "done.json").read_bytes() == before


def test_resume_refuses_an_empty_folder_another_batch_and_another_order(whole, world, tmp_path):
    path, out = whole
    with pytest.raises(BadInput, match="no complete checkpoint to resume from"):
        train_in(world, load_run(path), tmp_path / "none", resume=True)
    with pytest.raises(BadInput, match="made with sequences_per_step: 5, the run says 6"):
        train_in(world, load_run(path, ("sequences_per_step=6",)), out)
    other = path.with_name("other.yaml")
    other.write_text((path.parent / "mix.yaml").read_text() + "seed: 1\n")
    with pytest.raises(BadInput, match="data order"):
        train_in(world, load_run(path, (f"mixture={other}",)), out)


def test_a_flipped_byte_in_a_checkpoint_is_refused_and_named(whole, world, tmp_path):
    import shutil

    path, reference = whole
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    shard = out / LAST / "__0_0.distcp"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(BadInput, match=r"__0_0\.distcp: its bytes are not those"):
        train_in(world, load_run(path, ("num_steps=9",)), out)


def test_a_flipped_byte_in_a_token_shard_is_refused_before_the_first_step(world, tmp_path):
    path = write_run(tmp_path)
    shard = next((tmp_path / "mix-web" / "data").glob("*.ds"))
    content = bytearray(shard.read_bytes())
    content[7] ^= 1
    shard.write_bytes(content)
    with pytest.raises(BadInput, match=f"{shard.name}"):
        train_in(world, load_run(path), tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_batch(world, tmp_path):
    path = write_run(tmp_path, schedule={"lr": 1e300})
    with pytest.raises(BuildFailed, match=r"step 2: loss nan.*not-finite-step-0000002-rank-0.npz"):
        train_in(world, load_run(path), tmp_path / "out")
    with np.load(tmp_path / "out" / "not-finite-step-0000002-rank-0.npz") as saved:
        assert saved["tokens"].shape == (5, 25)
    assert complete_checkpoints(tmp_path / "out") == []


def test_retention_keeps_the_newest_the_multiples_and_the_last(world, tmp_path):
    checkpoints = {"every_steps": 1, "keep_last": 2, "keep_every_steps": 3}
    path = write_run(tmp_path, checkpoints=checkpoints)
    train_in(world, load_run(path), tmp_path / "out")
    kept = [int(folder.name[5:]) for folder in complete_checkpoints(tmp_path / "out")]
    assert kept == [3, 6, 7, 8]


def test_the_ledger_adds_up_and_tells_what_was_repeated(whole):
    _, out = whole
    record = read_record(out / LAST)
    assert sum(part["seen"] for part in record.ledger.values()) == record.tokens == 8 * 5 * 24
    for part in record.ledger.values():
        assert part["seen"] == part["trained"] + part["masked"] == part["sequences"] * 24
    assert record.ledger["web"]["sequences"] == 30
    assert record.ledger["web"]["repeats"] > 0, "the component is small enough to wrap"
