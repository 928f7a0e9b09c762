"""The RPT loop on a tiny model in float64: traced, resumed, dealt to ranks, exported, refused; every case real runs.

One run has everything at once: a warm-up, rewards that ask the policy and its average, a plain loss on the contexts.
"""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from support.checkpoints import tensors
from support.positions import write_positions
from support.ranks import Ranks, run_ranks
from support.rl import MODEL, save_tokenizer
from support.rl_kills import LEARNING, stop_in
from support.rpt import EOS, TEXTS, ids, two_ranks_run, write_ground, write_run
from support.tokens import write_tokens
from training.checkpoint import complete_checkpoints, read_record
from training.export import export
from training.rl.answers import answers_path, read_answers
from training.rpt.plan import render_plan
from training.rpt.settings import load_rpt_run
from training.rpt.trace import trace_rpt_step
from training.rpt.train import RptRecord, train_rpt_in
from training.tokens import Tokenizer
from training.watch import read_metrics
from training.world import World

EVERYTHING = {
    "num_steps": 5,
    "warmup": {"steps": 2, "lr": 0.02, "thoughts": ["ab", "{tail}"]},
    "language_loss_weight": 0.1,
    "checkpoints": {"every_steps": 1, "keep_every_steps": 1},
}


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps of warm-up and three of RPT, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train_rpt_in(world, write_run(folder, **EVERYTHING), folder / "out")
    return folder / "out"


def _same_weights(one: Path, two: Path) -> None:
    """To the last bit: weights, their average, moments."""
    expected, found = (tensors(complete_checkpoints(out)[-1]) for out in (one, two))
    assert any(key.startswith("average.") for key in expected)
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[key], found[key]) for key in expected)


def _same_log(one: Path, two: Path) -> None:
    logs = [
        [{key: value for key, value in event.items() if not key.startswith(("time", "speed"))} for event in events]
        for events in (read_metrics(one), read_metrics(two))
    ]
    assert logs[0] == logs[1]


def test_every_answer_can_be_traced_to_its_text(whole: Path) -> None:
    assert not answers_path(whole, 2).exists()
    for step in range(3, 6):
        answers = read_answers(answers_path(whole, step))
        assert len(answers) == 12
        segments: dict[int, list[tuple[int, ...]]] = {}
        for answer in answers:
            document = [*ids(TEXTS[answer.document or 0]), EOS]
            assert answer.document is not None
            assert answer.offset is not None
            assert list(answer.prompt_tokens) == [*document[max(0, answer.offset - 23) : answer.offset], *ids("Q")]
            assert answer.prefix_length == len(answer.prompt_tokens) - 1
            assert answer.gold == TEXTS[answer.document][answer.offset]
            segments.setdefault(answer.segment, []).append(answer.prompt_tokens[: answer.prefix_length])
        for prefixes in segments.values():
            longest = max(prefixes, key=len)
            assert all(longest[: len(prefix)] == prefix for prefix in prefixes)
        assert len(segments) < 4  # two positions of a document follow each other


def test_the_log_tells_losses_rewards_and_compute(whole: Path) -> None:
    events = read_metrics(whole)
    assert [event["step"] for event in events] == [1, 2, 3, 4, 5]
    assert events[1]["warmup/loss"] < events[0]["warmup/loss"]
    assert all(event["train/language_loss"] > 0 for event in events[2:])
    assert all(event["policy/sampler_max_gap"] < 1e-9 for event in events[2:])
    flops = [event["compute/flops"] for event in events]
    assert flops == sorted(flops)
    for event in events[2:]:  # reward = log π(with the thought) − log p̄(without)
        gain = event["reward/with_thought"] - event["reward/without_thought"]
        assert event["rollout/reward"] == pytest.approx(gain, rel=1e-9)
    answers = [answer for step in range(3, 6) for answer in read_answers(answers_path(whole, step))]
    assert events[-1]["compute/generated"] == sum(len(answer.tokens) for answer in answers)
    plan = render_plan(load_rpt_run(whole.parent / "run.yaml"), whole)
    assert events[-1]["positions/passes"] == 20 / int(plan.split("positions  ")[1].split()[0])


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_run_goes_on_as_if_it_had_not_stopped(world: World, whole: Path, tmp_path: Path, step: int) -> None:
    # In the middle of the warm-up, at its end, and behind it: what a kill leaves is all up to a checkpoint.
    shutil.copytree(whole.parent, tmp_path, dirs_exist_ok=True)
    for later in range(step + 1, 6):
        shutil.rmtree(tmp_path / f"out/step-{later:07d}")
        answers_path(tmp_path / "out", later).unlink(missing_ok=True)
    train_rpt_in(world, load_rpt_run(tmp_path / "run.yaml"), tmp_path / "out", resume=True)
    for later in range(3, 6):
        one, two = (read_answers(answers_path(out, later)) for out in (whole, tmp_path / "out"))
        assert one == two
    _same_weights(whole, tmp_path / "out")
    records = [read_record(complete_checkpoints(out)[-1], RptRecord) for out in (whole, tmp_path / "out")]
    assert records[0].model_copy(update={"files": {}}) == records[1].model_copy(update={"files": {}})
    _same_log(whole, tmp_path / "out")


