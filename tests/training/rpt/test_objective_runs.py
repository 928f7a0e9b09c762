"""Every objective in a real run of two steps: rewards are told again from the stored answers, and the policy learns."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from support.chat_server import ChatServer, Reply
from support.rl import CHARACTERS
from support.rpt import ids, write_ground, write_run
from training.checkpoint import complete_checkpoints
from training.export import export
from training.rl.answers import Answer, answers_path, read_answers
from training.rpt.train import train_rpt_in
from training.watch import read_metrics
from training.world import World

TEXTS = [f"A={a}. Q={b}. A+Q={a + b}. Q+1={b + 1}. A" for a in range(2) for b in range(3)]
FENCE = "TEXT-0123456789abcdef"


def run(world: World, folder: Path, objective: dict[str, Any], steps: int = 2, **fields: Any) -> list[Answer]:
    """The answers of the last two steps; each one's policy has learned."""
    write_ground(folder, TEXTS)
    (folder / "gap.yaml").write_text(
        'head: "Q"\nmask: "*"\ntail: "A"\ncarrier: {form: marked, open: "#", close: "?"}\nstop: ["?"]\n'
    )
    loaded = write_run(
        folder,
        objective=objective,
        positions={"path": "positions"},
        max_prompt_tokens=60,
        num_steps=steps,
        prompts_per_step=6,
        prompts_per_update=6,
        sampling={"samples": 4, "lengths": [{"step": 0, "max_new_tokens": 12}]},
        parallel={"micro_batch_tokens": 400},
        checkpoints={"every_steps": steps - 1, "keep_every_steps": 1},
        **fields,
    )
    train_rpt_in(world, loaded, folder / "out")
    events = read_metrics(folder / "out")[-2:]
    assert all(math.isfinite(event["train/loss"]) and event["train/grad_norm"] > 0 for event in events)
    return [answer for step in (steps - 1, steps) for answer in read_answers(answers_path(folder / "out", step))]


def warmed(world: World, folder: Path, objective: dict[str, Any], steps: int) -> list[Answer]:
    """The same behind a warm-up that teaches the answers' form."""
    warmup = {"steps": steps, "lr": 0.02, "thoughts": ["a"]}
    return run(world, folder, objective, steps + 2, warmup=warmup)


def letters(tokens: tuple[int, ...]) -> str:
    return "".join(CHARACTERS[token - 2] for token in tokens if token > 1)


def predicted(answer: Answer) -> str | None:
    _, opened, rest = letters(answer.tokens).rpartition("#")
    prediction, closed, _ = rest.partition("?")
    return prediction if opened and closed else None


def following(answer: Answer) -> str:
    assert answer.document is not None
    assert answer.offset is not None
    return TEXTS[answer.document][answer.offset :]


def logprob(folder: Path, step: int) -> Callable[[list[int], int], float]:
    """log p of a token behind others under the policy after a step, by transformers alone (its norms are float32)."""
    checkpoint = next(path for path in complete_checkpoints(folder / "out") if path.name == f"step-{step:07d}")
    export(checkpoint, folder / "model", dtype="float64")
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float64)

    def ask(before: list[int], token: int) -> float:
        with torch.no_grad():
            return float(torch.log_softmax(model(torch.tensor([before])).logits[0, -1], -1)[token])

    return ask


@pytest.mark.parametrize("reward", ["prefix", "first_token"])
def test_next_token(world: World, tmp_path: Path, reward: str) -> None:
    answers = warmed(world, tmp_path, {"kind": "next_token", "template": "tiny.yaml", "reward": reward}, 30)
    for answer in answers:
        prediction = predicted(answer)
        assert answer.status == ("no_answer" if prediction is None else "ok")
        length = 1 if reward == "first_token" else None
        right = bool(prediction) and following(answer).startswith((prediction or "")[:length])
        assert (answer.reward, answer.correct) == (float(right), right)
    assert {answer.reward for answer in answers} == {0.0, 1.0}


