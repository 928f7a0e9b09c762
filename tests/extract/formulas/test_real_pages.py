"""A floor under the recall of formulas on the real pages: a change may raise it, and never lowers it in silence.

The figures of `baseline.json` come from this test's own measure (see `score`); a change that is meant to lower one says
why in its commit. The margin is for the few formulas that main-content selection moves in or out of the text.
"""

import importlib.util
import json
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.extract import extract_text

BASELINE = Path(__file__).parents[2] / "data" / "formulas" / "baseline.json"
MARGIN = 0.005


def scorer(data: Path) -> ModuleType:
    pytest.importorskip("rapidfuzz")
    spec = importlib.util.spec_from_file_location("score_math", data / "score_math.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score(data: Path) -> dict[str, dict[str, float]]:
    """Recall per encoding with 30 gold formulas or more, and recall and precision over all pages."""
    measure = scorer(data)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for line in (data / "html_math" / "records.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        gold = measure.gold_of(record)
        if not gold:
            continue
        page = (data / "html_math" / record["html_file"]).read_bytes()
        output = measure.formulas(extract_text(page, record.get("url") or ""))
        exact, found = measure.match(gold, output)
        complete = (record.get("html_precision_vs_gold") or 0) >= 0.95
        counts = {"gold": len(gold), "found": found, "exact": exact}
        if complete:
            counts |= {"output": len(output), "right": min(found, len(output))}
        for name in (record["encoding"], "all"):
            rows[name].update(counts)
    return {
        name: {
            "recall": round(row["found"] / row["gold"], 4),
            "exact": round(row["exact"] / row["gold"], 4),
            **({"precision": round(row["right"] / row["output"], 4)} if name == "all" else {}),
        }
        for name, row in sorted(rows.items())
        if row["gold"] >= 30
    }


@pytest.mark.data
def test_recall_does_not_fall(real_data: Path) -> None:
    floors = json.loads(BASELINE.read_text(encoding="utf-8"))
    found = score(real_data)
    assert found.keys() == floors.keys()
    fallen = {
        f"{name} {figure}": (found[name][figure], floor)
        for name, figures in floors.items()
        for figure, floor in figures.items()
        if found[name][figure] < floor - MARGIN
    }
    assert not fallen
