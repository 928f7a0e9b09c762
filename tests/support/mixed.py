"""Inputs of every kind, hostile rows among them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from support.crawl import crawl_file, lesson

GIVEN = "0d8a309d25c5405da08ac11239f0d717"
"""Id that a row brings."""


def proof(number: int) -> str:
    """A text of mathematics of its own."""
    steps = " ".join(
        f"Step {step}: since $a_{{{number}}} = {number * 31 + step}$, the theorem gives "
        rf"\(b_{{{step}}} = {number * 31 + step} - {step}^2\) by induction on the {step}-th equation."
        for step in range(1, 6)
    )
    return f"Proof {number}. We prove the lemma on sequences of integers. {steps}"


def mixed_inputs(folder: Path) -> None:
    """Write the inputs and `recipe.yaml`: 12 pages in a WARC, 40 + 7 lines, 30 rows of Parquet, 5 HTML files."""
    crawl_file(folder / "warc" / "0.warc.gz", 0)
    lines = [json.dumps({"text": proof(number), "url": f"https://lines.test/{number}"}) for number in range(40)]
    lines[7:7] = [
        '{"text": 5}',
        "not JSON",
        '{"text": ""}',
        '{"url": "https://lines.test/none"}',
        json.dumps({"text": proof(3), "url": "https://lines.test/3"}),
        json.dumps({"text": proof(90), "url": "https://casino.test/90"}),
        '{"text": "\\ud800"}',
    ]
    (folder / "lines.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    rows: list[dict[str, Any]] = [
        {"body": proof(100 + number), "key": None, "lang": None, "lang_score": None, "math_score": None, "score": 4.0}
        for number in range(30)
    ]
    rows[2] |= {"key": GIVEN, "lang": "de", "lang_score": 0.97, "math_score": 0.75}
    rows[4] |= {"body": None, "key": GIVEN[::-1]}
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet", row_group_size=8)
    for number in range(5):
        page = folder / "pages" / str(number % 2) / f"{number}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(lesson("graphs", 500 + number), encoding="utf-8")
    (folder / "recipe.yaml").write_text(
        "name: mixed\n"
        "inputs:\n"
        "  - warc\n"
        "  - lines.jsonl.gz\n"
        "  - {path: rows.parquet, columns: {text: body, id: key, scores: {edu: {column: score, highest: 5}}}}\n"
        "  - pages\n"
        "crawl: all\n"
        "filter: {languages: [], min_language_score: 0, min_math_score: 0, min_scores: {}}\n"
        "shard: {target_bytes: 20_000}\n"
    )
