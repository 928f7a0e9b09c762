"""Plots of logs and of published curves: a panel per figure that is there."""

import json
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from training.plot import Panel, _labels, _panels, _read, _rows, plot


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """A run folder and a folder of exports with a column per run."""
    run, published = tmp_path / "mine", tmp_path / "published"
    run.mkdir()
    published.mkdir()
    events = [{"step": step, "time": 0.0, "rollout/reward": step / 10, "eval/accuracy/math500": 0.1} for step in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    table = '"Step","a - val","a - val__MIN","a - val__MAX","b - val"\n"0","0.1","0","1",""\n"4","0.2","0","1","0.5"\n'
    (published / "acc_math500.csv").write_text(table, encoding="utf-8")
    return [run, published]


def test_runs_and_published_curves_share_a_panel(sources: list[Path], tmp_path: Path) -> None:
    runs = {name: series for source in sources for name, series in _read(source).items()}
    assert runs["a"] == {"eval/accuracy/math500": [(0, 0.1), (4, 0.2)]}
    assert runs["b"] == {"eval/accuracy/math500": [(4, 0.5)]}
    assert runs[str(sources[0])]["rollout/reward"] == [(1, 0.1), (2, 0.2)]
    assert _read(tmp_path) == runs, "a folder of both"
    panels = _panels(runs)
    assert [(panel.title, panel.figure) for panel in panels] == [
        ("accuracy: math500", "eval/accuracy/math500"),
        ("reward of rollouts", "rollout/reward"),
    ]
    target = plot(sources, tmp_path / "runs.png")
    assert target.read_bytes().startswith(b"\x89PNG")
    drawn = plot(sources, tmp_path / "new/runs.svg").read_text(encoding="utf-8")
    for words in ("accuracy: math500", "reward of rollouts", "50.0%", ">mine<", ">a<", ">b<"):
        assert words in drawn, words
    assert plot(sources, tmp_path / "again.svg").read_text(encoding="utf-8") == drawn


def test_runs_are_called_by_what_tells_them_apart() -> None:
    assert _labels(["out/long/export"]) == ["export"]
    assert _labels(["out/long/export", "out/short/export"]) == ["long/export", "short/export"]
    assert _labels(["out/mine", "rl.3b_x", "rl.3b_y"]) == ["mine", "x", "y"]
    assert _labels(["rl.3b_qa.91_x", "rl.3b_qa.91_y"]) == ["x", "y"]
    assert _labels(["run", "run-2"]) == ["run", "run-2"]
    assert [len(label) for label in _labels(["x" * 100, "y" * 61])] == [60, 60]


def test_the_same_task_stands_below_itself() -> None:
    panels = [Panel(family, task, family + task) for family in ("eval/accuracy/", "eval/length/") for task in "abcde"]
    panels += [Panel("eval/at_limit/", "a", "eval/at_limit/a")]
    panels += [Panel(name, name, name) for name in ("rollout/reward", "policy/entropy")]
    titles = [[panel.title for panel in row] for row in _rows(panels)]
    assert titles == [[*"abcd"], ["e"], [*"abcd"], ["e"], ["a", "rollout/reward", "policy/entropy"]]


def test_headings_of_published_curves_tell_the_figure(tmp_path: Path) -> None:
    path = tmp_path / "wandb_export.csv"
    path.write_text(
        '"Step","a.b - val/test_score/MATH500","a.b - val_response_length/test_length_correct/AMC23"\n"4","0.5","70"\n'
    )
    assert _read(path) == {"a.b": {"eval/accuracy/math500": [(4, 0.5)], "eval/length_correct/amc23": [(4, 70.0)]}}
    assert [panel.title for panel in _panels(_read(path))] == ["accuracy: math500", "tokens of right answers: amc23"]


def test_what_holds_no_curves_is_refused(sources: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no metrics\.jsonl"):
        plot([tmp_path / "nowhere"], tmp_path / "runs.png")
    other = sources[1] / "what.csv"
    other.write_text("Step,a\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"Name it acc_TASK\.csv"):
        plot([other], tmp_path / "runs.png")
    (sources[0] / "metrics.jsonl").write_text('{"step": 1, "time": 0.0, "other": 1.0}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="no figure to draw"):
        plot([sources[0]], tmp_path / "runs.png")
    with pytest.raises(BadInput, match=r"runs\.xyz: \.xyz: name it \.png, \.svg or \.pdf"):
        plot(sources, tmp_path / "runs.xyz")
    for content, message in (
        ("", "first column is missing, not Step"),
        ("Step,r - val/test_score/x\n1,abc\n", "not numbers: could not convert string to float: 'abc'"),
        ("Step,r - val/test_score/x\n1\n", "column r - val/test_score/x: not numbers"),
    ):
        other.write_text(content, encoding="utf-8")
        with pytest.raises(BadInput, match=message):
            plot([other], tmp_path / "runs.png")
    with pytest.raises(BadInput, match="no such file"):
        plot([tmp_path / "none.csv"], tmp_path / "runs.png")
