"""Evaluation: exact estimates, files in every form, responses kept and not drawn twice, unlike numbers kept apart."""

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.benchmarks import load_exemplars, load_problems, load_task
from pipeline.config import validate
from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.evaluate.evaluate import evaluate
from training.evaluate.metrics import majority_correct, pass_at_k, proportion
from training.evaluate.protocol import EvaluationSettings
from training.evaluate.results import load_results
from training.evaluate.table import render_table
from training.rl.rollout import Completion, Request, Sampling, Weights
from training.templates import load_template

TASKS = sorted(path.stem for path in (Path(__file__).parents[3] / "manifests/tasks").glob("*.yaml"))


class Scripted:
    """An engine whose answer is a function of (prompt text, sample)."""

    def __init__(self, answer: Callable[[str, int], str]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, int]] = []

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        asked = [("".join(map(chr, request.tokens)), request.sample) for request in requests]
        self.asked += asked
        texts = [self._answer(prompt, sample) for prompt, sample in asked]
        return [Completion(tuple(map(ord, text)), (0.0,) * len(text), "stop", text, 0) for text in texts]

    def update_weights(self, weights: Weights, version: int) -> None:
        raise AssertionError("an evaluation changes no weights")

    def close(self) -> None:
        """Nothing to let go of."""


class Characters:
    """Tokens are code points."""

    def encode(self, text: str) -> list[int]:
        return list(map(ord, text))


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """Four problems, the first three of the kind n + 1."""
    rows = [{"question": f"What is {n} + 1?", "answer": f"#### {n + 1}"} for n in range(3)]
    rows.append({"question": "What is the empty sum?", "answer": "It is zero.\n#### 0"})
    (tmp_path / "gsm8k_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def _run(engine: Scripted, data: Path, out: Path, task: str = "gsm8k", **fields: object) -> dict[str, object]:
    settings = EvaluationSettings.model_validate({"template": "simple", "max_new_tokens": 64, **fields}, strict=False)
    evaluate("scripted", engine, Characters(), [task], settings, data, out, Reporter(quiet=True))
    rows = load_results(out)["results"]
    assert isinstance(rows, list)
    return dict(rows[-1])


def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample() -> None:
    for n, c in itertools.product(range(1, 7), range(7)):
        for k in range(1, n + 1):
            if c <= n:
                subsets = list(itertools.combinations(range(n), k))
                expected = sum(any(place < c for place in subset) for subset in subsets) / len(subsets)
                assert pass_at_k(n, c, k) == pytest.approx(expected)
    with pytest.raises(ValueError, match="draw at least 3"):
        pass_at_k(2, 1, 3)


def test_majority_counts_answers_by_their_spelling() -> None:
    responses = [r"\boxed{0.5}", r"\boxed{\frac12}", r"\boxed{\dfrac{1}{2}}", r"\boxed{3}", "", r"\boxed{3}"]
    correct = [True, True, True, False, False, False]
    assert majority_correct(responses, correct) == 0.5  # 1/2 twice, 3 twice
    assert majority_correct([*responses, r"\boxed{\frac{1}{2}}"], [*correct, True]) == 1.0
    assert majority_correct(["", ""], [False, False]) == 0.0


def test_intervals_hold_the_truth_in_19_of_20() -> None:
    rng = np.random.default_rng(0)
    for truth in (0.02, 0.3, 0.97):
        held = [
            estimate.low <= truth <= estimate.high
            for estimate in (proportion((rng.random(100) < truth).astype(float).tolist()) for _ in range(1000))
        ]
        assert 0.92 < np.mean(held) < 0.99
    assert (proportion([0.0] * 10).low, proportion([1.0] * 10).high) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert proportion([0.25, 0.75]).value == 0.5


@pytest.mark.parametrize("name", TASKS)
def test_shipped_tasks_and_their_examples_load(name: str) -> None:
    task = load_task(name)
    exemplars, digest = load_exemplars(name, task, None, task.shots)
    assert len(exemplars) == task.shots
    assert (digest == "none") == (task.shots == 0)


@pytest.mark.data
@pytest.mark.parametrize("name", TASKS)
def test_real_files_are_read(real_data: Path, name: str) -> None:
    task = load_task(name)
    problems = load_problems(name, task, real_data / "eval_sets")
    assert len(problems) == (15 if name == "aime25" else task.num_problems)
    if task.kind == "choice":
        assert {problem.answer for problem in problems} <= set("ABCDE")
        assert all("(A)" in problem.question and "(D)" in problem.question for problem in problems)


def test_every_response_is_kept_and_scored(sums: Path, tmp_path: Path) -> None:
    engine = Scripted(lambda prompt, _: r"\boxed{2}" if "1 + 1" in prompt else "no idea" if "empty" in prompt else "1")
    result = _run(engine, sums, tmp_path / "out")
    assert result["pass_at"] == {
        "1": {"value": 0.5, "low": pytest.approx(0.15, abs=0.01), "high": pytest.approx(0.85, abs=0.01)}
    }
    assert (result["problems"], result["whole"], result["no_answer"]) == (4, False, 0.0)
    (path,) = (tmp_path / "out/responses").glob("gsm8k-*.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(row["response"], row["gold"], row["correct"]) for row in rows] == [
        ("1", "1", True),
        (r"\boxed{2}", "2", True),
        ("1", "3", False),
        ("no idea", "0", False),
    ]


def test_it_goes_on_where_it_stopped(sums: Path, tmp_path: Path) -> None:
    engine = Scripted(lambda prompt, sample: str(sample))
    fields = {"samples": 4, "temperature": 1.0, "k": [1, 2]}
    whole = _run(engine, sums, tmp_path / "out", **fields)
    assert len(engine.asked) == 16
    (path,) = (tmp_path / "out/responses").glob("gsm8k-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # killed while it wrote
    again = Scripted(lambda prompt, sample: str(sample))
    assert _run(again, sums, tmp_path / "out", **fields) == whole
    assert len(again.asked) == 11
    assert _run(again, sums, tmp_path / "out", **fields) == whole
    assert len(again.asked) == 11
    assert whole["pass_at"]["1"]["value"] == 0.25  # type: ignore[index]
    assert whole["pass_at"]["2"]["value"] == 0.5  # type: ignore[index]
    assert whole["majority"]["value"] == 0.25  # type: ignore[index]


def test_a_changed_problem_is_drawn_again(sums: Path, tmp_path: Path) -> None:
    engine = Scripted(lambda *_: "1")
    _run(engine, sums, tmp_path / "out")
    text = (sums / "gsm8k_test.jsonl").read_text(encoding="utf-8")
    (sums / "gsm8k_test.jsonl").write_text(text.replace("2 + 1", "2 plus 1"), encoding="utf-8")
    _run(engine, sums, tmp_path / "out")
    assert [prompt for prompt, _ in engine.asked[4:]] == [engine.asked[2][0].replace("2 + 1", "2 plus 1")]


def test_few_shot_and_zero_shot_are_two_columns(sums: Path, tmp_path: Path) -> None:
    engine = Scripted(lambda *_: "1")
    few = _run(engine, sums, tmp_path / "few", template="few-shot")
    zero = _run(engine, sums, tmp_path / "zero", template="dialogue")
    prompt = engine.asked[0][0]
    assert prompt.count("Question:") == 9
    assert prompt.endswith("Question: What is 0 + 1?\nAnswer:")
    assert few["protocol_digest"] != zero["protocol_digest"]
    table = render_table([load_results(tmp_path / "few"), load_results(tmp_path / "zero")]).splitlines()
    assert table[0] == "| model | measure | gsm8k (1) | gsm8k (2) |"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:4]]
    assert sorted((bool(row[2]), bool(row[3])) for row in cells) == [(False, True), (True, False)]
    notes = "\n".join(table[4:])
    assert "8-shot [" in notes
    assert "few-shot, greedy, 64 tokens" in notes
    assert "0-shot, dialogue, greedy, 64 tokens" in notes
    assert "a part of the benchmark" in notes


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("samples=4",), "at temperature 0 are all the same; set a temperature"),
        (("temperature=1", "samples=2", "k=[4]"), "draw more samples"),
        (("shot=3",), "did you mean shots"),
        (("limit=0",), "greater than or equal to 1"),
    ],
)
def test_bad_settings_are_one_line(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        validate(EvaluationSettings, "--set", {}, overrides)


def test_bad_sources_are_one_line(sums: Path, tmp_path: Path) -> None:
    engine = Scripted(lambda *_: "1")
    with pytest.raises(BadInput, match=r"no mawps\.jsonl for task mawps"):
        _run(engine, sums, tmp_path / "out", task="mawps")
    with pytest.raises(BadInput, match="no such task file"):
        _run(engine, sums, tmp_path / "out", task="gsm9k")
    with pytest.raises(BadInput, match="template dialogue takes no examples"):
        _run(engine, sums, tmp_path / "out", template="dialogue", shots=2)
    with pytest.raises(BadInput, match=r"9 shots, but word-problems\.jsonl gives 8"):
        _run(engine, sums, tmp_path / "out", template="few-shot", shots=9)
    for content, message in (
        ("{", "line 1: not JSON"),
        ("[]", "line 1: list, not an object"),
        ('{"question": "?"}', "none of answer"),
    ):
        bad = tmp_path / "bad.jsonl"
        bad.write_text(content + "\n", encoding="utf-8")
        with pytest.raises(BadInput, match=message):
            _run(engine, bad, tmp_path / "out")
    assert engine.asked == []


def test_templates_hold_their_placeholder(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text('prompt: "Solve it."\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"has to hold \{question\} once"):
        load_template(str(path))
    assert load_template("dialogue").render("1 + 1?").endswith("User: 1 + 1?\nAssistant:")
    assert "\\boxed{}" in load_template("dialogue").template.prompt
