"""Grading beside plain math-verify: speed on the distinct golds of GSM8K and MATH-500, agreement with labelled cases.

    .venv/bin/python -m benchmarks.grading

Every gold is graded against itself and against another gold, both in a box; CPU time of this process and of the one
worker. Plain math-verify parses the gold between dollars and the response whole, with its defaults, in the same run.

Then, for the golds of every benchmark, other spellings (`benchmarks.spellings`) that have to be accepted and near
misses that have to be refused.
"""

import ast
import json
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import RESULTS, data_folder, environment, has_data
from benchmarks.spellings import spelled
from training.rl.grading import GradingPool, grade_batch

SETS = ("gsm8k_test", "math500")
LABELLED = "qwen_math_cot100_scored"
FLOORS = {"ours_per_cpu_s": 1000.0, "accepted": 0.995, "refused": 0.985}
GOLDS = 250
"""Distinct golds of a benchmark that are spelled in other ways, spread over all of them."""


def distinct_pairs(folder: Path) -> list[tuple[str, str, bool]]:
    """(gold, response, right) for each distinct gold: once right, once with the gold seven places on."""
    golds = sorted({row["answer"] for name in SETS for row in _rows(folder / "eval_sets" / f"{name}.jsonl")})
    others = [*golds[7:], *golds[:7]]
    right = [(gold, f"Therefore the answer is $\\boxed{{{gold}}}$.", True) for gold in golds]
    return right + [
        (gold, f"Therefore the answer is $\\boxed{{{other}}}$.", False)
        for gold, other in zip(golds, others, strict=True)
    ]


def labelled_pairs(folder: Path) -> list[tuple[str, str, bool]]:
    """Outputs of a real model with the labels of another project."""
    rows = _rows(folder / "peer_tests" / f"{LABELLED}.jsonl")
    return [
        (row["gt"], output, bool(score))
        for row in rows
        for output, score in zip(row["code"], row["score"], strict=True)
    ]


def spelled_pairs(path: Path) -> list[tuple[str, str, bool]]:
    """(gold, response, right) for every spelling and every near miss of a benchmark's golds."""
    golds = sorted(filter(str.strip, {_gold(path.stem, row) for row in _rows(path)}))
    return [
        (gold, f"Therefore the answer is $\\boxed{{{answer}}}$.", right)
        for gold in golds[:: -(-len(golds) // GOLDS)]
        for _, answer, right in spelled(gold)
    ]


def _gold(benchmark: str, row: dict[str, Any]) -> str:
    answer = row["answer"]
    if benchmark == "mmlu_stem":
        return "ABCD"[int(answer)]
    if isinstance(answer, str) and answer.startswith("['"):
        answer = ast.literal_eval(answer)
    return str(answer[0] if isinstance(answer, list) else answer)


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:  # not splitlines: U+2028 stands in problems
        return [json.loads(line) for line in lines]


def ours(pairs: Sequence[tuple[str, str, bool]]) -> tuple[list[bool], float]:
    """Verdicts and CPU seconds, the workers' included, their start apart."""
    pool = GradingPool(workers=1)
    grade_batch(["a+b"], [r"\boxed{b+a}"], pool=pool)
    start = time.process_time()
    grades = grade_batch([gold for gold, _, _ in pairs], [response for _, response, _ in pairs], pool=pool)
    used = time.process_time() - start
    pool.close()
    symbolic = sum(grade.seconds for grade in grades if grade.seconds > 0.001)
    return [grade.correct for grade in grades], used + symbolic


def plain(pairs: Sequence[tuple[str, str, bool]]) -> tuple[list[bool], float]:
    """The same by math-verify alone, on this thread."""
    from math_verify import parse, verify

    start = time.process_time()
    verdicts = [bool(verify(parse(f"${gold}$"), parse(response))) for gold, response, _ in pairs]
    return verdicts, time.process_time() - start


def main() -> None:
    """Measure, print, write results/grading.json; exit code 1 where a floor is not held."""
    folder = data_folder()
    if not has_data(folder):
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    figures: dict[str, Any] = {}
    for name, pairs in (("distinct", distinct_pairs(folder)), ("labelled", labelled_pairs(folder))):
        for who, run in (("ours", ours), ("math_verify", plain)):
            verdicts, cpu_s = run(pairs)
            right = sum(verdict == label for verdict, (_, _, label) in zip(verdicts, pairs, strict=True))
            figures[f"{name}_{who}"] = {
                "pairs": len(pairs),
                "cpu_s": round(cpu_s, 3),
                "pairs_per_cpu_s": round(len(pairs) / cpu_s, 1),
                "agrees": right,
            }
            print(name, who, figures[f"{name}_{who}"], flush=True)
    spellings: dict[str, dict[str, int]] = {}
    for path in sorted((folder / "eval_sets").glob("*.jsonl")):
        pairs = spelled_pairs(path)
        verdicts, _ = ours(pairs)
        same = [verdict for verdict, (_, _, label) in zip(verdicts, pairs, strict=True) if label]
        near = [not verdict for verdict, (_, _, label) in zip(verdicts, pairs, strict=True) if not label]
        spellings[path.stem] = {"same": len(same), "accepted": sum(same), "near": len(near), "refused": sum(near)}
        print(path.stem, spellings[path.stem], flush=True)
    shares = {
        "ours_per_cpu_s": figures["distinct_ours"]["pairs_per_cpu_s"],
        "accepted": min(counts["accepted"] / max(1, counts["same"]) for counts in spellings.values()),
        "refused": min(counts["refused"] / counts["near"] for counts in spellings.values() if counts["near"]),
    }
    result = {
        **environment(("math-verify", "latex2sympy2_extended", "sympy")),
        "figures": figures,
        "spellings": spellings,
        "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    (RESULTS / "grading.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if missed := [name for name, floor in FLOORS.items() if shares[name] < floor]:
        raise SystemExit(f"floors not held: {', '.join(f'{name} {shares[name]:.3f}' for name in missed)}")


if __name__ == "__main__":
    main()
