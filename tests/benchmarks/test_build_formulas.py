import json
from pathlib import Path

import pytest

from benchmarks.formulas import Document, score_formulas
from benchmarks.inputs import Page

# The rules of the real scorer, cut down to what this test needs.
SCORER = """
def formulas(text):
    return text.split("$")[1::2]
def gold_of(record):
    return record["gold"]
def match(gold, output):
    found = len([formula for formula in gold if formula in output])
    return found, found
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "html_math").mkdir()
    (tmp_path / "score_math.py").write_text(SCORER)
    records = [{"id": "kept", "gold": ["a", "b"]}, {"id": "lost", "gold": ["c", "d"]}, {"id": "plain", "gold": []}]
    (tmp_path / "html_math" / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path


def test_lost_pages_count_against_recall_and_the_lowest_copy_is_judged(data):
    pages = {
        "u1": Page("u1", "kept", "html_math", 1),
        "u2": Page("u2", "kept", "html_math", 0),
        "u3": Page("u3", "prose", "extraction_gold", 0),
    }
    documents = [Document("u1", "none"), Document("u2", "so $a$ and $x$"), Document("u3", "$y$")]
    assert score_formulas(documents, pages, data) == {
        "documents": 3,
        "characters": 21,
        "formulas": 3,
        "gold_pages": 2,
        "gold_pages_kept": 1,
        "gold": 4,
        "recall": 0.25,
        "exact_recall": 0.25,
        "recall_on_kept": 0.5,
    }
