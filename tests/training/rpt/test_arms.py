"""Held-out accuracy during a run, and the arms beside it: budgets met, held-out texts unread, nothing done twice."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import BadInput
from support.rpt import EOS, TEXTS, ids, write_run
from training.checkpoint import complete_checkpoints
from training.commands import scaling
from training.evaluate.next_token import read_hits
from training.evaluate.scaling_report import bands_of
from training.rl.task import PromptState
from training.rl.tokenizer import load_tokenizer
from training.rpt.arms import render_arms, render_plan, run_arms
from training.rpt.plan import render_plan as render_run_plan
from training.rpt.questions import are_held_out
from training.rpt.selection import Bands
from training.rpt.setup import make_task
from training.rpt.train import train_rpt_in
from training.watch import read_metrics
from training.world import World

HELD_OUT = 0.4
FIELDS: dict[str, Any] = {
    "positions": {"path": "positions", "selection": {"low": 1.0, "together": 2}, "held_out": HELD_OUT},
    "objective": {"kind": "next_token", "template": "tiny.yaml"},
    "num_steps": 2,
    "prompts_per_step": 12,
    "evaluation": {"every_steps": 1, "count": 20, "max_new_tokens": 4},
    "arms": {"plain": {"lr": 0.01, "texts_per_step": 2}, "sft": {"lr": 0.01, "texts_per_step": 3}},
    "checkpoints": {"every_steps": 2},
}


@pytest.fixture(scope="module")
def trained(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two steps, in the folder of its run file."""
    folder = tmp_path_factory.mktemp("arms")
    train_rpt_in(world, write_run(folder, **FIELDS), folder / "out")
    return folder


def _held_out() -> set[int]:
    documents = np.arange(len(TEXTS))
    return set(documents[are_held_out(documents, HELD_OUT, 0)].tolist())


def test_a_run_is_evaluated_on_documents_that_it_does_not_train_on(trained: Path) -> None:
    assert 0 < len(_held_out()) < len(TEXTS)
    for step in range(3):
        folder = trained / "out" / "evaluations" / f"step-{step:07d}" / "next-token"
        plain, reasoning = (read_hits(next(folder.glob(f"{mode}-*"))) for mode in ("plain", "reasoning"))
        assert len(plain) == 20
        assert set(plain.document.tolist()) <= _held_out()
        assert np.array_equal(plain.document, reasoning.document)
        assert np.array_equal(plain.offset, reasoning.offset)
    assert bands_of(trained / "out") == Bands()
    accuracies = [key for event in read_metrics(trained / "out") for key in event if key.startswith("eval/accuracy")]
    assert (
        accuracies
        == [f"eval/accuracy/{mode}-{band}" for mode in ("plain", "reasoning") for band in ("easy", "medium", "hard")]
        * 3
    )


def test_a_band_without_positions_is_told_and_is_no_headline(tmp_path: Path) -> None:
    bands = {"thresholds": {"a": 0.01, "b": 0.05, "c": 1.0}, "disjoint": True}  # entropies are tenths of a nat
    loaded = write_run(tmp_path, **{**FIELDS, "evaluation": {"bands": bands, "count": 20}})
    assert make_task(loaded, load_tokenizer(loaded)).headline == "eval/accuracy/reasoning-b"
    plan = render_run_plan(loaded, tmp_path / "out")
    assert re.search(r"evaluation 20 positions \(a 0, b \d+, c \d+\), every 100 steps", plan)


def test_arms_spend_what_rpt_spent_and_are_evaluated_alike(world: World, trained: Path) -> None:
    loaded = write_run(trained, **FIELDS)
    start, rpt, *arms = run_arms(world, loaded, trained / "out")
    assert [arm.name for arm in arms] == [
        "plain, equal flops",
        "plain, equal tokens",
        "sft, equal flops",
        "sft, equal tokens",
    ]
    for arm in arms:
        if arm.name.endswith("flops"):
            wanted, spent = rpt.spent.flops, arm.spent.flops
        else:
            wanted, spent = float(rpt.spent.prefilled), float(arm.spent.trained)
        # Up to the end of a step, and texts are not all as long as the first ones.
        assert 0.9 * wanted <= spent <= 1.1 * (wanted + spent / arm.updates)
        assert arm.spent.generated == 0
        assert [(row["task"], row["protocol_digest"]) for row in arm.results] == [
            (row["task"], row["protocol_digest"]) for row in start.results
        ]
    table = render_arms([start, rpt, *arms]).splitlines()
    assert table[0].startswith("| arm | FLOP | tokens trained | tokens drawn | updates | plain-easy |")
    assert table[2].startswith("| start | 0 | 0 | 0 | 0 | ")
    written = json.loads((trained / "out/arms/arms.json").read_text(encoding="utf-8"))
    assert [arm["updates"] for arm in written["arms"]] == [0, rpt.updates, *(arm.updates for arm in arms)]

    assert "updates of 2 documents at 0.01, of 3 answers at 0.01" in render_plan(loaded)
    newest = complete_checkpoints(trained / "out/arms/sft-flops")[-1] / "done.json"
    before = newest.stat().st_mtime_ns
    assert run_arms(world, loaded, trained / "out") == [start, rpt, *arms]
    assert newest.stat().st_mtime_ns == before


def test_two_evaluations_make_no_curve(trained: Path) -> None:
    with pytest.raises(BadInput, match="easy: a scaling curve has three parameters and needs 4 points"):
        scaling([trained / "out"])


def test_plain_texts_are_the_documents_that_are_not_held_out_once_a_pass(trained: Path) -> None:
    fields = {**FIELDS, "warmup": {"steps": 2}, "max_prompt_tokens": 11, "prompts_per_step": 2}
    loaded = write_run(trained, **fields)
    course = make_task(loaded, load_tokenizer(loaded), plain=True).warmup
    assert course is not None
    # A document is cut into pieces of at most 11 tokens that overlap by one: each token but the first is learned once.
    wanted: list[tuple[int, ...]] = []
    for place, text in enumerate(TEXTS):
        if place not in _held_out():
            document = [*ids(text), EOS]
            wanted += [tuple(document[first : first + 11]) for first in range(0, len(document) - 1, 10)]
    state, passes = PromptState(), []
    for _ in range(2):
        read: list[tuple[int, ...]] = []
        while len(read) < len(wanted):
            lessons, state = course.take(state)
            assert all(lesson.untrained == 1 for lesson in lessons)
            read += [lesson.tokens for lesson in lessons]
        passes.append(read)
    assert len(wanted) % 2 == 0
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(wanted)
    assert passes[0] != passes[1]


def test_arms_without_an_evaluation_or_a_finished_run_are_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="evaluation is missing; the arms are compared by it"):
        run_arms(world, write_run(tmp_path, **{**FIELDS, "evaluation": None}), tmp_path / "out")
    without_start = {**FIELDS, "evaluation": {**FIELDS["evaluation"], "at_start": False}}
    with pytest.raises(BadInput, match=r"evaluation\.at_start: false: .* set it to true"):
        render_plan(write_run(tmp_path, **without_start))
    with pytest.raises(BadInput, match="the run has not made its 2 steps; train it first"):
        run_arms(world, write_run(tmp_path, **FIELDS), tmp_path / "out")
    none_held_out = write_run(tmp_path, **{**FIELDS, "positions": {"path": "positions", "selection": {"low": 1.0}}})
    with pytest.raises(BadInput, match=r"evaluation: no positions to evaluate on; set evaluation\.positions"):
        train_rpt_in(world, none_held_out, tmp_path / "out")
