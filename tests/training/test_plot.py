"""Plots of logs and of published curves: a panel per figure that is there."""

import json
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from training.plot import _panels, _read, plot


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
    assert runs["mine"]["rollout/reward"] == [(1, 0.1), (2, 0.2)]
    assert _panels(runs) == [
        ("accuracy: math500", "eval/accuracy/math500"),
        ("reward of rollouts", "rollout/reward"),
    ]
    target = plot(sources, tmp_path / "runs.png")
    assert target.read_bytes().startswith(b"\x89PNG")


def test_headings_of_published_curves_tell_the_figure(tmp_path: Path) -> None:
    path = tmp_path / "wandb_export.csv"
    path.write_text(
        '"Step","a.b - val/test_score/MATH500","a.b - val_response_length/test_length_correct/AMC23"\n"4","0.5","70"\n'
    )
    assert _read(path) == {"a.b": {"eval/accuracy/math500": [(4, 0.5)], "eval/length_correct/amc23": [(4, 70.0)]}}
    assert _panels(_read(path)) == [
        ("accuracy: math500", "eval/accuracy/math500"),
        ("length of right answers, tokens: amc23", "eval/length_correct/amc23"),
    ]


def test_what_holds_no_curves_is_refused(sources: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no metrics\.jsonl"):
        plot([tmp_path], tmp_path / "runs.png")
    other = sources[1] / "what.csv"
    other.write_text("Step,a\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"Name it acc_TASK\.csv"):
        plot([other], tmp_path / "runs.png")
    (sources[0] / "metrics.jsonl").write_text('{"step": 1, "time": 0.0, "other": 1.0}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="no figure to draw"):
        plot([sources[0]], tmp_path / "runs.png")
