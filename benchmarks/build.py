"""The whole build, measured: mathmill beside the datatrove way on the same pages, and broken crawls survived.

    python -m benchmarks.build                  speed: pages per CPU second, start-up apart, memory, formulas kept
    python -m benchmarks.build --robustness     real and broken WARC files: funnel, and whether every ledger balances

Needs the unpacked real pages ($MATHMILL_DATA); without them it says so and ends with 0. Ends with 1 when a floor is not
reached. See benchmarks/README.md.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import mill, peer
from benchmarks.environment import RESULTS, cache_folder, data_folder, environment, has_data
from benchmarks.formulas import Document, score_formulas
from benchmarks.inputs import describe, make_inputs, read_pages
from benchmarks.outcome import Outcome, summarise
from benchmarks.robustness import print_robustness, run_robustness

MIN_RATIO = 3.0
"""Least pages per CPU second over the peer's as it ships, on the large input; start-up is apart on both sides."""
MAX_PROCESS_RSS_BYTES = 3 << 29
"""1.5 GiB for any one process of a build."""
_START_UPS = 3


@dataclass(frozen=True)
class Side:
    """One of the programs compared: how it builds a folder of WARC files into a new folder, and what it made."""

    name: str
    build: Callable[[Path, Path], Outcome]
    documents: Callable[[Path], Iterator[Document]]


def main() -> int:
    """Run what the command line asks for, print a table, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robustness", action="store_true", help="build the real and broken WARC files instead")
    parser.add_argument("--pages", type=int, default=5000, help="least pages of the large input (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="builds of an input by each side (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    args = parser.parse_args()
    data = data_folder()
    if not has_data(data):
        return 0
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="work-") as work:
        if args.robustness:
            name, result = "build-robustness", measure_robustness(data, Path(work))
        else:
            name, result = "build", measure_speed(data, Path(work), args.pages, args.repeats)
    args.results.mkdir(parents=True, exist_ok=True)
    path = args.results / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"result: {path}")
    return 0 if result["reached"] else 1


def measure_robustness(data: Path, work: Path) -> dict[str, Any]:
    """The robustness result, printed and returned."""
    around = environment(mill.DISTRIBUTIONS)
    result = run_robustness(data, work)
    print_robustness(result)
    return {"environment": around, "reached": result.pop("ok"), **result}


def measure_speed(data: Path, work: Path, min_pages: int, repeats: int) -> dict[str, Any]:
    """Both sides on one page (start-up), on every real page once, and on the large input; printed and returned."""
    other = peer.make_peer()
    inputs = make_inputs(data, min_pages)
    around = environment(mill.DISTRIBUTIONS)
    around["peer_versions"] = environment(peer.DISTRIBUTIONS, other.python)["versions"]
    ours = Side("mathmill", _build_ours, mill.mill_documents)
    theirs = Side("datatrove", lambda source, out: peer.run_peer(other, source, out), peer.peer_documents)
    # The kindest variant for the peer's speed: without the pass over paragraphs that it ships with.
    kinder = Side(
        "datatrove, deduplicate=False",
        lambda source, out: peer.run_peer(other, source, out, "--no-deduplicate"),
        peer.peer_documents,
    )
    start_up = {
        name: median(outcome.usage.cpu_s for outcome in outcomes)
        for name, outcomes in alternate([ours, theirs, kinder], inputs.one_page, work, _START_UPS).items()
    }
    compared = {}
    for source, sides in ((inputs.one_round, [ours, theirs, kinder]), (inputs.repeated, [ours, theirs])):
        compared[source.name] = compare(sides, source, work, repeats, start_up, data)
        print_comparison(source.name, compared[source.name])
    return {
        "environment": around,
        "settings": {"mathmill": mill.SETTINGS, "datatrove": peer.SETTINGS},
        "floors": {"min_ratio": MIN_RATIO, "max_process_rss_bytes": MAX_PROCESS_RSS_BYTES},
        "reached": compared[inputs.repeated.name]["reached"],
        "inputs": compared,
    }


def compare(
    sides: list[Side], source: Path, work: Path, repeats: int, start_up: dict[str, float], data: Path
) -> dict[str, Any]:
    """Cost, funnel and formulas of each side on one input; the first side is held against the second."""
    pages = read_pages(source)
    outcomes = alternate(sides, source, work, repeats)
    results = {}
    for side in sides:
        results[side.name] = summarise(outcomes[side.name], start_up[side.name])
        results[side.name]["formulas"] = score_formulas(side.documents(_out(work, side)), pages, data)
    rates = {name: result["pages_per_cpu_s"] for name, result in results.items()}
    ours, *others = rates
    ratios = {name: round(rates[ours] / rates[name], 2) for name in others}
    peak = results[ours]["peak_process_rss_bytes"]
    return {
        "input": describe(source),
        "ratio_of_pages_per_cpu_s": ratios,
        "reached": ratios[others[0]] >= MIN_RATIO and peak < MAX_PROCESS_RSS_BYTES,
        "sides": results,
    }


def alternate(sides: list[Side], source: Path, work: Path, repeats: int) -> dict[str, list[Outcome]]:
    """Build `source` with each side in turn, `repeats` times; each side's last corpus stays in `work`."""
    outcomes: dict[str, list[Outcome]] = {side.name: [] for side in sides}
    for turn in range(1, repeats + 1):
        for side in sides:
            out = _out(work, side)
            shutil.rmtree(out, ignore_errors=True)
            outcome = side.build(source, out)
            outcomes[side.name].append(outcome)
            print(f"  {source.name} {turn}/{repeats} {side.name}: {outcome.usage.cpu_s:.1f} CPU s", flush=True)
    return outcomes


def print_comparison(name: str, comparison: dict[str, Any]) -> None:
    """One input's table."""
    print(f"{name}: {comparison['input']['pages']:,} pages")
    print(f"  {'':<30}{'pages/CPU s':>12}{'CPU s':>9}{'peak MiB':>10}{'kept':>7}{'formulas':>10}{'recall':>8}")
    for side, result in comparison["sides"].items():
        formulas = result["formulas"]
        print(
            f"  {side:<30}{result['pages_per_cpu_s']:>12.1f}{result['cpu_s']:>9.1f}"
            f"{result['peak_process_rss_bytes'] / 2**20:>10.0f}{formulas['documents']:>7,}{formulas['formulas']:>10,}"
            f"{formulas['recall']:>8.3f}"
        )
    for side, ratio in comparison["ratio_of_pages_per_cpu_s"].items():
        print(f"  {ratio:.2f} times {side}")


def _build_ours(source: Path, out: Path) -> Outcome:
    recipe = out.with_suffix(".yaml")
    mill.write_recipe(recipe, "benchmark", [str(source)], mill.SPEED_RECIPE)
    return mill.run_mill(recipe, out)


def _out(work: Path, side: Side) -> Path:
    return work / "".join(letter if letter.isalnum() else "-" for letter in side.name)


if __name__ == "__main__":
    raise SystemExit(main())