def test_a_run_that_is_killed_between_two_updates_goes_on_as_if_it_had_not_been(
    world: World, whole: Path, tmp_path: Path
) -> None:
    write_run(tmp_path, **{**EVERYTHING, "checkpoints": {"every_steps": 2}})
    out = tmp_path / "out"
    job = (tmp_path / "run.yaml", out, LEARNING, 2, 2, signal.SIGKILL)
    assert run_ranks(1, stop_in, *job) == [-signal.SIGKILL]
    assert [folder.name for folder in complete_checkpoints(out)] == ["step-0000002"]
    train_rpt_in(world, load_rpt_run(tmp_path / "run.yaml"), out)
    _same_weights(whole, out)
    _same_log(whole, out)
    assert [event["step"] for event in read_metrics(out) if "time/replay_s" in event] == [3, 4]


def test_sharing_prefixes_changes_nothing_but_the_bill(world: World, whole: Path, tmp_path: Path) -> None:
    loaded = write_run(tmp_path, **EVERYTHING, parallel={"micro_batch_tokens": 60, "share_prefixes": False})
    train_rpt_in(world, loaded, tmp_path / "out")
    one, two = (read_metrics(out)[-1] for out in (whole, tmp_path / "out"))
    assert one["train/language_loss"] == pytest.approx(two["train/language_loss"], rel=1e-9)
    assert one["compute/generated"] == two["compute/generated"]
    assert one["compute/trained"] < two["compute/trained"]
    expected, found = (tensors(complete_checkpoints(out)[-1]) for out in (whole, tmp_path / "out"))
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-13)


def test_two_ranks_draw_and_learn_the_same(two_ranks: Ranks, whole: Path, tmp_path: Path) -> None:
    write_run(tmp_path, **EVERYTHING)
    two_ranks.run(two_ranks_run, str(tmp_path))
    for step in range(3, 6):
        one, two = (read_answers(answers_path(out, step)) for out in (whole, tmp_path / "out"))
        assert [answer.tokens for answer in one] == [answer.tokens for answer in two]
        for mine, theirs in zip(one, two, strict=True):
            assert mine.reward == pytest.approx(theirs.reward, rel=1e-9)
    expected, found = (tensors(complete_checkpoints(out)[-1]) for out in (whole, tmp_path / "out"))
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-13)


def test_a_step_is_traced_to_files_and_rows(whole: Path) -> None:
    tokens = {"positions.tokens": whole.parent / "tokens", "positions.path": whole.parent / "positions"}
    moved = tuple(f"{field}={path}" for field, path in tokens.items())
    warmup, drawn = (trace_rpt_step(whole, step, moved) for step in (0, 2))
    assert [place.what for place in warmup] == ["warm-up"] * 4
    answers = read_answers(answers_path(whole, 3))
    for group, place in enumerate(drawn):
        mine = [answer for answer in answers if answer.group == group]
        assert (place.document, place.offset) == (mine[0].document, mine[0].offset)
        assert place.what == f"{sum(answer.correct for answer in mine)}/3 right"
        assert (place.id, place.file, place.row) == (f"{place.document:032x}", "rows.jsonl", place.document)
    assert str(drawn[0]).endswith(f"rows.jsonl row {drawn[0].row}")
    with pytest.raises(BadInput, match="step 5: nothing is stored of it; its steps are from 0 to 4"):
        trace_rpt_step(whole, 5, moved)


def test_a_model_is_exported(whole: Path, tmp_path: Path) -> None:
    export(complete_checkpoints(whole)[-1], tmp_path / "model", dtype="float64")
    assert (tmp_path / "model/tokenizer.json").is_file()
    assert (tmp_path / "model/model.safetensors").is_file()


