"""The whole step: a corpus, annotated by a rule, a classifier of it, and a corpus filtered by that classifier."""

import contextlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mathmill
from classifiers.card import read_card
from pipeline.files import read_json
from pipeline.shard.manifest import Manifest
from support.chat_server import ChatServer
from support.crawl import TOPICS, build, lesson, run, write_warc
from support.rubric_server import answer, score


def prices(number: int) -> str:
    """A page with numbers and no mathematics."""
    title = f"Offers {number}"
    items = "".join(
        f"<p>Item {item}: kettle number {number * 9 + item} costs {3 * item + number} euros, with free delivery "
        f"to your door within {item + 1} days of the order.</p>"
        for item in range(1, 9)
    )
    return f"<html><head><title>{title}</title></head><body><main><h1>{title}</h1>{items}</main></body></html>"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a crawl of 64 pages, half of them lessons, and the corpus of it."""
    folder = tmp_path_factory.mktemp("walk")
    pages = [
        (
            f"00000000-0000-4000-8000-{number:012d}",
            f"https://site{number % 16}.test/{number}",
            (lesson(TOPICS[number % 10], number) if number % 2 else prices(number)).encode(),
        )
        for number in range(64)
    ]
    write_warc(folder / "crawl.warc.gz", pages)
    (folder / "recipe.yaml").write_text("name: walk\ninputs: [crawl.warc.gz]\nfilter: {min_math_score: 0.0}\n")
    build(folder / "recipe.yaml", folder / "first")
    return folder


def mill(*arguments: str | Path) -> None:
    mathmill.app(["classifier", *map(str, arguments)], standalone_mode=False)


def test_from_a_corpus_to_a_corpus_filtered_by_its_own_classifier(
    walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(answer) as server, contextlib.chdir(walk):
        mill("annotate", "first", "--out", "quality", "--set", "model=tests/model", "--set", f"base_url={server.url}")
        small = "dim=4 bucket=1000 epoch=25 learning_rate=0.5 min_count=1 positive=useful held_out=0.4".split()
        mill("train", "quality/annotations.jsonl", "--out", "q.ftz", *(word for s in small for word in ("--set", s)))
        mill("calibrate", "q.ftz")
        mill("evaluate", "q.ftz")
        evaluation = read_card(walk / "q.json").evaluation
        assert evaluation is not None
        assert evaluation["auc"] == 1.0
        assert "| 2024 |" in capsys.readouterr().out
    recipe = walk / "scored.yaml"
    plain = (walk / "recipe.yaml").read_text()
    recipe.write_text(
        plain.replace("{min_math_score: 0.0}", "{min_math_score: 0, min_scores: {quality: 0.5}}")
        + "extract: {classifiers: {quality: q.ftz}}\n"
    )
    build(recipe, walk / "second")
    stages = Manifest.load(walk / "second").stages
    assert stages[1].ledger["dropped"] == {"score_quality": 32}
    (shard,) = Manifest.load(walk / "second").shard_paths()
    assert all(score(text) >= 3 for text in pq.read_table(shard)["text"].to_pylist())
    with contextlib.chdir(walk):
        mill("predict", "q.ftz", *map(str, (walk / "second").glob("01-extract-*")), "--out", "scores")
    (scores,) = (walk / "scores").glob("q-*.parquet")
    found = {row["id"]: row for row in pq.read_table(scores).to_pylist()}
    stored = pq.read_table(next((walk / "second").glob("01-extract-*/data/*.parquet"))).to_pylist()
    assert {row["id"]: row["quality_score"] for row in stored} == {id_: row["score"] for id_, row in found.items()}
    assert all(found[row["id"]]["chars"] == len(row["text"]) for row in stored)
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in told[1:3]] == [["2024", "64"], ["all", "64"]]
    kept = sum(row["chars"] for row in found.values() if row["score"] >= 0.5) / sum(r["chars"] for r in found.values())
    assert told[2].split()[6] == f"{kept:.1%}"
    summary = read_json(walk / "quality" / "summary.json")
    assert summary["strata"]["2024"]["positive"] == 32

    before = scores.stat().st_ino
    with contextlib.chdir(walk):
        mill("predict", "q.ftz", *map(str, (walk / "second").glob("01-extract-*")), "--out", "scores")
        assert scores.stat().st_ino == before, "what is scored is not scored again"
        lines = (walk / "quality" / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
        text = json.loads(lines[0])["text"]
        piped = run("classifier", "predict", "q.ftz", "-", input=text)
    assert piped.stdout == f"{found[json.loads(lines[0])['id']]['score']:.4f}\n"


def test_a_prediction_needs_a_place_and_a_model(walk: Path) -> None:
    for arguments, message in (
        (("math", "first"), "--out: missing; name the folder for the scores"),
        (("none.ftz", "first"), "none.ftz: no such model file"),
        (("math", "crawl.warc.gz", "--out", "x"), "warc, not documents"),
    ):
        with contextlib.chdir(walk), pytest.raises(ValueError, match=message):
            mill("predict", *arguments)
