"""Further classifiers in a build: scored in the same pass, filtered on, shown; and what cannot work is said at once."""

import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from classifiers import load_model
from classifiers.dataset import Labelled
from classifiers.settings import TrainSettings
from classifiers.train import train
from pipeline.build import check
from pipeline.errors import BadInput
from pipeline.recipe import load_recipe
from pipeline.shard.manifest import Manifest
from support.crawl import TOPICS, build, run

SMALL = TrainSettings(dim=4, bucket=1000, epoch=25, learning_rate=0.5, min_count=1, cutoff=2000)


@pytest.fixture(scope="module")
def folder(crawl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of the small crawl and two classifiers that tell its topics apart, beside a recipe."""
    folder = tmp_path_factory.mktemp("scores")
    for number in range(2):
        shutil.copy(crawl / "warc" / f"{number}.warc.gz", folder)
    for name, wanted in (("quality", TOPICS[:5]), ("lessons", TOPICS[::2])):
        texts = [
            Labelled(f"Step {step} about {topic}: {topic} again.", "math" if topic in wanted else "other", topic)
            for topic in TOPICS
            for step in range(9)
        ]
        train(texts, folder / f"{name}.ftz", SMALL)
    (folder / "recipe.yaml").write_text(
        "name: scored\ninputs: ['*.warc.gz']\nextract: {classifiers: {quality: quality.ftz, lessons: lessons.ftz}}\n"
        "filter: {min_math_score: 0.0}\n"
    )
    return folder


def rows(out: Path, stage: str, kind: str = "data") -> list[dict[str, Any]]:
    return [
        row for path in sorted(out.glob(f"*-{stage}-*/{kind}/*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def test_scores_are_stored_filtered_on_and_shown(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(folder / "recipe.yaml", out)
    pages = rows(out, "extract")
    for name, found in (
        ("quality", [page["quality_score"] for page in pages]),
        ("lessons", [{entry["name"]: entry["score"] for entry in page["scores"]}["lessons"] for page in pages]),
    ):
        expected = load_model(folder / f"{name}.ftz").score([page["text"] for page in pages])
        assert found == pytest.approx(expected, abs=6e-5), name
    least = round(sorted(page["quality_score"] for page in pages)[len(pages) // 2], 4)
    first = Manifest.load(out).stages

    setting = ("--set", f"filter.min_scores={{quality: {least}, lessons: 0.1}}")
    build(folder / "recipe.yaml", out, 1, *setting, "--set", "refine.backend=rules")
    manifest = Manifest.load(out)
    dropped = [page for page in pages if round(page["quality_score"], 4) < least]
    assert 0 < len(dropped) < len(pages)
    assert manifest.stages[1].ledger["dropped"] == {"score_quality": len(dropped)}
    assert manifest.stages[0].fingerprint == first[0].fingerprint, "a threshold never scores again"
    assert manifest.stages[1].fingerprint != first[1].fingerprint
    gone = run("trace", out, dropped[0]["id"]).stdout
    assert f"left out: score_quality ({dropped[0]['quality_score']:.3f})" in gone
    kept = rows(out, "shard")[0]
    told = run("trace", out, kept["id"]).stdout
    lessons = {entry["name"]: entry["score"] for entry in kept["scores"]}["lessons"]
    assert f"lessons {lessons:.3f} (at least 0.1), quality {kept['quality_score']:.3f} (at least {least})" in told
    assert kept["quality_score"] == pytest.approx(load_model(folder / "quality.ftz").score([kept["text"]])[0], abs=6e-5)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<h3>Quality</h3>" in page
    assert "<h3>Lessons</h3>" in page


def test_a_model_is_part_of_the_fingerprint_and_no_model_is_none(folder: Path, tmp_path: Path) -> None:
    def identity(classifiers: str) -> dict[str, Any]:
        loaded = load_recipe(folder / "recipe.yaml", (f"extract.classifiers={classifiers}",))
        return check(loaded, tmp_path).identity()

    one, other, none = (identity(given) for given in ("{quality: quality.ftz}", "{quality: lessons.ftz}", "{}"))
    assert one["classifiers"] == {"quality": load_model(folder / "quality.ftz").digest} != other["classifiers"]
    assert {**one, "classifiers": None} == {**none, "classifiers": None}
    assert "classifiers" not in none
    assert "classifiers" not in none["settings"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("filter.min_scores={taste: 0.4}", "filter.min_scores.taste: 0.4: no classifier sets this score; add extract"),
        ("filter.min_scores={math: 0.4}", "math has settings of its own (math_model, min_math_score)"),
        ("filter.min_scores={quality: 4}", "filter.min_scores.quality: 4: input should be less than or equal to 1"),
        ("extract.classifiers={quality: none.ftz}", "extract.classifiers.quality: 'none.ftz': no such file"),
        ("extract.classifiers={quality: recipe.yaml}", "not a fastText model"),
        (
            "refine={classifiers: {quality: quality.ftz}}",
            "'quality' is extract.classifiers.quality; choose",
        ),
    ],
)
def test_what_cannot_work_is_one_line(folder: Path, tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)) as told:
        check(load_recipe(folder / "recipe.yaml", (setting,)), tmp_path / "out")
    assert len(str(told.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()