@pytest.mark.parametrize(
    "objective",
    [
        {"kind": "next_token", "template": "tiny.yaml", "reward": "conditional_dense"},
        {"kind": "next_segment", "template": "tiny.yaml"},
        {"kind": "masked", "template": "tiny.yaml", "unit": "span", "span_tokens": [1, 2], "right_tokens": 3},
        {
            "kind": "mixture",
            "parts": [
                {"weight": 1, "objective": {"kind": "next_token", "template": "tiny.yaml"}},
                {"weight": 2, "objective": {"kind": "information_gain", "template": "thought.yaml"}},
            ],
        },
    ],
    ids=lambda objective: objective["kind"],
)
def test_every_objective_is_asked_and_learned(world: World, tmp_path: Path, objective: dict[str, object]) -> None:
    write_ground(tmp_path, ["Q is the sum. A sum is odd. Q ends.", "A rest is 2. Q is even. A goes on."])
    loaded = write_run(
        tmp_path,
        model={"config": MODEL, "dtype": "float32"},
        objective=objective,
        positions={"path": "positions", "selection": {"low": 0.0}},
        max_prompt_tokens=60,
        warmup={"steps": 30, "lr": 0.01, "thoughts": ["a"]},
        num_steps=31,
        sampling={"samples": 4, "lengths": [{"step": 0, "max_new_tokens": 20}]},
        checkpoints={"every_steps": 100},
    )
    train_rpt_in(world, loaded, tmp_path / "out")
    answers = read_answers(answers_path(tmp_path / "out", 31))
    assert len(answers) == 16
    assert any(answer.status == "ok" for answer in answers)
    assert all(answer.gold for answer in answers)
    events = read_metrics(tmp_path / "out")
    assert events[29]["warmup/loss"] < events[0]["warmup/loss"]


def test_a_warm_up_teaches_the_form_that_the_reward_reads(world: World, tmp_path: Path) -> None:
    loaded = write_run(
        tmp_path,
        model={"config": {**MODEL, "hidden_size": 48}, "dtype": "float32"},
        objective={"kind": "next_token", "template": "tiny.yaml"},
        warmup={"steps": 60, "lr": 0.01, "thoughts": ["a"]},
        num_steps=61,
        prompts_per_step=16,
        prompts_per_update=16,
        sampling={"samples": 4, "temperature": 0.5, "lengths": [{"step": 0, "max_new_tokens": 8}]},
        checkpoints={"every_steps": 100},
    )
    train_rpt_in(world, loaded, tmp_path / "out")
    answers = read_answers(answers_path(tmp_path / "out", 61))
    assert sum(answer.status == "ok" for answer in answers) > 0.9 * len(answers)
    assert {answer.reward for answer in answers} == {0.0, 1.0}
    assert all(answer.correct == (answer.reward == 1.0) for answer in answers)


