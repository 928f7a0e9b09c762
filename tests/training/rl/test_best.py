"""The best checkpoint of an RL run: saved, kept, named, exported, returned to. Evaluations are scripted."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput, BuildFailed
from support.checkpoints import tensors
from support.rl import write_run
from training.best import find_checkpoint
from training.checkpoint import complete_checkpoints
from training.export import export
from training.rl.answer_task import AnswerTask
from training.rl.rollout import RolloutEngine
from training.rl.settings import LoadedRlRun
from training.rl.task import Evaluation, evaluation_folder
from training.rl.train import train_rl_in
from training.watch import read_metrics
from training.world import World

CURVE = (0.1, 0.3, 0.5, 0.5, 0.45, 0.3, 0.2, 0.1)


def _script(monkeypatch: pytest.MonkeyPatch, curve: tuple[float, ...] = CURVE) -> None:
    def evaluate(task: AnswerTask, step: int, engine: RolloutEngine, folder: Path) -> Evaluation:
        return Evaluation({task.headline: curve[step]}, "scripted")

    monkeypatch.setattr(AnswerTask, "evaluate", evaluate)


def _run(folder: Path, action: str, **fields: object) -> LoadedRlRun:
    settings: dict[str, object] = {
        "num_steps": 7,
        "evaluation": {"tasks": ["gsm8k"], "data": "prompts.jsonl"},
        "checkpoints": {"every_steps": 4},
        "collapse": {"action": action, "window": 2},
    }
    return write_run(folder, **{**settings, **fields})


def _steps(out: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in complete_checkpoints(out)]


@pytest.mark.parametrize("action", ["stop", "return"])
def test_a_collapse_ends_the_run_at_its_best(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    _script(monkeypatch)
    loaded, out = _run(tmp_path, action), tmp_path / "out"
    for _ in range(2):  # the same command says so again, and draws nothing
        if action == "return":
            assert train_rl_in(world, loaded, out) == out / "step-0000002"
        else:
            with pytest.raises(BuildFailed, match=r"collapses \(falling\): .* 30\.0% at step 5, .*out/step-0000002; "):
                train_rl_in(world, loaded, out)
        assert _steps(out) == [2, 4, 5]
        assert len(list(out.glob("rollouts/*.parquet"))) == 5
    assert json.loads((out / "best.json").read_text()) == {
        "step": 2,
        "figure": "eval/accuracy/gsm8k",
        "value": 0.5,
        "checkpoint": "step-0000002",
    }
    assert find_checkpoint(out) == out / "step-0000002"
    export(out, tmp_path / "model", dtype="float64")
    export(out / "step-0000002", tmp_path / "best", dtype="float64")
    name = "model.safetensors"
    assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "best" / name).read_bytes()


def test_a_run_that_is_told_to_goes_on_and_keeps_its_best(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _script(monkeypatch)
    with pytest.raises(BuildFailed, match="collapses"):
        train_rl_in(world, _run(tmp_path, "stop"), tmp_path / "out")
    assert train_rl_in(world, _run(tmp_path, "none"), tmp_path / "out").name == "step-0000007"
    assert _steps(tmp_path / "out") == [2, 5, 7]
    assert "best eval/accuracy/gsm8k 50.0% after step 2: " in capsys.readouterr().err


def test_saving_the_best_changes_nothing_and_a_resume_knows_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(monkeypatch)
    one, two = tmp_path / "one", tmp_path / "two"
    train_rl_in(world, _run(tmp_path, "none", num_steps=4, keep_best=False), one)
    assert (_steps(one), (one / "best.json").exists()) == ([4], False)
    train_rl_in(world, _run(tmp_path, "none", num_steps=3), two)
    (two / "best.json").unlink()
    train_rl_in(world, _run(tmp_path, "none", num_steps=4), two)
    assert (_steps(two), find_checkpoint(two).name) == ([2, 3, 4], "step-0000002")
    expected, found = (tensors(out / "step-0000004") for out in (one, two))
    assert all(np.array_equal(expected[key], found[key]) for key in expected)


def test_a_model_that_only_gets_worse_has_nothing_to_return_to(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(monkeypatch, (0.5, 0.4, 0.3, 0.2))
    with pytest.raises(BuildFailed, match=r"50\.0% after step 0: the model that the run began with; to go on"):
        train_rl_in(world, _run(tmp_path, "return"), tmp_path / "out")


def test_a_run_that_begins_anew_has_no_log_of_before(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(monkeypatch)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/metrics.jsonl").write_text('{"step": 0, "time": 0, "eval/accuracy/gsm8k": 0.9}\n')
    train_rl_in(world, _run(tmp_path, "none", num_steps=1), tmp_path / "out")
    assert [event["step"] for event in read_metrics(tmp_path / "out")] == [0, 1, 1]


def test_an_evaluation_begins_with_an_empty_folder(tmp_path: Path) -> None:
    stale = tmp_path / "evaluations/step-0000004/responses/gsm8k.jsonl"
    stale.parent.mkdir(parents=True)
    stale.write_text("of other weights\n")
    assert not evaluation_folder(tmp_path, 4).exists()


def test_a_return_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    for fields in ({"evaluation": None}, {"keep_best": False}):
        with pytest.raises(BadInput, match=r"collapse\.action return needs an evaluation and keep_best"):
            _run(tmp_path, "return", **fields)
    with pytest.raises(BadInput, match="no complete checkpoint in it"):
        find_checkpoint(tmp_path)
