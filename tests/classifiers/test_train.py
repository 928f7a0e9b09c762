import json
import subprocess
import sys
from pathlib import Path

import pytest

from classifiers.calibrate import fit_calibration
from classifiers.card import Calibration, read_card
from classifiers.dataset import Labelled, pieces, read_labelled, training_pieces
from classifiers.evaluate import auc, evaluate, metrics, report
from classifiers.model import Model
from classifiers.normalise import NORMALISER
from classifiers.seed.pages import Writer
from classifiers.settings import TrainSettings
from classifiers.train import train, training_lines

SMALL = TrainSettings(dim=4, bucket=1000, epoch=25, learning_rate=0.5, min_count=1, cutoff=2000)


def _rows(count: int = 40) -> list[Labelled]:
    writer = Writer()
    return [
        Labelled(writer.page(label, seed).text, label, "own") for label in ("math", "other") for seed in range(count)
    ]


def test_training_is_deterministic_and_its_card_fits(tmp_path: Path) -> None:
    cards = [train(_rows(), tmp_path / name, SMALL) for name in ("a.ftz", "b.ftz")]
    assert cards[0].xxh3_128 == cards[1].xxh3_128
    assert (tmp_path / "a.ftz").read_bytes() == (tmp_path / "b.ftz").read_bytes()
    card = read_card(tmp_path / "a.json")
    assert (card.label, card.normaliser) == ("__label__math", NORMALISER)
    assert card.training["texts"] == {"math/own": 40, "other/own": 40}
    scores = Model(tmp_path / "a.ftz").score([row.text for row in _rows()])
    assert auc(scores, [row.label == "math" for row in _rows()]) > 0.9


def test_training_lines_weigh_both_sides_alike_and_strip_mathematics() -> None:
    rows = [
        Labelled(
            "We see that the ideal is prime because every other one that we know about here has been seen to be so.",
            "math",
            "a",
        ),
        Labelled("Two dogs bark.", "other", "b"),
    ]
    lines = training_lines(rows, TrainSettings(stripped_share=1.0, scrap_share=0.0))
    assert sorted({line.split()[0] for line in lines}) == ["__label__math", "__label__other"]
    assert sum(line.startswith("__label__math") for line in lines) * 2 == len(lines)
    with pytest.raises(ValueError, match="texts of another label"):
        training_lines(rows[:1], SMALL)


def test_pieces_end_where_words_do() -> None:
    text = "one two three four five six seven eight nine ten"
    assert list(pieces(text, [20], 0)) == ["one two three four", "five six seven", "eight nine ten"]
    assert list(pieces("short", [200, 500])) == ["short"]
    assert list(pieces("", [200])) == []
    assert "".join(pieces("x" * 1000, [100, 250])) == "x" * 1000


def test_the_choice_of_pieces_does_not_depend_on_order() -> None:
    rows = [Labelled(f"text number {n} of the source", "math", "s") for n in range(50)]
    chosen = training_pieces(rows, [100], 10)
    assert len(chosen) == 10
    assert training_pieces(rows[::-1], [100], 10) == chosen


def test_reading_labelled_texts(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    path.write_text('{"text": "a", "label": "math"}\n\n{"text": "b", "label": "other", "source": "s", "id": 1}\n')
    assert list(read_labelled([path])) == [Labelled("a", "math", "web"), Labelled("b", "other", "s")]
    for line, message in (("{", "not JSON"), ("[]", "expected an object"), ('{"text": 1}', "strings `text`")):
        path.write_text(line)
        with pytest.raises(ValueError, match=f"{path.name}:1: .*{message}"):
            list(read_labelled([path]))


def test_metrics() -> None:
    scores, truths = [0.9, 0.8, 0.4, 0.2], [True, False, True, False]
    assert metrics(scores, truths) == (0.5, 0.5, 0.5)
    assert auc(scores, truths) == 0.75
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.1], [True]) != auc([0.1], [True])
    scored = [(0.9, "math", "x"), (0.8, "other", "y"), (0.1, "other", "y")]
    result = evaluate(scored, "math")
    assert result.sources == (("x", "math", 1, 1.0, 0.9, 0.9, 0.9), ("y", "other", 2, 0.5, 0.1, 0.8, 0.8))
    assert "| y | other | 2 | 0.500 |" in report(result)


def test_calibration_puts_one_half_between_the_sides() -> None:
    # Log-odds -1 to 1 of the negatives and 1 to 3 of the positives: the middle is at log-odds 1, probability 0.731.
    probabilities = [0.2689, 0.5, 0.7311, 0.7311, 0.8808, 0.9526]
    truths = [False, False, False, True, True, True]
    fitted = fit_calibration(probabilities, truths, ["n"] * 3 + ["p"] * 3)
    assert -fitted.offset / fitted.scale == pytest.approx(1.0, abs=0.02)
    assert fit_calibration([0.0, 1.0] * 9, [False, True] * 9, ["s"] * 18).scale > 0
    with pytest.raises(ValueError, match="both sides"):
        fit_calibration([0.5], [True], ["s"])
    with pytest.raises(ValueError, match="fall where they should rise"):
        fit_calibration([0.9, 0.1], [False, True], ["s", "s"])


def test_the_commands(tmp_path: Path) -> None:
    data, model = tmp_path / "own.jsonl", tmp_path / "m.ftz"

    def run(module: str, *arguments: str) -> str:
        command = [sys.executable, "-m", f"classifiers.{module}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("seed", "--out", str(data), "--pages", "30")
    assert len(data.read_text(encoding="utf-8").splitlines()) == 60
    settings = json.dumps({"dim": 4, "bucket": 1000, "epoch": 2, "cutoff": 300})
    assert "xxh3_128" in run("train", str(data), "--out", str(model), "--settings", settings)
    assert "Calibration(" in run("calibrate", str(model), str(data))
    assert read_card(model.with_suffix(".json")).calibration != Calibration()
    assert "AUC over all texts" in run("evaluate", str(model), str(data))


def test_pages_of_our_own_are_a_function_of_their_number() -> None:
    first, second = Writer(), Writer()
    assert first.page("math", 7) == second.page("math", 7) != first.page("math", 8)
    kinds = {first.page(label, seed).kind.split()[0] for label in ("math", "other") for seed in range(300)}
    assert kinds == {"applied", "article", "formulas", "forum", "listing", "navigation", "numbers", "problems", "prose"}
