"""The robustness half of the build benchmark: real and broken WARC files, through to verified corpora."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT
from benchmarks.mill import file_statuses, run_mill, shard_digests, write_recipe
from benchmarks.outcome import Funnel

_TASKS = (1, 3)
_RECIPES: dict[str, dict[str, Any]] = {
    "default-thresholds": {},
    # These crawls hold hardly any mathematics: without thresholds the later stages get something to do.
    "no-thresholds": {"filter": {"languages": [], "min_language_score": 0.0, "min_math_score": 0.0, "min_chars": 0}},
}


def run_robustness(data: Path, work: Path) -> dict[str, Any]:
    """Build warc/crawl + warc/edge with 1 and with 3 tasks, verify every corpus; returns the result, `ok` among it.

    Raises:
        RuntimeError: a build failed, which nothing in those files may bring about.
        CalledProcessError: a corpus did not verify.
    """
    inputs = _inputs(data / "warc")
    recipes = {name: _build_each(name, settings, inputs, work) for name, settings in _RECIPES.items()}
    return {
        "files": len(inputs),
        "recipes": recipes,
        "ok": all(
            recipe["same_digests"] and recipe["joined"] and all(stage["balanced"] for stage in recipe["funnel"])
            for recipe in recipes.values()
        ),
    }


def print_robustness(result: Mapping[str, Any]) -> None:
    """Funnel and balance of every ledger, as a table."""
    for name, recipe in result["recipes"].items():
        statuses = ", ".join(f"{status} {count}" for status, count in recipe["file_statuses"].items())
        print(f"{name}: {result['files']} files ({statuses})")
        for stage in recipe["funnel"]:
            balance = "balanced" if stage["balanced"] else "DOES NOT BALANCE"
            print(f"  {stage['stage']:<8} in {stage['documents_in']:>6,}  kept {stage['kept']:>6,}  {balance}")
            for reason, count in sorted(stage["dropped"].items(), key=lambda item: (-item[1], item[0])):
                print(f"           {reason:<24} {count:>6,}")
        print(f"  each stage reads what the one before wrote: {recipe['joined']}")
        print(f"  same shards with {' and '.join(map(str, _TASKS))} tasks: {recipe['same_digests']}")


def _inputs(folder: Path) -> list[Any]:
    """Every file of the two folders; one whose name is not that of a WARC file is given as WARC all the same."""
    files = sorted(path for name in ("crawl", "edge") for path in (folder / name).rglob("*") if path.is_file())
    return [{"path": str(path), "kind": "warc"} for path in files]


def _build_each(name: str, settings: Mapping[str, Any], inputs: list[Any], work: Path) -> dict[str, Any]:
    recipe = work / f"{name}.yaml"
    write_recipe(recipe, name, inputs, {"input_root": _common_root(inputs), **settings})
    builds = {tasks: work / f"{name}-{tasks}" for tasks in _TASKS}
    outcomes = [run_mill(recipe, out, tasks) for tasks, out in builds.items()]
    for out in builds.values():
        _verify(out)
    funnel = outcomes[0].funnel
    return {
        "file_statuses": file_statuses(builds[_TASKS[0]]),
        "funnel": [asdict(stage) | {"balanced": stage.balanced} for stage in funnel],
        "joined": _joined(funnel),
        "same_digests": all(shard_digests(out) == shard_digests(builds[_TASKS[0]]) for out in builds.values())
        and all(outcome.funnel == funnel for outcome in outcomes),
        "cpu_s": round(outcomes[0].usage.cpu_s, 2),
        "peak_process_rss_bytes": max(outcome.usage.peak_process_rss_bytes for outcome in outcomes),
    }


def _common_root(inputs: list[Any]) -> str:
    return str(Path(inputs[0]["path"]).parent.parent)


def _joined(funnel: list[Funnel]) -> bool:
    """Whether each stage read as many documents as the one before it wrote."""
    return all(after.documents_in == before.kept for before, after in pairwise(funnel))


def _verify(out: Path) -> None:
    command = [sys.executable, "-m", "mathmill", "verify", str(out), "--full"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
