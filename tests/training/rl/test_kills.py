"""An RL run that is killed at any moment and started again ends as one that was not: rows, log, weights."""

import signal
from pathlib import Path

import numpy as np
import pytest

from support.checkpoints import tensors
from support.ranks import run_ranks
from support.rl import write_run
from support.rl_kills import DRAWING, LEARNING, finish, kill_in_save, stop_in
from training.checkpoint import complete_checkpoints
from training.rl.answers import answers_path, read_answers
from training.rl.settings import load_rl_run
from training.rl.train import train_rl_in
from training.watch import read_metrics
from training.world import World

LAST = "step-0000004"
STEPS = range(1, 5)


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps with a checkpoint after the second, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train_rl_in(world, write_run(folder), folder / "out")
    return folder


def log(out: Path) -> list[dict[str, float]]:
    """The log without what a clock tells."""
    return [
        {key: value for key, value in event.items() if not key.startswith(("time", "speed"))}
        for event in read_metrics(out)
    ]


def replayed(out: Path) -> list[float]:
    return [event["step"] for event in read_metrics(out) if "time/replay_s" in event]


def check_equal(one: Path, other: Path) -> None:
    """To the last bit: weights and moments, rows, log."""
    mine, theirs = tensors(one / LAST), tensors(other / LAST)
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    for step in STEPS:
        assert read_answers(answers_path(one, step)) == read_answers(answers_path(other, step))
    assert log(one) == log(other)


@pytest.mark.parametrize(
    ("where", "stored", "call", "again"),
    [
        (DRAWING, 3, 3, [3]),  # in the middle of the fourth step's answers: those of the third are there
        (LEARNING, 4, 1, [3, 4]),  # drawn, stored, and nothing learned from it
        (LEARNING, 4, 2, [3, 4]),  # between the two updates of a step
    ],
)
def test_killed_in_a_step(
    world: World, whole: Path, tmp_path: Path, where: str, stored: int, call: int, again: list[int]
) -> None:
    out = tmp_path / "out"
    job = (whole / "run.yaml", out, where, stored, call, signal.SIGKILL)
    assert run_ranks(1, stop_in, *job) == [-signal.SIGKILL]
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000002"]
    train_rl_in(world, load_rl_run(whole / "run.yaml"), out)
    check_equal(out, whole / "out")
    assert replayed(out) == again


def test_killed_in_a_save(world: World, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_ranks(1, kill_in_save, whole / "run.yaml", out, 4) == [-signal.SIGKILL]
    assert (out / LAST / ".metadata").exists()
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000002"]
    train_rl_in(world, load_rl_run(whole / "run.yaml"), out)
    check_equal(out, whole / "out")
    assert replayed(out) == [3, 4]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_killed_and_continued_on_another_number_of_ranks(whole: Path, tmp_path: Path, before: int, after: int) -> None:
    out = tmp_path / "out"
    job = (whole / "run.yaml", out, LEARNING, 3, 2, signal.SIGKILL)
    codes = run_ranks(before, stop_in, *job)
    assert -signal.SIGKILL in codes
    assert 0 not in codes, "a rank whose partner was killed fails"
    assert set(run_ranks(after, finish, whole / "run.yaml", out)) == {0}
    mine, theirs = tensors(out / LAST), tensors(whole / "out" / LAST)
    for name, value in theirs.items():
        np.testing.assert_allclose(mine[name], value, rtol=1e-9, atol=1e-13)
    for step in STEPS:
        one, other = (read_answers(answers_path(folder, step)) for folder in (out, whole / "out"))
        assert [answer.tokens for answer in one] == [answer.tokens for answer in other]
    assert replayed(out) == [3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_after_the_step_at_hand(world: World, whole: Path, tmp_path: Path, number: int) -> None:
    out = tmp_path / "out"
    assert run_ranks(1, stop_in, whole / "run.yaml", out, DRAWING, 2, 2, number) == [130]
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000002", "step-0000003"]
    train_rl_in(world, load_rl_run(whole / "run.yaml"), out)
    check_equal(out, whole / "out")
    assert replayed(out) == []