def test_the_plan_tells_and_touches_nothing(whole: Path, tmp_path: Path) -> None:
    loaded = write_run(tmp_path, **EVERYTHING, positions={"path": "positions", "held_out": 0.2})
    before = sorted(tmp_path.rglob("*"))
    text = render_plan(loaded, tmp_path / "out")
    assert "tiny: 5 steps, 0 done" in text
    assert "in 12 documents" in text
    assert "at most 23 tokens, longer ones in windows from multiples of 11" in text
    assert "the first 2 steps, learning rate 0.02" in text
    assert "4 prompts x 3 answers = 12 answers, 2 update(s)" in text
    assert "72 tokens drawn a step, 4.4e+07 FLOP" in text  # summed up by hand
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(BadInput, match=r"nowhere.*no such position manifest"):
        render_plan(write_run(tmp_path, evaluation={"positions": "nowhere"}), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), r"data/00000.ds: missing; restore the file, or tokenize again"),
        (lambda path: path.write_bytes(path.read_bytes()[:-2]), r"00000.ds: \d+ bytes, the manifest says \d+"),
        (lambda path: path.write_bytes(path.read_bytes()[::-1]), "00000.ds: xxh3_128 does not match"),
    ],
)
def test_shards_that_are_not_whole_are_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], message: str
) -> None:
    monkeypatch.setenv("MATHMILL_CACHE", str(tmp_path / "cache"))
    loaded = write_run(tmp_path)
    (shard,) = (tmp_path / "tokens").rglob("*.ds")
    change(shard)
    with pytest.raises(BadInput, match=message):
        train_rpt_in(world, loaded, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_the_shipped_run_has_the_papers_numbers() -> None:
    run = load_rpt_run("rpt-omnimath-14b").run
    assert (run.prompts_per_step, run.prompts_per_update, run.sampling.samples, run.num_steps) == (256, 256, 8, 1000)
    assert (run.lr, run.sampling.temperature, run.algorithm.kl_weight) == (1e-6, 0.8, 0.0)
    assert (run.optimizer.beta1, run.optimizer.beta2, run.optimizer.weight_decay) == (0.9, 0.999, 0.01)
    assert (run.algorithm.refill, run.algorithm.refill_from_step) == (True, 500)
    assert (run.max_prompt_tokens, run.sampling.max_new_tokens(0)) == (4096, 8192)


def test_the_demo_and_the_docs_hold(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    run = load_rpt_run("demo-rpt").run
    assert f"export out/demo-rpt/step-{run.num_steps:07d}" in (root / "Makefile").read_text(encoding="utf-8")
    page = (root / "docs/rpt.md").read_text(encoding="utf-8")
    (tmp_path / "run.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    shown, published = load_rpt_run(tmp_path / "run.yaml").run, load_rpt_run("rpt-omnimath-14b").run
    for field in ("sampling", "algorithm", "objective", "lr", "num_steps", "prompts_per_step", "max_prompt_tokens"):
        assert getattr(shown, field) == getattr(published, field)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"positions": {"selection": {"low": 0.5}}}, "give path"),
        ({"warmup": {"steps": 5}}, "warmup.steps 5 is more than num_steps 4"),
        ({"objective": {"kind": "next_word"}}, "objective"),
        ({"positions": {"path": "nowhere"}}, "nowhere.*no such position manifest"),
        ({"positions": {"path": "positions", "selection": {"low": 9}}}, "no position of .* is left"),
        ({"positions": {"path": "positions", "held_out": 0.999}}, "positions are of held-out documents"),
        ({"positions": {"path": "positions", "tokens": "others"}}, "its positions are of the tokens"),
        ({"tokenizer": "other"}, "tokenizer: 'other' is not letters"),
        ({"evaluation": {"positions": "foreign/positions"}}, "tokenizer: 'tokenizer' is not large .*foreign/"),
        ({"max_prompt_tokens": 1}, "max_prompt_tokens: 1: the template takes 1 tokens and leaves none"),
        ({"max_prompt_tokens": 123}, "a prompt of 123 tokens with an answer of at most 6: the model.s context has 128"),
        ({"model": {"config": {"vocab_size": 20}}}, "vocab_size 20, but the tokens in"),
        ({"objective": {"kind": "next_token", "template": "none"}}, "none"),
        (
            {
                "language_loss_weight": 0.1,
                "objective": {
                    "kind": "mixture",
                    "parts": [{"weight": 1, "objective": {"kind": kind}} for kind in ("next_token", "masked")],
                },
            },
            "language_loss_weight with templates .*'rpt-masked', 'rpt-v0'.*: where the text begins",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(world: World, tmp_path: Path, fields: dict, message: str) -> None:
    write_ground(tmp_path)
    write_ground(tmp_path / "more", ["0+1=1."])
    shutil.move(tmp_path / "more/tokens", tmp_path / "others")
    large = Tokenizer(name="large", revision=None, xxh3_128="0" * 32, vocab_size=1000, eos=1, bos=None)
    foreign = write_tokens(tmp_path / "foreign/tokens", [[2, 3, 1]], tokenizer=large)
    write_positions(tmp_path / "foreign/positions", foreign, [(0, 1, 2.0)])
    save_tokenizer(tmp_path / "other", "=+0123456789")
    if "model" in fields:
        fields = {"model": {"config": {**MODEL, **fields["model"]["config"]}, "dtype": "float64"}}
    with pytest.raises(BadInput, match=message) as caught:
        train_rpt_in(world, write_run(tmp_path, **fields), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_another_order_is_no_resume(world: World, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.parent, tmp_path, dirs_exist_ok=True)
    for fields, message in (
        ({"positions": {"path": "positions", "selection": {"low": 0.6, "together": 2}}}, "made with other prompts"),
        ({"language_loss_weight": 0.2}, "made with language_loss_weight: 0.1, the run says 0.2"),
        ({"algorithm": "rloo"}, "made with algorithm"),
    ):
        with pytest.raises(BadInput, match=message):
            train_rpt_in(world, write_run(tmp_path, **{**EVERYTHING, **fields}), tmp_path / "out")
