"""Formulas kept in a corpus, by the rules of score_math.py that comes with the real pages.

Speed without the mathematics is worth nothing: this stands beside every figure of the build benchmark.
"""

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.inputs import Page


@dataclass(frozen=True)
class Document:
    """A document of a finished corpus."""

    url: str
    text: str


def score_formulas(documents: Iterable[Document], pages: dict[str, Page], data: Path) -> dict[str, Any]:
    """Count and judge the formulas of a corpus built from `pages` (by URL).

    A real page is judged by its lowest-numbered copy in the corpus. `recall` is over the gold formulas of all pages:
    one that is not in the corpus has lost its own. `recall_on_kept` is over those of the pages that are in it. A
    document with a URL that is not in `pages` raises KeyError.
    """
    scorer = _load_scorer(data / "score_math.py")
    chosen: dict[str, tuple[int, list[str]]] = {}
    totals = {"documents": 0, "characters": 0, "formulas": 0}
    for document in documents:
        page = pages[document.url]
        found = scorer.formulas(document.text)
        totals["documents"] += 1
        totals["characters"] += len(document.text)
        totals["formulas"] += len(found)
        if page.subset == "html_math" and page.copy <= chosen.get(page.page, (page.copy, []))[0]:
            chosen[page.page] = (page.copy, found)
    gold_total = gold_kept = exact_total = found_total = with_gold = kept = 0
    with (data / "html_math" / "records.jsonl").open(encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if not (gold := scorer.gold_of(record)):
                continue
            with_gold += 1
            gold_total += len(gold)
            if record["id"] in chosen:
                exact, found_here = scorer.match(gold, chosen[record["id"]][1])
                kept += 1
                gold_kept += len(gold)
                exact_total += exact
                found_total += found_here
    return {
        **totals,
        "gold_pages": with_gold,
        "gold_pages_kept": kept,
        "gold": gold_total,
        "recall": round(found_total / gold_total, 4),
        "exact_recall": round(exact_total / gold_total, 4),
        "recall_on_kept": round(found_total / gold_kept, 4) if gold_kept else None,
    }


def _load_scorer(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("score_math", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
