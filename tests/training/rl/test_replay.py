"""Stored rows are learned from again in the very state that they were drawn in, and in no other."""

from pathlib import Path

import pytest

from support.rl import write_run
from training.rl.answers import Answer, answers_path, read_answers
from training.rl.draw import Drawn
from training.rl.record import RlRecord
from training.rl.replay import Origin, store, stored
from training.rl.task import PromptState
from training.world import World


def answer(sample: int, advantage: float | None) -> Answer:
    return Answer(
        prompt=3,
        group=0,
        sample=sample,
        prompt_tokens=(5, 6),
        tokens=(7, 8, 1),
        sampler=(-0.1, -1e-9, -2.0),
        stop_reason="stop",
        weights_version=4,
        question="2+2=",
        gold="4",
        response="ab",
        reward=0.1 + sample,
        correct=False,
        status="graded",
        advantage=advantage,
        segment=0,
        prefix_length=1,
    )


@pytest.fixture
def record(tmp_path: Path) -> RlRecord:
    run = write_run(tmp_path).run
    return RlRecord(step=4, run=run, updates=8, prompts=PromptState(cursor=16, streaks={2: 1}), prompts_digest="d")


def test_what_was_drawn_comes_back_to_the_last_bit(world: World, tmp_path: Path, record: RlRecord) -> None:
    drawn = Drawn([answer(0, 1 / 3), answer(1, None)], [0], PromptState(cursor=20, streaks={3: 2}), 4, 2)
    origin = Origin.of(tmp_path / "out", record, None)
    assert stored(origin, world) is None
    store(origin, drawn, [], 1.0)
    assert stored(origin, world) == drawn
    assert read_answers(answers_path(tmp_path / "out", 5)) == drawn.answers


def test_only_what_changes_no_answer_may_differ(world: World, tmp_path: Path, record: RlRecord) -> None:
    out = tmp_path / "out"
    drawn = Drawn([answer(0, None)], [], PromptState(), 1, 1)
    store(Origin.of(out, record, None), drawn, [], 1.0)

    def found(**changes: object) -> bool:
        return stored(Origin.of(out, record.model_copy(update=changes), None), world) is not None

    def run(**changes: object) -> object:
        return record.run.model_copy(update=changes)

    assert found(run=run(num_steps=99, name="another"))
    assert not found(step=3)
    assert not found(updates=9)
    assert not found(prompts=PromptState(cursor=17))
    assert not found(prompts_digest="e")
    assert not found(run=run(lr=0.5))
    assert not found(run=run(reward=record.run.reward.model_copy(update={"last_box": False})))


def test_the_first_weights_are_part_of_the_first_state_alone(world: World, tmp_path: Path, record: RlRecord) -> None:
    out, model = tmp_path / "out", tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"one")
    for step in (0, 4):
        begun = record.model_copy(update={"step": step})
        store(Origin.of(out, begun, model), Drawn([answer(0, None)], [], PromptState(), 1, 1), [], 1.0)
        assert stored(Origin.of(out, begun, model), world) is not None
        (model / "model.safetensors").write_bytes(b"another")
        assert (stored(Origin.of(out, begun, model), world) is None) == (step == 0)
