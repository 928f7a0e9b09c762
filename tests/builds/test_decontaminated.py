"""A build that keeps a benchmark out: its documents are counted, and each names its question."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.shard.manifest import Manifest
from support.crawl import build, run

SENTENCE = "we study the theorem on rings and prove it by induction on n"


def test_documents_with_a_question_are_dropped_and_named(
    crawl: Path, reference: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    folder, out = tmp_path / "crawl", tmp_path / "out"
    shutil.copytree(crawl, folder)
    (folder / "sets").mkdir()
    row = {"question": f"In this lesson {SENTENCE}. Recall the definition", "answer": "1", "id": "rings"}
    (folder / "sets/svamp.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("filter: {", "filter: {decontaminate: {tasks: [svamp], data: sets}, "))
    build(recipe, out)
    before, after = (Manifest.load(corpus).stages for corpus in (reference[0], out))
    count = after[1].ledger["dropped"]["contaminated"]
    assert count > 0
    assert after[1].ledger["kept"] == before[1].ledger["kept"] - count
    rows = [row for path in sorted(out.glob("02-*/dropped/*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert {(row["reason"], row["value"]) for row in rows} == {("contaminated", "svamp rings")}
    texts = [text for path in out.glob("04-*/data/**/*.parquet") for text in pq.read_table(path)["text"].to_pylist()]
    assert texts
    assert not any(SENTENCE in text for text in texts)
    assert "svamp rings" in run("trace", out, rows[0]["url"]).stdout
    assert after[0].fingerprint == before[0].fingerprint
    assert after[1].fingerprint != before[1].fingerprint
