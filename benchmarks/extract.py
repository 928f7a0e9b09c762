"""Extraction beside its peers: text, formulas and CPU time, over the real pages.

    .venv/bin/python -m benchmarks.extract [--repeats 3] [--only mathmill,trafilatura] [--soak 20000]

Every extractor runs in a process of its own, the peers in an environment from `peers/extract.txt`; a page's time is the
least of the repeats, in CPU seconds. The texts are judged by the two scorers that come with the pages. `--soak` runs
mathmill over the pages again and again in one process and reports its memory. Exit code 1: a floor is not held.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from benchmarks.environment import RESULTS, ROOT, cache_folder, data_folder, environment, has_data

PEERS = ROOT / "benchmarks" / "peers"
SETS = {"extraction_gold": "score_text.py", "html_math": "score_math.py"}
OURS = "mathmill"
NAMES = (
    OURS,
    "trafilatura",
    "trafilatura_markdown",
    "trafilatura_recall",
    "trafilatura_precision",
    "resiliparse",
    "readability",
    "justext",
    "inscriptis",
)
DISTRIBUTIONS = ("selectolax", "resiliparse")
PEER_DISTRIBUTIONS = ("trafilatura", "lxml", "resiliparse", "justext", "readability-lxml", "html2text", "inscriptis")
FLOORS = {"text_f1_over_best_peer": 0.0, "speed_extraction_gold": 4.0, "speed_html_math": 4.0, "slowest_page_s": 0.25}


def make_peers() -> Path:
    """The interpreter of the peers' environment, made by pip from its pinned file when it is not there yet."""
    pins = PEERS / "extract.txt"
    folder = cache_folder() / "peer-extract"
    python = folder / "bin" / "python"
    made_from = folder / "made-from.txt"
    if not made_from.exists() or made_from.read_bytes() != pins.read_bytes():
        print("making the peers' environment …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", "--no-deps", "-r", pins], check=True)
        shutil.copyfile(pins, made_from)
    return python


def run(name: str, python: Path, data: Path, out: Path) -> dict[str, Any]:
    """Extract all pages of one set with one extractor in a process of its own, and return what it cost."""
    settings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT) if name == OURS else ""}
    command = [str(word) for word in (python, PEERS / "extract_texts.py", name, data, out)]
    subprocess.run(command, check=True, env=settings, cwd=out.parent, stderr=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads((out / "cost.json").read_text(encoding="utf-8"))
    return result


def score(scorer: Path, data: Path, texts: Path) -> dict[str, Any]:
    """What a scorer says of a folder of texts."""
    result = texts / "score.json"
    command = [sys.executable, str(scorer), str(data), "--texts", str(texts), "--json", str(result)]
    subprocess.run(command, check=True, cwd=scorer.parent, stdout=subprocess.DEVNULL)
    judged: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return judged


def speed(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """Time of a set: the least of each page's times."""
    pages = [min(cost["cpu_s"][page] for cost in costs) for page in costs[0]["cpu_s"]]
    return {
        "pages": len(pages),
        "cpu_s": round(sum(pages), 3),
        "cpu_ms_per_page": round(1000 * statistics.fmean(pages), 2),
        "cpu_ms_median": round(1000 * statistics.median(pages), 2),
        "slowest_page_s": round(max(pages), 3),
        "errors": len(costs[0]["errors"]),
    }


def soak(data: Path, pages: int) -> dict[str, Any]:
    """Memory of one process over many pages."""
    program = (
        "import json, pathlib, resource, sys; from pipeline.extract.html import LimitExceeded, extract\n"
        "data, pages = pathlib.Path(sys.argv[1]), int(sys.argv[2]); sizes = []\n"
        "files = [p for s in ('extraction_gold', 'html_math') for p in sorted((data / s / 'pages').iterdir())]\n"
        "for n in range(pages):\n"
        "    try: extract(files[n % len(files)].read_bytes())\n"
        "    except LimitExceeded: pass\n"
        "    if n % (pages // 10) == pages // 10 - 1:\n"
        "        status = pathlib.Path('/proc/self/status').read_text()\n"
        "        sizes.append(int(status.split('VmRSS:')[1].split()[0]) * 1024)\n"
        "print(json.dumps(sizes))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(data), str(pages)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return {"pages": pages, "resident_bytes_after_each_tenth": json.loads(done.stdout)}


def _floors(results: dict[str, Any]) -> dict[str, float]:
    """The figures that have a floor (or a ceiling, for the slowest page), from those of all extractors."""
    ours, peers = results[OURS], {name: result for name, result in results.items() if name != OURS}
    best = {name: result["extraction_gold"]["score"]["all"]["f1"] for name, result in peers.items()}
    found = {"slowest_page_s": max(ours[part]["speed"]["slowest_page_s"] for part in SETS)}
    if best:
        found["text_f1_over_best_peer"] = ours["extraction_gold"]["score"]["all"]["f1"] - max(best.values())
    if "trafilatura" in peers:
        for part in SETS:
            found[f"speed_{part}"] = peers["trafilatura"][part]["speed"]["cpu_s"] / ours[part]["speed"]["cpu_s"]
    return {name: round(value, 4) for name, value in found.items()}


def main() -> int:
    """Measure, print, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default=",".join(NAMES), help="comma-separated extractors")
    parser.add_argument("--soak", type=int, default=0, metavar="PAGES")
    parser.add_argument("--out", type=Path, default=RESULTS / "extract.json")
    args = parser.parse_args()
    data = data_folder()
    if not has_data(data):
        return 0
    peer_python = make_peers()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in args.only.split(","):
            python = Path(sys.executable) if name == OURS else peer_python
            results[name] = {}
            for part, scorer in SETS.items():
                out = Path(folder) / f"{name}-{part}"
                costs = [run(name, python, data / part, out) for _ in range(args.repeats)]
                judged = score(data / scorer, data / part, out)
                judged.pop("run", None)
                results[name][part] = {"speed": speed(costs), "score": judged.get("summary", judged)}
                if "encodings" in judged:
                    results[name][part]["encodings"] = judged["encodings"]
                figure = judged["all"]["f1"] if "all" in judged else judged["summary"]["recall"]
                print(f"{name:24} {part:16} {figure:.4f} {results[name][part]['speed']}", flush=True)
    document: dict[str, Any] = {
        "environment": environment(DISTRIBUTIONS),
        "peers": environment(PEER_DISTRIBUTIONS, peer_python)["versions"],
        "results": results,
    }
    if args.soak:
        document["soak"] = soak(data, args.soak)
        print(document["soak"])
    held = _floors(results) if OURS in results else {}
    document["floors"] = held
    print(held)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    missed = [
        name
        for name, value in held.items()
        if (value > FLOORS[name] if name == "slowest_page_s" else value < FLOORS[name])
    ]
    for name in missed:
        print(f"missed: {name} is {held[name]}, the floor is {FLOORS[name]}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
