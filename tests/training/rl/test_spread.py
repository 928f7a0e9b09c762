"""Evaluations during a run: every process draws its share, and what is found does not tell how many there were."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from support import rl, rpt
from support.ranks import Ranks
from support.spread import led
from training.rl.train import train_rl_in
from training.rpt.train import train_rpt_in
from training.watch import read_metrics
from training.world import World


def test_draws_are_dealt_and_come_back_in_order(two_ranks: Ranks) -> None:
    (first, mine, told), (second, others, _) = two_ranks.run(led, [5, 0, 1])
    assert first == second == [0, 1, 2, 3, 4, 0]
    assert (mine, others) == ([0, 1], [2, 3, 4, 0])
    assert told == [4, 0, 0]  # of this process's share, scaled up


@pytest.mark.parametrize("rank", [0, 1])
def test_a_draw_that_fails_ends_all(two_ranks: Ranks, rank: int) -> None:
    assert two_ranks.run(led, [4], rank) == ["no memory for keys and values"] * 2
    assert two_ranks.run(led, [4], None, True) == ["no such task"] * 2


def _evaluations(out: Path) -> list[dict[str, float]]:
    rows = [event for event in read_metrics(out) if any(key.startswith("eval/") for key in event)]
    return [{key: value for key, value in row.items() if key != "time"} for row in rows]


def test_an_rl_run_on_two_ranks_has_the_evaluations_of_one(world: World, two_ranks: Ranks, tmp_path: Path) -> None:
    for name in ("one", "two"):
        evaluation = {"tasks": ["gsm8k"], "data": "prompts.jsonl", "every_steps": 1}
        loaded = rl.write_run(tmp_path / name, num_steps=2, evaluation=evaluation)
    train_rl_in(world, rl.load_rl_run(tmp_path / "one/run.yaml"), tmp_path / "one/out")
    two_ranks.run(rl.two_ranks_run, str(loaded.folder))
    found = _evaluations(tmp_path / "one/out")
    assert [row["step"] for row in found] == [0, 1, 2]
    assert _evaluations(tmp_path / "two/out") == found
    for step in range(3):
        one, two = (
            [path.read_text() for path in (tmp_path / name / f"out/evaluations/step-000000{step}").rglob("*.jsonl")]
            for name in ("one", "two")
        )
        assert one == two
        assert len({json.loads(line)["response"] for line in one[0].splitlines()}) > 1


def test_an_rpt_run_on_two_ranks_has_the_evaluations_of_one(world: World, two_ranks: Ranks, tmp_path: Path) -> None:
    for name in ("one", "two"):
        loaded = rpt.write_run(
            tmp_path / name,
            num_steps=1,
            objective={"kind": "next_token", "template": "tiny.yaml"},
            evaluation={"positions": "positions", "template": "tiny.yaml", "count": 9, "max_new_tokens": 5},
        )
    train_rpt_in(world, rpt.load_rpt_run(tmp_path / "one/run.yaml"), tmp_path / "one/out")
    two_ranks.run(rpt.two_ranks_run, str(loaded.folder))
    found = _evaluations(tmp_path / "one/out")
    assert [row["step"] for row in found] == [0, 1]
    assert _evaluations(tmp_path / "two/out") == found
    one, two = (sorted((tmp_path / name / "out/evaluations").rglob("*.parquet")) for name in ("one", "two"))
    assert len(one) == len(two) == 4
    assert [pq.read_table(path) for path in one] == [pq.read_table(path) for path in two]
