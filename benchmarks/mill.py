"""mathmill's side of the build benchmark: the command itself, run as a user would."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from benchmarks.environment import ROOT
from benchmarks.formulas import Document
from benchmarks.measure import Usage, measure
from benchmarks.outcome import Funnel, Outcome

DISTRIBUTIONS = (
    "datatrove",
    "duckdb",
    "fastwarc",
    "fasttext-numpy2-wheel",
    "isal",
    "numpy",
    "py3langid",
    "pyarrow",
    "resiliparse",
    "selectolax",
    "tokenizers",
    "xxhash",
)
SPEED_RECIPE: dict[str, Any] = {
    # The peer has no math score: the threshold is 0, so that both sides carry the same pages through deduplication.
    "filter": {"languages": ["en"], "min_language_score": 0.65, "min_math_score": 0.0, "min_chars": 0},
}
SETTINGS = {
    "recipe": "the defaults but for filter: " + json.dumps(SPEED_RECIPE["filter"]),
    "more than the peer": "math score, formulas, traced drops, token counts, digests, report, manifest",
    "executor": "local, --tasks 1",
}

_IN_EXTRACTION = frozenset(
    "empty math_floor text_too_long timeout too_deep too_many_attributes too_many_nodes worker_crash".split()
)
"""Reasons of pages that reached extraction; every other reason comes before a page is parsed."""


def write_recipe(path: Path, name: str, inputs: list[Any], settings: Mapping[str, Any]) -> None:
    """Write a recipe; `inputs` are its entries, absolute paths or mappings."""
    recipe = {"name": name, "inputs": inputs, **settings}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


def run_mill(recipe: Path, out: Path, tasks: int = 1) -> Outcome:
    """Build a recipe into the new folder `out`."""
    where = [str(recipe), "--out", str(out), "--tasks", str(tasks)]
    command = [sys.executable, "-m", "mathmill", "build", *where, "--quiet"]
    usage = measure(command, cwd=ROOT, log=out.with_suffix(".log"))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    funnel = [
        Funnel(stage["name"], stage["ledger"]["in"], stage["ledger"]["kept"], stage["ledger"]["dropped"])
        for stage in manifest["stages"]
    ]
    extract = funnel[0]
    return Outcome(
        usage=usage,
        pages=extract.kept + sum(count for reason, count in extract.dropped.items() if reason in _IN_EXTRACTION),
        stage_cpu_s=_stage_cpu(out, manifest, usage),
        funnel=funnel,
    )


def mill_documents(out: Path) -> Iterator[Document]:
    """The documents of a finished corpus."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for shard in manifest["shards"]:
        for row in pq.read_table(out / shard["path"], columns=["url", "text"]).to_pylist():
            yield Document(row["url"], row["text"])


def shard_digests(out: Path) -> list[str]:
    """The digests of a corpus' shards, in order."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return [shard["xxh3_128"] for shard in manifest["shards"]]


def file_statuses(out: Path) -> dict[str, int]:
    """How many input files were read as what: `ok`, `empty`, `not_warc`, `unreadable`."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    statuses = pq.read_table(out / manifest["inputs"]["path"], columns=["status"])["status"].to_pylist()
    return dict(sorted(Counter(statuses).items()))


def _stage_cpu(out: Path, manifest: dict[str, Any], usage: Usage) -> dict[str, float]:
    """CPU seconds by stage and phase, as the workers noted them; the rest is starts, report and lists."""
    stages = {}
    for stage in manifest["stages"]:
        for phase in sorted((out / stage["folder"] / "stats").iterdir()):
            parts = (json.loads(path.read_text(encoding="utf-8")) for path in phase.glob("*.json"))
            stages[f"{stage['name']} {phase.name}"] = sum(part["cpu_s"] for part in parts)
    stages["start and the rest"] = usage.cpu_s - sum(stages.values())
    return {name: round(seconds, 2) for name, seconds in stages.items()}
