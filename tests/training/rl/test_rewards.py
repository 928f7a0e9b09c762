"""Rewards: exact values of every term."""

import random
import re
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import BadInput
from training.rl.grading import Grade
from training.rl.rewards import RewardSettings, is_repetitive, load_reward, overlong, reward, rewards

OK, WRONG, LATE = Grade(True, "ok", 0.0), Grade(False, "ok", 0.0), Grade(False, "timeout", 5.0)


def two_for_all(gold: str, response: str, grade: Grade, num_tokens: int) -> float:
    """A user's reward."""
    return 2.0 + num_tokens


def test_correctness_is_plus_or_minus_one() -> None:
    assert [reward(RewardSettings(), "", grade, 9) for grade in (OK, WRONG, LATE)] == [1.0, -1.0, -1.0]


def test_what_timed_out_can_be_dropped() -> None:
    settings = RewardSettings(timeout="drop")
    assert [reward(settings, "", grade, 9) for grade in (OK, WRONG, LATE)] == [1.0, -1.0, None]


def test_terms_are_taken_off() -> None:
    settings = RewardSettings(format_penalty=0.5, repetition_penalty=0.25, max_tokens=100, overlong_buffer=40)
    assert reward(settings, "no box", OK, 10) == 0.5
    assert reward(settings, "\\boxed{1}" + "again " * 10, OK, 10) == 0.75
    assert reward(settings, "\\boxed{1}", OK, 80) == 0.5


def test_overlong_is_dapos() -> None:
    assert [overlong(n, 100, 40) for n in (0, 60, 70, 99, 100, 500)] == [0.0, 0.0, 0.25, 0.975, 1.0, 1.0]
    assert [overlong(n, 100, 0) for n in (100, 101)] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("response", "repetitive"),
    [("abcdeabcdeabcdeabcdeabcde", True), ("abcdeabcdeabcdeabcde", False), ("x = 1111", False), ("word " * 1000, True)],
)
def test_repetition(response: str, repetitive: bool) -> None:
    assert is_repetitive(response) is repetitive


def test_repetition_is_a_text_said_five_times_in_a_row() -> None:
    rng = random.Random(0)
    said = re.compile(r"(.{5,200}?)\1{4,}", re.DOTALL)
    found = 0
    for _ in range(500):
        letters = "abcdefghij\n"[: rng.choice([1, 2, 3, 11])]
        parts = ["".join(rng.choices(letters, k=rng.randint(0, size))) for size in (60, 30, 40)]
        text = parts[0] + parts[1] * rng.randint(3, 6) + parts[2]
        assert is_repetitive(text) == (said.search(text) is not None)
        found += is_repetitive(text)
    assert 100 < found < 400
    assert is_repetitive("\ud800 surrogate" * 5)
    assert not is_repetitive("once upon a time " * 5 + "x" * 10 + " ".join(map(str, range(2000))))  # before the end


def test_a_batch_is_graded_and_rewarded() -> None:
    values, grades = rewards(RewardSettings(), ["5", "5"], [r"\boxed{5}", "it is 5"], [3, 4])
    assert (values, [grade.status for grade in grades]) == ([1.0, -1.0], ["ok", "no_answer"])
    values, _ = rewards(RewardSettings(last_box=False), ["5", "5"], [r"\boxed{5}", "it is 5"], [3, 4])
    assert values == [1.0, 1.0]


def test_a_reward_is_any_importable_function() -> None:
    settings = RewardSettings(function=f"{__name__}:two_for_all")
    function = load_reward(str(settings.function))
    values, _ = rewards(settings, ["5"], [""], [3], function)
    assert values == [5.0]
    for given in ("much", float("nan"), float("inf"), [1.0]):
        with pytest.raises(BadInput, match=r"two_for_all' gave .*; return a finite number, or None"):
            rewards(settings, ["5"], [""], [3], lambda *_, given=given: given)
    assert rewards(settings, ["5", "5"], ["", ""], [3, 3], lambda *_: None)[0] == [None, None]
    for path in ("no.such.module:name", "math:no_such", "math:pi", "nothing"):
        with pytest.raises(BadInput, match="write module:name"):
            load_reward(path)


def test_a_reward_may_stand_beside_the_run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_the_run.py").write_text("def mine(gold, response, grade, num_tokens):\n    return 0.25\n")
    with pytest.raises(BadInput, match="No module named 'beside_the_run'"):
        load_reward("beside_the_run:mine")
    assert load_reward("beside_the_run:mine", tmp_path)("", "", OK, 1) == 0.25


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"function": "math:pow", "format_penalty": 1.0, "wrong": 0.0}, "function replaces format_penalty, wrong"),
        ({"overlong_buffer": 5}, "overlong_buffer has no effect without max_tokens"),
        ({"overlong_penalty": 0.5}, "overlong_penalty has no effect without max_tokens"),
        ({"max_tokens": 10, "overlong_buffer": 10}, "leaves no length unpunished below max_tokens 10"),
    ],
)
def test_a_setting_without_effect_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RewardSettings.model_validate(fields)
    settings = RewardSettings(function="math:pow", last_box=False)
    assert RewardSettings.model_validate_json(settings.model_dump_json()) == settings  # as a checkpoint records it
