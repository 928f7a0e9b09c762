import json
import shutil
from pathlib import Path

import pytest

from classifiers import load_model
from classifiers.card import Calibration
from classifiers.evaluate import auc, metrics
from classifiers.model import BUNDLED, Model, calibrated, file_digest

PAGES = Path(__file__).parent.parent / "data" / "classifiers" / "pages.jsonl"

# Texts written for this test. A change here means another model or another normaliser.
GOLDEN = {
    "Solve for $x$: $x^2 - 5x + 6 = 0$. The roots are $2$ and $3$.": 0.995221316,
    "Nina had 15 apples and gave 6 of them to Omar. How many apples does she have left?": 0.995221316,
    (
        "Theorem. Every finite integral domain is a field. Proof. Multiplication by a nonzero element is injective."
    ): 0.995221316,
    "To add fractions, find a common denominator first.": 0.995221316,
    "The mayor opened the new bridge on Tuesday; it cost $14 million and took three years to build.": 0.023642100,
    "Wireless headphones, black, $79.99. Free shipping. Add to cart.": 0.003732658,
    "for (int i = 0; i < n; i++) { total += values[i]; }": 0.077817716,
    "A red giant is a star that has used up the hydrogen in its core.": 0.003776688,
    "The visitors won 24-17 after trailing by 10 points at half time.": 0.161472624,
}


def test_golden_scores() -> None:
    scores = load_model("math").score(list(GOLDEN))
    assert dict(zip(GOLDEN, scores, strict=True)) == pytest.approx(GOLDEN, abs=1e-6)


def test_pages_of_many_kinds() -> None:
    rows = [json.loads(line) for line in PAGES.read_text(encoding="utf-8").splitlines()]
    scores = load_model("math").score([row["text"] for row in rows])
    truths = [row["label"] == "math" for row in rows]
    assert len(rows) == 60
    # The shipped model has all 60 right; two mistakes are the margin for one that is better elsewhere.
    assert metrics(scores, truths).precision >= 0.93
    assert metrics(scores, truths).recall >= 0.93
    assert auc(scores, truths) >= 0.99


def test_scores_do_not_depend_on_the_batch() -> None:
    model = load_model("math")
    texts = list(GOLDEN)
    assert model.score(texts) == [model.score([text])[0] for text in texts]
    assert model.score([]) == []


@pytest.mark.parametrize("text", ["", " \n\t", "\0", "\ud800", "...", "the of and", "__label__math", "x" * 1_000_000])
def test_scores_lie_in_the_unit_interval(text: str) -> None:
    [score] = load_model("math").score([text])
    assert 0.0 <= score <= 1.0


def test_no_tokens_no_score() -> None:
    assert load_model("math").score(["", " \n", "...", "the"]) == [0.0, 0.0, 0.0, 0.0]


def test_the_bundled_model_is_small_and_named() -> None:
    model = load_model("math")
    assert model is load_model("math")
    assert (model.name, model.label) == ("math", "__label__math")
    assert len(model.digest) == 32
    assert (BUNDLED / "math.ftz").stat().st_size < 1 << 20


def test_a_copy_with_its_card_scores_alike(tmp_path: Path) -> None:
    for suffix in (".ftz", ".json"):
        shutil.copy(BUNDLED / f"math{suffix}", tmp_path / f"copy{suffix}")
    copy, bundled = load_model(tmp_path / "copy.ftz"), load_model("math")
    assert copy.digest == bundled.digest
    assert copy.score(list(GOLDEN)) == bundled.score(list(GOLDEN))


def test_a_model_without_a_card_reads_plain_text(tmp_path: Path) -> None:
    shutil.copy(BUNDLED / "math.ftz", tmp_path / "plain.ftz")
    model = load_model(str(tmp_path / "plain.ftz"))
    assert model.digest == file_digest(tmp_path / "plain.ftz")
    assert 0.0 <= model.score(["Two lines\nof text."])[0] <= 1.0
    other = Model(tmp_path / "plain.ftz", label="__label__other")
    text = "How many apples are left?"
    assert other.probability(text) + model.probability(text) == pytest.approx(1.0, abs=1e-4)


def _card(tmp_path: Path, **changes: object) -> Path:
    shutil.copy(BUNDLED / "math.ftz", tmp_path / "m.ftz")
    card = json.loads((BUNDLED / "math.json").read_text(encoding="utf-8")) | changes
    (tmp_path / "m.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path / "m.ftz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normaliser": "0" * 32}, "normaliser: the model was trained behind 0000"),
        ({"xxh3_128": "0" * 32}, "xxh3_128: describes 0000"),
        ({"label": "__label__physics"}, "no label '__label__physics'; it has __label__math, __label__other"),
        ({"calibration": {"scale": -1}}, "calibration.scale: Input should be greater than 0"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_model(_card(tmp_path, **changes))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.bin").write_text("not a model", encoding="utf-8")
    with pytest.raises(ValueError, match=r"text\.bin: not a fastText model"):
        load_model(tmp_path / "text.bin")
    with pytest.raises(ValueError, match="no such model file; give a bundled name or the path"):
        load_model("maths")


def test_calibration() -> None:
    assert calibrated(0.3, Calibration()) == 0.3
    assert calibrated(0.5, Calibration(scale=0.7)) == 0.5
    assert calibrated(0.5, Calibration(offset=1.0)) == pytest.approx(0.731058578630)
    assert 0.0 < calibrated(0.0, Calibration(scale=2)) < 1e-9 < calibrated(1.0, Calibration(scale=2)) < 1.0
