import contextlib
import json
import re
from pathlib import Path

import pytest

import mathmill
from classifiers.calibrate import fit_calibration
from classifiers.card import Calibration, read_card
from classifiers.dataset import Labelled, cut_at, hold_out, pieces, read_labelled, training_pieces
from classifiers.evaluate import THRESHOLDS, auc, evaluate, metrics, report
from classifiers.model import Model, file_digest
from classifiers.normalise import NORMALISER
from classifiers.seed.pages import Writer
from classifiers.settings import TrainSettings
from classifiers.train import train, training_lines
from pipeline.errors import BadInput
from support.crawl import run

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
    assert metrics(scores, truths) == (0.5, 0.5, 0.5, 0.5)
    # Each text counts by its weight: of 10 pages 4 are kept, 1 of them rightly, of 7 that should be.
    assert metrics(scores, truths, 0.5, [1, 3, 6, 0]) == (0.4, 0.25, 1 / 7, 2 / 11)
    assert auc(scores, truths) == 0.75
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.1], [True]) != auc([0.1], [True])


def test_an_evaluation_counts_by_source_threshold_and_year() -> None:
    rows = [
        Labelled("a", "math", "x", "2019", 300),
        Labelled("b", "other", "y", "2019", 100, weight=3.0),
        Labelled("c", "other", "y", "2020", 50),
    ]
    result = evaluate(rows, [0.9, 0.82, 0.1], "math")
    assert result.sources == (("x", "math", 1, 1.0, 0.9, 0.9, 0.9), ("y", "other", 2, 0.5, 0.1, 0.82, 0.82))
    assert result.curve[0.8] == (0.8, 0.25, 1.0, 0.4)
    assert result.curve[0.85] == (0.2, 1.0, 1.0, 1.0)
    assert {row.year: row.kept[THRESHOLDS.index(0.85)] for row in result.years} == {"2019": 0.75, "2020": 0.0}
    assert "| y | other | 2 | 0.500 |" in report(result)
    assert "Share of tokens kept, by year:" in report(result)
    saved = json.loads(json.dumps(evaluate(rows[1:], [0.9, 0.1], "math").as_json(), allow_nan=False))
    assert (saved["auc"], saved["curve"][9]) == (
        None,
        {"threshold": 0.5, "kept": 0.75, "precision": 0.0, "recall": None, "f1": 0.0},
    )
    assert saved["years"]["2020"]["tokens_kept"]["0.1"] == 1.0
    uncounted = evaluate([row._replace(tokens=None, text=row.text * 2) for row in rows], [0.9, 0.82, 0.1], "math")
    assert uncounted.unit == "characters"
    assert [row.kept[THRESHOLDS.index(0.85)] for row in uncounted.years] == [0.5, 0.0]


def test_a_cut_makes_labels_of_scores() -> None:
    rows = [Labelled("a", "x", "s", score=3), Labelled("b", "x", "s", score=2.5), Labelled("c", "x", "s")]
    assert [row.label for row in cut_at(rows, 3, "good")] == ["good", "other", "x"]
    assert cut_at(rows, None, "good") == rows


def test_whole_sources_are_held_out_and_every_label_keeps_some() -> None:
    rows = [Labelled(f"text {n}", "math" if n % 3 else "other", f"host{n % 20}") for n in range(200)]
    taught, held = hold_out(rows, 0.2, 7)
    assert 20 < len(held) <= 40
    assert {row.source for row in held}.isdisjoint(row.source for row in taught)
    assert sorted(taught + held) == sorted(rows)
    again = hold_out(rows[::-1], 0.2, 7)[1]
    assert {row.source for row in again} == {row.source for row in held}, "the order of the rows decides nothing"
    assert {row.source for row in hold_out(rows, 0.2, 8)[1]} != {row.source for row in held}
    few = [Labelled("a", "math", "one"), *(Labelled(str(n), "other", f"h{n}") for n in range(9))]
    assert "one" not in {row.source for row in hold_out(few, 0.9, 7)[1]}
    assert hold_out(rows, 0.0, 7) == (rows, [])


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
    model = tmp_path / "m.ftz"
    result = run("classifier", "seed", "--out", tmp_path / "own.jsonl", "--pages", "30")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in (tmp_path / "own.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 60
    scored = tmp_path / "scored.jsonl"  # a score instead of a label, and ten hosts
    with scored.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            given = {
                "text": row["text"],
                "source": f"h{number % 10}.test",
                "label": "page",
                "score": 4 if row["label"] == "math" else 1,
            }
            file.write(json.dumps(given | {"year": 2020 + number % 2}) + "\n")
    sets = "dim=4 bucket=1000 epoch=25 learning_rate=0.5 min_count=1 cutoff=2000 cut=3 held_out=0.4".split()
    result = run("classifier", "train", scored, "--out", model, *(word for given in sets for word in ("--set", given)))
    assert result.returncode == 0, result.stderr
    assert "36 texts learnt from, 24 held out: AUC" in result.stdout
    card = read_card(model.with_suffix(".json"))
    assert card.training["data"] == [
        {"file": "scored.jsonl", "bytes": scored.stat().st_size, "xxh3_128": file_digest(scored)}
    ]
    assert sum(card.training["texts"].values()) == 36
    assert card.evaluation is not None
    assert card.evaluation["auc"] > 0.8
    assert "scale" in run("classifier", "calibrate", model).stdout
    calibrated = read_card(model.with_suffix(".json"))
    assert calibrated.calibration != Calibration()
    assert calibrated.evaluation is not None
    assert calibrated.evaluation["auc"] == card.evaluation["auc"], "calibration keeps the order"
    result = run("classifier", "evaluate", model, "--out", tmp_path / "figures.json")
    assert "AUC over 24 texts" in result.stdout
    assert "| 2021 |" in result.stdout
    assert json.loads((tmp_path / "figures.json").read_text())["curve"] == calibrated.evaluation["curve"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "own.jsonl", "--out", "m.txt"], "--out m.txt: ends in neither .ftz (quantised) nor .bin"),
        (["train", "none.jsonl", "--out", "m.ftz"], "none.jsonl: no such file"),
        (
            ["train", "own.jsonl", "--out", "m.ftz"],
            "texts labelled 'math' (the setting `positive`) and texts",
        ),
        (["train", "own.jsonl", "--out", "m.ftz", "--set", "cut=3"], "cut: 3: no text has a `score`"),
        (["train", "own.jsonl", "--out", "m.ftz", "--set", "dims=3"], "dims: 3: unknown key; did you mean dim?"),
        (["calibrate", "m.ftz"], "m.held-out.jsonl: no texts were held out in training"),
        (["calibrate", "m.ftz", "own.jsonl"], "m.json: no such card"),
        (["evaluate", "m.ftz", "own.jsonl"], "m.ftz: no such model file"),
    ],
)
def test_what_the_commands_refuse(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "own.jsonl").write_text('{"text": "a b c", "label": "good"}\n{"text": "d e f", "label": "bad"}\n')
    with contextlib.chdir(tmp_path), pytest.raises(BadInput, match=re.escape(message)):
        mathmill.app(["classifier", *arguments], standalone_mode=False)


def test_pages_of_our_own_are_a_function_of_their_number() -> None:
    first, second = Writer(), Writer()
    assert first.page("math", 7) == second.page("math", 7) != first.page("math", 8)
    kinds = {first.page(label, seed).kind.split()[0] for label in ("math", "other") for seed in range(300)}
    assert kinds == {"applied", "article", "formulas", "forum", "listing", "navigation", "numbers", "problems", "prose"}
