"""What a document costs as documents become many: filter, dedup, shard and manifest over generated documents.

    python -m benchmarks.scale                                  10,000, 100,000 and 1,000,000 documents
    python -m benchmarks.scale --documents 10000 100000         a look, some minutes

Ends with 1 when a process takes more than 1.5 GiB, or when a document of the largest run costs more than 1.3 times the
CPU time of one in the cheapest of the others. See docs/scale.md.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.documents import PART_DOCUMENTS, GeneratedStage
from benchmarks.environment import RESULTS, ROOT, cache_folder, environment
from benchmarks.measure import measure
from benchmarks.mill import DISTRIBUTIONS, write_recipe
from pipeline.build import run_stage
from pipeline.corpus import finish_corpus
from pipeline.progress import Reporter
from pipeline.recipe import load_recipe
from pipeline.shard.manifest import Manifest
from pipeline.stage import Stage
from pipeline.stages import stages_of

MAX_PROCESS_RSS_BYTES = 3 << 29
"""1.5 GiB for any one process of a build."""
MAX_GROWTH = 1.3
"""Most that a document's CPU time may grow up to the largest run; sorting alone grows with log n."""


def main() -> int:
    """Measure every size in turn, print a table, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="%(default)s")
    parser.add_argument("--tasks", type=int, default=2, help="tasks of a build (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--build", type=Path, metavar="FOLDER", help="only build, in a folder that `main` prepared")
    args = parser.parse_args()
    if args.build:
        build(args.build, args.documents[0], args.tasks)
        return 0
    cache_folder().mkdir(parents=True, exist_ok=True)
    runs = []
    for documents in args.documents:
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="scale-") as folder:
            runs.append(measure_size(Path(folder), documents, args.tasks))
        print_run(runs[-1])
    costs = [run["cpu_ms_per_document"] for run in runs]
    result = {
        "environment": environment(DISTRIBUTIONS),
        "tasks": args.tasks,
        "part_documents": PART_DOCUMENTS,
        "runs": runs,
        "growth_of_cpu_per_document": round(costs[-1] / min(costs[:-1] or costs), 3),
        "peak_process_rss_bytes": max(run["peak_process_rss_bytes"] for run in runs),
    }
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "scale.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"a document's CPU time grows {result['growth_of_cpu_per_document']} times")
    small = result["peak_process_rss_bytes"] <= MAX_PROCESS_RSS_BYTES
    return 0 if small and result["growth_of_cpu_per_document"] <= MAX_GROWTH else 1


def measure_size(folder: Path, documents: int, tasks: int) -> dict[str, Any]:
    """Generate `documents` documents, then measure the build behind them: in all, and by phase."""
    recipe = folder / "recipe.yaml"
    write_recipe(recipe, "scale", ["generated.warc.gz"], {})
    out = folder / "out"
    extract = GeneratedStage(load_recipe(recipe), out, documents)
    extract.generate(tasks)
    command = [sys.executable, "-m", "benchmarks.scale", "--build", str(folder)]
    usage = measure(
        [*command, "--documents", str(documents), "--tasks", str(tasks)], cwd=ROOT, log=folder / "build.log"
    )
    manifest = Manifest.load(out)
    phases = {
        f"{stage.name} {name}": phase for stage in manifest.stages[1:] for name, phase in _phases(out / stage.folder)
    }
    in_parts = sum(phase["cpu_s"] for phase in phases.values())
    disk_bytes = sum(
        path.stat().st_size for stage in manifest.stages for path in (out / stage.folder).rglob("*") if path.is_file()
    )
    return {
        "documents": documents,
        "kept": {stage.name: stage.ledger["kept"] for stage in manifest.stages},
        "dropped": {stage.name: stage.ledger["dropped"] for stage in manifest.stages},
        "shards": len(manifest.shards),
        "corpus_text_bytes": manifest.totals.bytes,
        "disk_bytes": disk_bytes,
        **usage.as_json(),
        "cpu_ms_per_document": round(1000 * usage.cpu_s / documents, 3),
        "phases": phases | {"start, lists and report": {"cpu_s": round(usage.cpu_s - in_parts, 2)}},
    }


def build(folder: Path, documents: int, tasks: int) -> None:
    """The stages behind extract, and the corpus."""
    loaded, out = load_recipe(folder / "recipe.yaml"), folder / "out"
    stages: list[Stage] = [GeneratedStage(loaded, out, documents)]
    for kind in stages_of(loaded.recipe)[1:]:
        stage = kind(loaded, out, stages[-1])
        run_stage(stage, tasks, Reporter(quiet=True))
        stages.append(stage)
    finish_corpus(loaded, out, stages)


def print_run(run: dict[str, Any]) -> None:
    """One size's table."""
    peak = run["peak_process_rss_bytes"] / 2**20
    print(
        f"{run['documents']:,} documents, {run['kept']['shard']:,} in the corpus: {run['cpu_ms_per_document']:.2f} "
        f"CPU ms each, {peak:,.0f} MiB at most, {run['wall_s']:,.0f} s"
    )
    for name, phase in run["phases"].items():
        memory = f"{phase['peak_rss_bytes'] / 2**20:>8,.0f} MiB" if "peak_rss_bytes" in phase else ""
        print(f"  {name:<26}{1000 * phase['cpu_s'] / run['documents']:>9.3f} ms{memory}")


def _phases(stage: Path) -> list[tuple[str, dict[str, float]]]:
    """Parts, CPU seconds and peak memory of a stage's phases, as its tasks noted them."""
    phases = []
    for folder in sorted((stage / "stats").iterdir()):
        parts = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
        phases.append(
            (
                folder.name,
                {
                    "parts": len(parts),
                    "cpu_s": round(sum(part["cpu_s"] for part in parts), 2),
                    "peak_rss_bytes": max(part["peak_rss_bytes"] for part in parts),
                },
            )
        )
    return phases


if __name__ == "__main__":
    raise SystemExit(main())
