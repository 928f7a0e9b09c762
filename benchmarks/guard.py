"""Error rates and CPU time of the refinement guard, over rewrites with a known answer.

    python -m benchmarks.guard [--number 1000]

Prints what was missed and refused by kind and writes results/guard.json. Texts: what this project wrote, and, where
the real pages are on this machine, mathematics of seven other sources. Exit code 1: under 99 % of the altered rewrites
of the project's own texts caught, or over 3 % of the faithful ones refused.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from benchmarks.environment import RESULTS, data_folder, environment, has_data
from benchmarks.rewrites import cases, faithful, sample_texts
from pipeline.refine import check_rewrite, content, latex
from pipeline.refine.content import Content
from pipeline.refine.noise import without_noise, without_repeats

_TEXT_CHARS = 6000
_TEXTS_PER_SOURCE = 60
_WORDS = 750  # about 1,000 tokens
_SEED = 2026


def real_texts(folder: Path) -> list[str]:
    """The beginnings of texts of text_math, whole paragraphs."""
    texts: list[str] = []
    for path in sorted((folder / "text_math").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for _, line in zip(range(_TEXTS_PER_SOURCE), lines, strict=False):
                text: str = json.loads(line)["text"]
                texts.append(text if len(text) <= _TEXT_CHARS else text[:_TEXT_CHARS].rsplit("\n\n", 1)[0])
    return texts


def error_rates(texts: list[str], number: int) -> dict[str, Any]:
    """Verdicts on `number` faithful and as many altered rewrites, by kind."""
    made: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    edits: Counter[str] = Counter()
    faithful_made = faithful_refused = 0
    for case in cases(texts, number, _SEED):
        verdict = check_rewrite(case.original, case.rewrite)
        if case.altered:
            made.update(case.kinds)
            missed.update(case.kinds if verdict.accept else ())
        else:
            faithful_made += 1
            faithful_refused += not verdict.accept
            refused.update(verdict.reasons)
            edits.update(() if verdict.accept else case.kinds)
    return {
        "texts": len(texts),
        "altered": made.total(),
        "caught": round(1 - missed.total() / made.total(), 4),
        "faithful": faithful_made,
        "refused": round(faithful_refused / faithful_made, 4),
        "by_alteration": {kind: {"made": made[kind], "missed": missed[kind]} for kind in sorted(made)},
        "refused_for": dict(refused.most_common()),
        "refused_edits": dict(edits.most_common()),
    }


def noise_shares(texts: list[str]) -> dict[str, Any]:
    """Shares of a text's formulas and numbers that stand in lines about the page or in repeated paragraphs."""
    shares: dict[str, list[float]] = {"formulas": [], "numbers": []}
    for text in texts:
        before, after = Content(text), Content(without_repeats(without_noise(text)))
        pairs = (("formulas", before.raw, after.raw), ("numbers", before.numbers.kept, after.numbers.kept))
        for name, whole, rest in pairs:
            if whole:
                shares[name].append((whole - rest).total() / whole.total())
    return {
        name: {"texts": len(values), "mean": round(mean(values), 4)}
        | {f"percentile_{p}": round(quantiles(values, n=100, method="inclusive")[p - 1], 4) for p in (50, 90, 95, 99)}
        for name, values in shares.items()
    }


def cpu_time(texts: list[str]) -> dict[str, Any]:
    """CPU milliseconds per check of documents of about 1,000 tokens, all read anew in every round."""
    rng = random.Random(_SEED)
    joined = "\n\n".join(texts).split(" ")
    documents = [" ".join(joined[i : i + _WORDS]) for i in range(0, len(joined) - _WORDS, _WORDS)]
    pairs = [faithful(document, rng)[:2] for document in documents]
    rounds = []
    for _ in range(7):
        latex.form_of_short.cache_clear()
        content.remembered.cache_clear()
        start = time.process_time()
        for original, rewrite in pairs:
            check_rewrite(original, rewrite)
        rounds.append((time.process_time() - start) / len(pairs) * 1e3)
    start = time.process_time()
    total = 0
    for i in range(1_000_000):
        total += i
    return {
        "documents": len(pairs),
        "ms_per_check": round(min(rounds), 3),
        "ms_per_check_median": round(median(rounds), 3),
        "ms_of_a_million_additions": round((time.process_time() - start) * 1e3, 1),
    }


def main() -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=1000, help="faithful and altered rewrites of each set of texts")
    number = parser.parse_args().number
    own = sample_texts()
    result = {"environment": environment(["mathmill", "rapidfuzz"]), "own_texts": error_rates(own, number)}
    if has_data(data_folder()):
        real = real_texts(data_folder())
        result["real_texts"] = error_rates(real, number)
        result["noise"] = noise_shares(real)
    result["cpu"] = cpu_time(own)
    for name in ("own_texts", "real_texts"):
        if name in result:
            _print(name, result[name])
    print(f"noise: {result.get('noise')}\nCPU: {result['cpu']}")
    (RESULTS / "guard.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int(result["own_texts"]["caught"] < 0.99 or result["own_texts"]["refused"] > 0.03)


def _print(name: str, rates: dict[str, Any]) -> None:
    print(f"{name}: {rates['texts']} texts")
    print(f"  altered  {rates['altered']:5d}  caught  {rates['caught']:.4f}")
    for kind, counts in rates["by_alteration"].items():
        print(f"    {kind:34} {counts['made']:4d}  missed {counts['missed']}")
    print(f"  faithful {rates['faithful']:5d}  refused {rates['refused']:.4f}  {rates['refused_for']}")


if __name__ == "__main__":
    sys.exit(main())