def test_dense_rewards_are_probabilities_without_thought(world: World, tmp_path: Path) -> None:
    answers = warmed(world, tmp_path, {"kind": "next_token", "template": "tiny.yaml", "reward": "dense"}, 30)
    ask, partial = logprob(tmp_path, 31), 0
    for answer in answers[len(answers) // 2 :]:
        prediction = predicted(answer)
        if not prediction or following(answer).startswith(prediction):
            assert answer.reward == (1.0 if prediction else 0.0)
            continue
        before = ids(TEXTS[answer.document or 0][: answer.offset])
        assert answer.reward == pytest.approx(math.exp(ask(before, ids(prediction)[0])), rel=1e-5)
        partial += 1
    assert partial


def test_information_gain_is_told_by_the_model_itself(world: World, tmp_path: Path) -> None:
    """With decay 0 the average is the policy: both log-probs of step 2 are those of the weights after step 1."""
    answers = run(world, tmp_path, {"kind": "information_gain", "template": "thought.yaml", "decay": 0.0})
    ask = logprob(tmp_path, 1)
    for answer in answers[len(answers) // 2 :]:
        end = answer.tokens.index(*ids("?")) if ids("?")[0] in answer.tokens else len(answer.tokens)
        thought = list(answer.tokens[:end])
        while thought and thought[-1] <= 1:
            thought.pop()  # special tokens at the end
        target = ids(following(answer))[0]
        before = ids(TEXTS[answer.document or 0][: answer.offset])
        gain = ask([*before, *ids("Q"), *thought, *ids("?")], target) - ask(before, target)
        assert answer.reward == pytest.approx(gain, rel=1e-5, abs=1e-5)
        assert answer.correct == (gain > 0)


def test_next_segment_with_a_judge(world: World, tmp_path: Path) -> None:
    def judge(text: str, body: dict[str, object], before: int) -> Reply:
        return Reply("yes" if "A" in text.partition("|")[2] else "no")

    with ChatServer(judge) as server:
        settings = {
            "base_url": server.url,
            "model": "judge",
            "prompt": f"{FENCE}\n{{following}}|{{prediction}}\n{FENCE}",
        }
        objective = {"kind": "next_segment", "template": "tiny.yaml", "horizon": 2, "judge": settings}
        answers = warmed(world, tmp_path, objective, 30)
    for answer in answers:
        prediction = (predicted(answer) or "").strip()
        pieces = [f"{piece}." for piece in following(answer).split(".")[:2]]
        assert following(answer).startswith((" A", " Q"))
        right = prediction in (pieces[0].strip(), "".join(pieces).strip())
        assert answer.reward == float(right or "A" in prediction)
    assert {answer.reward for answer in answers} == {0.0, 1.0}


def test_masked_sentences_and_tokens_in_a_mixture(world: World, tmp_path: Path) -> None:
    gap = {"kind": "masked", "template": "gap.yaml", "right_tokens": 3}
    span = {**gap, "unit": "span", "span_tokens": [1, 2]}
    parts = [{"weight": weight, "objective": objective} for weight, objective in ((1, gap), (2, span))]
    answers = warmed(world, tmp_path, {"kind": "mixture", "parts": parts}, 50)
    sentences = 0
    for answer in answers:
        left, _, right = letters(answer.prompt_tokens).removeprefix("Q").rpartition("*")
        text, right = TEXTS[answer.document or 0], right.removesuffix("A")
        masked = text.removeprefix(left)
        masked = next(masked[:size] for size in range(1, 9) if masked[size:].startswith(right))
        assert answer.gold == masked
        assert answer.reward == float((predicted(answer) or "").strip() == masked.strip())
        sentences += masked.endswith(".") and masked.startswith((" A", " Q"))
    assert 0 < sentences < len(answers)
    assert {answer.reward for answer in answers} == {0.0, 1.0}
