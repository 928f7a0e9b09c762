"""The RL loop on a tiny model in float64: resumed, stored, dealt to ranks, refused; every case two real runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from support.checkpoints import tensors
from support.ranks import Ranks
from support.rl import MODEL, two_ranks_run, vowels, write_run
from training.checkpoint import complete_checkpoints, read_record
from training.export import export
from training.rl.answers import read_answers
from training.rl.plan import render_plan
from training.rl.prompts import Prompts
from training.rl.record import RlRecord
from training.rl.settings import PromptSettings, load_rl_run
from training.rl.task import PromptState
from training.rl.train import train_rl_in
from training.watch import read_metrics
from training.world import World


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train_rl_in(world, write_run(folder), folder / "out")
    return folder / "out"


def test_every_answer_is_stored_and_the_rewards_rise(whole: Path) -> None:
    steps = [read_answers(path) for path in sorted((whole / "rollouts").glob("*.parquet"))]
    assert [len(answers) for answers in steps] == [12] * 4
    for step, answers in enumerate(steps):
        assert [(answer.group, answer.sample) for answer in answers] == [(g, s) for g in range(4) for s in range(3)]
        assert all(len(answer.tokens) <= (8 if step < 2 else 12) for answer in answers)
        assert {answer.weights_version for answer in answers} == {step}
        for answer in answers:
            assert answer.reward == pytest.approx(vowels("", answer.response, None, len(answer.tokens)))  # type: ignore[arg-type]
            assert answer.old is None or len(answer.old) == len(answer.tokens) == len(answer.sampler)
            assert answer.old is None or answer.old == pytest.approx(answer.sampler, rel=1e-9)
        trained = [answer for answer in answers if answer.advantage is not None]
        assert sum(answer.advantage or 0.0 for answer in trained) == pytest.approx(0, abs=1e-9)
        groups = sorted({answer.group for answer in trained})
        for first in range(0, len(groups), 2):  # each update's weights add up to 1
            update = [answer for answer in trained if answer.group in groups[first : first + 2]]
            assert sum(answer.weight * len(answer.tokens) for answer in update) == pytest.approx(1.0)
    events = read_metrics(whole)
    assert [event["step"] for event in events] == [1, 2, 3, 4]
    assert all(event["policy/sampler_max_gap"] < 1e-9 for event in events)
    assert events[-1]["rollout/reward"] > events[0]["rollout/reward"]


def test_a_step_says_how_many_answers_are_drawn(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.progress._LINE_EVERY_S", 0.0)
    train_rl_in(world, write_run(tmp_path, num_steps=1), tmp_path / "out")
    assert re.search(r"^step 1: 50%, [\d.]+ answers/s, about", capsys.readouterr().err, re.MULTILINE)


def test_a_finished_run_says_so(world: World, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_rl_in(world, write_run(whole.parent), whole) == complete_checkpoints(whole)[-1]
    assert "finished, all 4 steps are done; raise num_steps to go on" in capsys.readouterr().err


@pytest.mark.parametrize("stop_after", [2, 3])
def test_a_run_goes_on_as_if_it_had_not_stopped(world: World, whole: Path, tmp_path: Path, stop_after: int) -> None:
    # The third step is lost with the kill that this stands for: the newest checkpoint is after the second.
    train_rl_in(world, write_run(tmp_path, num_steps=stop_after), tmp_path / "out")
    if stop_after == 3:
        (tmp_path / "out/step-0000003/done.json").unlink()
    train_rl_in(world, write_run(tmp_path), tmp_path / "out", resume=True)
    for step in range(1, 5):
        name = f"rollouts/step-{step:07d}.parquet"
        assert read_answers(tmp_path / "out" / name) == read_answers(whole / name)
    expected, found = (tensors(complete_checkpoints(out)[-1]) for out in (whole, tmp_path / "out"))
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[key], found[key]) for key in expected)
    records = [read_record(complete_checkpoints(out)[-1], RlRecord) for out in (whole, tmp_path / "out")]
    assert (records[0].prompts, records[0].updates) == (records[1].prompts, records[1].updates)
    times = ("time", "speed")
    logs = [
        [{key: value for key, value in event.items() if not key.startswith(times)} for event in read_metrics(out)]
        for out in (whole, tmp_path / "out")
    ]
    assert logs[0] == logs[1]
    # What was drawn before the kill is not drawn again.
    assert [event["step"] for event in read_metrics(tmp_path / "out") if "time/replay_s" in event] == [3] * (
        stop_after == 3
    )


@pytest.mark.parametrize("name", ["dr_grpo", "dapo", "rloo", "gspo", "cispo"])
def test_every_algorithm_runs(world: World, tmp_path: Path, name: str) -> None:
    loaded = write_run(
        tmp_path,
        num_steps=1,
        prompts_per_update=4,
        algorithm={"name": name, "kl_weight": 0.1, "importance": "truncated"},
        model={"config": MODEL, "dtype": "float32"},
    )
    train_rl_in(world, loaded, tmp_path / "out")
    (event,) = read_metrics(tmp_path / "out")
    assert event["policy/reference_kl"] == pytest.approx(0, abs=1e-3)
    assert event["train/grad_norm"] > 0


def test_refilled_groups_are_taken_in_the_order_of_their_prompts(world: World, tmp_path: Path) -> None:
    # Nearly every group of random answers has equal rewards: nobody is right.
    loaded = write_run(
        tmp_path,
        num_steps=2,
        reward={"last_box": False},
        algorithm={"name": "dapo", "max_refills": 2, "refill_from_step": 1},
        sampling={"samples": 2, "lengths": [{"step": 0, "max_new_tokens": 3}]},
    )
    train_rl_in(world, loaded, tmp_path / "out")
    first, event = read_metrics(tmp_path / "out")
    answers = read_answers(tmp_path / "out/rollouts/step-0000002.parquet")
    assert (first["rollout/draws"], event["rollout/draws"]) == (1, 3)
    assert len(answers) == 2 * (
        event["rollout/equal_groups"] + len({a.group for a in answers if a.advantage is not None})
    )
    assert [answer.group for answer in answers] == sorted(answer.group for answer in answers)


class _Letters:
    def encode(self, text: str) -> list[int]:
        return list(map(ord, text))


def test_prompts_come_in_epochs_and_easy_ones_retire(tmp_path: Path) -> None:
    rows = [{"question": "x" * (n + 1), "answer": "1"} for n in range(10)]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "bare.yaml").write_text('prompt: "{question}"\n', encoding="utf-8")
    settings = PromptSettings(path=str(path), template=str(tmp_path / "bare.yaml"), max_prompt_tokens=8)
    prompts = Prompts(settings, path, _Letters())
    assert (len(prompts.prompts), prompts.too_long) == (8, 2)
    taken, state = prompts.take(PromptState(), 20)
    assert [position for position, _ in taken] == list(range(20))
    epochs = [[prompt.index for _, prompt in taken[first : first + 8]] for first in (0, 8)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(8))
    assert epochs[0] != epochs[1]
    pieces, later = prompts.take(PromptState(), 7)
    more, later = prompts.take(later, 13)
    assert (pieces + more, later) == (taken, state)
    for _ in range(2):
        state = prompts.note(state, {3: True, 4: True})
    state = prompts.note(state, {4: False, 5: True})
    assert prompts.retired(state) == 1
    taken, _ = prompts.take(state, 30)
    assert 3 not in {prompt.index for _, prompt in taken}
    everything = dict.fromkeys(range(8), True)
    with pytest.raises(BadInput, match="every prompt is retired"):
        prompts.take(prompts.note(prompts.note(state, everything), everything), 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompts_per_update": 3}, "prompts_per_update 3 does not divide prompts_per_step 4; take a divisor"),
        ({"tokenizer": None}, "tokenizer is missing"),
        ({"sampling": {"lengths": [{"step": 1, "max_new_tokens": 8}]}}, "the first at 0"),
        ({"algorithm": {"name": "ppo"}}, "algorithm.name"),
        ({"lr": 0}, "lr: 0: input should be greater than 0"),
        ({"engine": {"kind": "served", "url": "localhost:8000"}}, "is no address of a server; write http://HOST:PORT"),
        ({"evaluation": {"tasks": [], "data": "."}}, "evaluation.tasks"),
    ],
)
def test_bad_settings_are_one_line(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        write_run(tmp_path, **fields)


def test_an_exported_policy_answers_like_the_trainer(whole: Path, tmp_path: Path) -> None:
    from training.evaluate.model import open_model

    export(complete_checkpoints(whole)[-1], tmp_path / "model", dtype="float64")
    engine, tokenizer = open_model(str(tmp_path / "model"), "float64", 4)
    stored = read_answers(whole / "rollouts/step-0000004.parquet")[0]
    assert tuple(tokenizer.encode("Q" + stored.question + "A")) == stored.prompt_tokens
    weights = tensors(complete_checkpoints(whole)[-1])
    for name, value in engine._model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights[f"model.{name}"])


def test_the_plan_tells_and_touches_nothing(whole: Path, tmp_path: Path) -> None:
    loaded = write_run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    lines = render_plan(loaded, whole).splitlines()
    assert lines[0] == "tiny: 4 steps, 4 done"
    assert "7, 0 left out as too long; 2.3 epochs" in lines[2]
    assert "4 prompts x 3 answers = 12 answers, 2 update(s)" in lines[3]
    assert "8 from step 0, 12 from step 2" in lines[5]
    evaluation = {"tasks": ["gsm8k"], "data": "prompts.jsonl"}
    other = render_plan(write_run(tmp_path, num_steps=2, evaluation=evaluation, keep_best=False), tmp_path / "out")
    assert "evaluation gsm8k 7 problems; before the first step, every 4, at the end" in other
    assert "8 from step 0, 12 from step 2 (never reached)" in other
    assert "checkpoint every 2 steps, 0.00 GiB, the newest 2 kept" in other
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["1b-long", "1b-hybrid", "3b-long", "3b-hybrid"])
def test_shipped_runs_have_the_papers_numbers(name: str) -> None:
    run = load_rl_run(f"octothinker-rl-{name}").run
    assert (run.prompts_per_step, run.prompts_per_update, run.sampling.samples, run.lr) == (128, 64, 16, 1e-6)
    assert (run.algorithm.name, run.algorithm.kl_weight, run.sampling.temperature) == ("grpo", 0.0, 1.0)
    lengths = [run.sampling.max_new_tokens(step) for step in (0, 99, 100, 159, 160)]
    assert lengths == ([2048, 2048, 4096, 4096, 8192] if name.endswith("long") else [4096] * 5)


FILES = {
    "empty.jsonl": "",
    "no-gold.jsonl": '{"question": "1+1="}\n',
    "cut.jsonl": '{"question": "1+1=", "answer": "2"}\n{"question"\n',
    "list.jsonl": "[1, 2]\n",
    "twice.yaml": 'prompt: "{question}{question}"\n',
    "silent.yaml": 'prompt: "{question}"\nstop: [""]\n',
}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompts": {"path": "none.jsonl"}}, r"prompts\.path: .*none\.jsonl: no such file"),
        ({"prompts": {"path": "."}}, r"prompts\.path: .*: no such file"),
        ({"prompts": {"path": "empty.jsonl"}}, r"prompts\.path: .*empty\.jsonl: no questions in it"),
        ({"prompts": {"path": "no-gold.jsonl"}}, r"no-gold\.jsonl: row 0: none of answer, .*; add answer"),
        ({"prompts": {"path": "cut.jsonl"}}, r"cut\.jsonl: line 2: not JSON"),
        ({"prompts": {"path": "list.jsonl"}}, "line 1: list, not an object"),
        ({"prompts": {"path": "latin.jsonl"}}, "line 1: not UTF-8; save the file as UTF-8"),
        ({"prompts": {"path": "prompts.jsonl", "max_prompt_tokens": 3}}, "raise prompts.max_prompt_tokens"),
        ({"prompts": {"path": "prompts.jsonl", "template": "twice.yaml"}}, "has to hold {question} once"),
        ({"prompts": {"path": "prompts.jsonl", "template": "silent.yaml"}}, "holds an empty string"),
        ({"tokenizer": "nowhere"}, "tokenizer: 'nowhere': no such folder"),
        ({"tokenizer": "."}, r"tokenizer: '\.': no tokenizer in it, such as tokenizer\.json"),
        ({"model": {"config": {"vocab_size": 20}}}, "the tokenizer gives token .*, the model has 20"),
        ({"sampling": {"lengths": [{"step": 0, "max_new_tokens": 8}, {"step": 9, "max_new_tokens": 200}]}}, "has 128"),
        ({"reward": {"function": "nowhere:mine"}}, "reward.function: 'nowhere:mine': No module named 'nowhere'"),
        ({"evaluation": {"tasks": ["gsm9k"], "data": "."}}, "gsm9k: no such task file"),
        ({"evaluation": {"tasks": ["gsm8k"], "data": "."}}, "no gsm8k.jsonl or"),
        (
            {"evaluation": {"tasks": ["gsm8k"], "data": "nowhere"}},
            r"evaluation\.data: .*nowhere: no such file or folder",
        ),
        ({"evaluation": {"tasks": ["gsm8k", "gsm8k"], "data": "prompts.jsonl"}}, "two tasks are called gsm8k"),
    ],
)
def test_what_does_not_fit_is_one_line_in_the_plan_and_at_the_start(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, dict], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "latin.jsonl").write_bytes('{"question": "é", "answer": "2"}\n'.encode("latin-1"))
    if "prompts" in fields:
        fields = {"prompts": {"template": "simple", **fields["prompts"]}}
    if "model" in fields:
        fields = {"model": {"config": {**MODEL, **fields["model"]["config"]}, "dtype": "float64"}}
    loaded = write_run(tmp_path, **fields)
    for refuse in (lambda: render_plan(loaded, tmp_path / "out"), lambda: train_rl_in(world, loaded, tmp_path / "out")):
        with pytest.raises(BadInput, match=message) as caught:
            refuse()
        assert "\n" not in str(caught.value)


def test_another_run_is_no_resume(world: World, whole: Path, tmp_path: Path) -> None:
    lengths = [{"step": 0, "max_new_tokens": 8}]
    with pytest.raises(BadInput, match="made with sampling"):
        train_rl_in(world, write_run(tmp_path, sampling={"samples": 2, "lengths": lengths}), whole)
    with pytest.raises(BadInput, match="no complete checkpoint to resume from"):
        train_rl_in(world, load_rl_run(tmp_path / "run.yaml"), tmp_path / "fresh", resume=True)


def test_two_ranks_draw_and_learn_the_same(two_ranks: Ranks, whole: Path, tmp_path: Path) -> None:
    write_run(tmp_path)
    two_ranks.run(two_ranks_run, str(tmp_path))
    for step in range(1, 5):
        one, two = (read_answers(out / f"rollouts/step-{step:07d}.parquet") for out in (whole, tmp_path / "out"))
        assert [answer.tokens for answer in one] == [answer.tokens for answer in two]
        for mine, theirs in zip(one, two, strict=True):
            assert mine.sampler == pytest.approx(theirs.sampler, rel=1e-9)
    expected, found = (tensors(complete_checkpoints(out)[-1]) for out in (whole, tmp_path / "out"))
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-13)
