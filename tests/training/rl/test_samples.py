"""Samples of rollouts: the right ones, as text that a reader can trust."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mathmill import app
from pipeline.errors import BadInput
from support.rl import write_run
from training.rl.answers import write_answers
from training.rl.samples import Sample, choose_samples, read_samples, render
from training.rl.train import train_rl_in
from training.world import World

PLAIN = Sample(3, "1+1=", "2", r"so \boxed{2}", 1.0, True, "ok", "stop", 0.5, 7)


def _samples(rewards: list[float | None]) -> list[Sample]:
    return [replace(PLAIN, prompt=place, reward=reward) for place, reward in enumerate(rewards)]


def test_the_best_the_worst_and_others_by_lot() -> None:
    samples = _samples([0.1, 0.9, None, 0.5, 0.9])
    prompts = {
        show: [s.prompt for s in choose_samples(samples, 5, show, seed=1)] for show in ("best", "worst", "mixed")
    }  # type: ignore[arg-type]
    assert [set(prompts["best"][:2]), *prompts["best"][2:]] == [{1, 4}, 3, 0, 2]
    assert [*prompts["worst"][:2], set(prompts["worst"][2:4]), prompts["worst"][4]] == [0, 3, {1, 4}, 2]
    assert prompts["mixed"][0] in (1, 4)
    assert prompts["mixed"][1] == 0
    assert sorted(prompts["mixed"]) == [0, 1, 2, 3, 4]
    lots = {tuple(s.prompt for s in choose_samples(samples, 3, "random", seed)) for seed in range(20)}
    assert len(lots) > 5
    assert choose_samples(samples, 3, "random", 4) == choose_samples(samples, 3, "random", 4)
    assert choose_samples([], 3, "mixed", 0) == []


def test_the_text_tells_what_each_answer_was_worth() -> None:
    dropped = replace(PLAIN, reward=None, advantage=None, correct=False, status="timeout", stop_reason="length")
    text = render(12, [PLAIN, dropped], [PLAIN, dropped])
    assert text.startswith(
        "# Step 12\n\n2 answers to 1 prompts; reward +1.000; right 50.0%; 7 tokens on average; ends: stop 1, length 1\n"
    )
    assert "| 1 | +1 | +0.5 | yes | ok | 7 | stop | 1+1= |\n" in text
    assert "| 2 | dropped | none | no | timeout | 7 | length | 1+1= |\n" in text
    assert "## 2. Prompt 3: reward dropped, advantage none, right no, grade timeout, tokens 7, end length\n" in text
    assert "Response:\n\n```\nso \\boxed{2}\n```\n" in text


def test_no_response_breaks_the_text_or_steers_the_terminal() -> None:
    hostile = replace(PLAIN, question="a|b\nc", response="````\n# Step 13\n\x1b[2Jgone\x9b", gold="\x07")
    text = render(1, [hostile], [hostile])
    assert "`````\n````\n# Step 13\n␛[2Jgone\ufffd\n`````" in text
    assert "| a\\|b c |" in text
    assert "\x1b" not in text
    assert "\x07" not in text
    long = replace(PLAIN, response="x" * 5000 + "end")
    assert "x […3,003 characters…] x" in render(1, [long], [long])
    assert "x" * 5000 + "end" in render(1, [long], [long], max_characters=None)


def test_each_step_of_a_run_has_its_samples(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded = write_run(tmp_path, num_steps=2, samples={"number": 2, "log_every_steps": 2})
    train_rl_in(world, loaded, tmp_path / "out")
    first, second = ((tmp_path / f"out/rollouts/step-000000{step}.md").read_text() for step in (1, 2))
    assert first.count("\n## ") == 2
    printed = capsys.readouterr().err
    assert second in printed
    assert first not in printed
    step, samples = read_samples(tmp_path / "out", None)
    assert (step, len(samples)) == (2, 12)
    assert second == render(2, samples, choose_samples(samples, 2, "mixed", 2))
    command = ["rollouts", str(tmp_path / "out"), "--step", "1", "--number", "3", "--show", "best"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0
    _, samples = read_samples(tmp_path / "out", 1)
    assert shown.output == render(1, samples, choose_samples(samples, 3, "best", 0))


def test_what_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no rollouts in it"):
        read_samples(tmp_path, None)
    write_answers(tmp_path, 3, [], 1.0)
    with pytest.raises(BadInput, match="has the rollouts of steps 3 to 3; take one of them"):
        read_samples(tmp_path, 4)
