"""Positions on real pages: build, tokenize, a tiny proxy mid-trained on them, and what its entropies look like.

    .venv/bin/python -m benchmarks.positions [--work FOLDER]

Every step is the project's own command and is kept in the work folder, so that a second run only counts; `cpu_s` is
what this run and its commands took. The pages are other people's: the result has figures and no text. The proxy has
learned from the very pages that it measures.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from benchmarks.environment import RESULTS, ROOT, cache_folder, data_folder, environment, has_data
from training.documents import DocumentTokens
from training.rl.token_bytes import TokenBytes
from training.rpt.characters import Characters
from training.rpt.entropy import TOP
from training.rpt.positions import PositionManifest, open_positions
from training.rpt.proxy import find_proxy
from training.rpt.report.page import least_of_share
from training.rpt.selection import Bands

STEPS = 600
_FORMULA = re.compile(rb"\$\$.+?\$\$|\$[^$\n]+?\$", re.DOTALL)
_FILES: dict[str, dict[str, Any]] = {
    "real.yaml": {"name": "real-pages", "inputs": ["real_pages.warc.gz"], "filter": {"min_math_score": 0.5}},
    "mix.yaml": {"name": "real", "components": {"corpus": {"tokens": "tokens", "weight": 1}}, "sequence_length": 512},
    "proxy.yaml": {
        "name": "proxy",
        "model": {
            "config": {
                "model_type": "llama",
                "vocab_size": 8192,
                "hidden_size": 128,
                "intermediate_size": 384,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 512,
                "tie_word_embeddings": True,
            },
            "dtype": "float32",
        },
        "mixture": "mix.yaml",
        "num_steps": STEPS,
        "sequences_per_step": 8,
        "schedule": {"lr": 2e-3, "warmup_tokens": 81920, "decay": "cosine"},
        "parallel": {"micro_batch": 8},
        "checkpoints": {"every_steps": 100},
        "watch": {"every_steps": 50, "tensorboard": False},
    },
}


def main() -> int:
    """Make what is missing, count, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=cache_folder() / "positions", help="folder of the steps")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    args = parser.parse_args()
    if not has_data(data_folder()):
        return 0
    proxy = make(args.work)
    manifest = open_positions(args.work / "positions")
    figures = count(manifest, find_proxy(str(proxy)).token_bytes())
    print(json.dumps(figures, indent=2))
    result = {
        "environment": environment(["torch", "transformers", "numpy", "mathmill"]),
        "cpu_s": round(sum(os.times()[:4])),
        "settings": {name: content for name, content in _FILES.items() if name != "mix.yaml"},
        "figures": figures,
    }
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "positions.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


def make(work: Path) -> Path:
    """Corpus, tokens, proxy and positions in `work`, what is there already left alone; returns the proxy."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "real_pages.warc.gz").exists():
        shutil.copy(data_folder() / "make_real_warc.py", work)
        for name in ("html_math", "extraction_gold"):
            if not (work / name).exists():
                (work / name).symlink_to(data_folder() / name)
        subprocess.run([sys.executable, str(work / "make_real_warc.py")], check=True)
    for name, content in _FILES.items():
        (work / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    proxy = f"run/step-{STEPS:07d}"
    for command in (
        "build real.yaml --tasks 1 --out corpus --quiet",
        "tokenize corpus --tokenizer mathmill-bpe-8k --out tokens --tasks 1 --quiet",
        "train mid proxy.yaml --out run",
        f"positions tokens --proxy {proxy} --out positions --floor 0",
    ):
        print(f"mathmill {command}", flush=True)
        subprocess.run([sys.executable, str(ROOT / "mathmill.py"), *command.split()], cwd=work, check=True)
    return work / proxy


def count(manifest: PositionManifest, vocabulary: TokenBytes) -> dict[str, Any]:
    """Totals, bands, shares, and where the hard positions are."""
    documents = manifest.open_tokens()
    names = ["document", "offset", "entropy", "full_entropy", "correct"]
    tables = [pq.read_table(manifest.folder / file.path, columns=names) for file in manifest.files]
    document, offset, entropy, full, correct = (
        np.concatenate([table[name].to_numpy() for table in tables]) for name in names
    )
    formula, inside_word = kinds(documents, vocabulary, document, offset)
    reached = Characters(vocabulary, documents).reachable(document, offset)
    limits = Bands().limits()

    def share(mask: np.ndarray) -> float:
        return round(float(mask.mean()), 4) if len(mask) else 0.0

    def of(mask: np.ndarray) -> dict[str, Any]:
        here = entropy[mask]
        return {
            "positions": len(here),
            "mean_entropy": round(float(here.mean()), 4),
            "accuracy": share(correct[mask]),
            **{f"{name}_share": share(here >= low) for name, (low, _) in limits.items()},
        }

    everything = np.ones(len(entropy), np.bool_)
    return {
        "totals": manifest.totals.model_dump(),
        "largest_possible": round(float(np.log(TOP)), 4),
        "deciles": np.round(np.quantile(entropy, np.arange(0.1, 1, 0.1)), 3).tolist(),
        "full_deciles": np.round(np.quantile(full, np.arange(0.1, 1, 0.1)), 3).tolist(),
        "full_is_never_lower": bool((full >= entropy - 1e-5).all()),
        "correlation_of_both": round(float(np.corrcoef(entropy, full)[0, 1]), 4),
        "bands": {
            name: {
                "from": low,
                "positions": int((entropy >= low).sum()),
                "share": share(entropy >= low),
                "accuracy": share(correct[entropy >= low]),
            }
            for name, (low, _) in limits.items()
        },
        "begins_at": {str(part): least_of_share(manifest.entropy, part) for part in (0.05, 0.1, 0.2, 0.5)},
        "kinds": {
            "all": of(everything),
            "in_formulas": of(formula),
            "outside": of(~formula),
            "outside_else": of(~formula & ~inside_word),
            "outside_going_on_in_a_word": of(~formula & inside_word),
        },
        "characters": {
            "moved": int(((reached != offset) & (reached >= 0)).sum()),
            "without_an_answer": int((reached < 0).sum()),
            "left_after_moving": len(
                {*zip(document[reached >= 0].tolist(), reached[reached >= 0].tolist(), strict=True)}
            ),
        },
    }


def kinds(
    documents: DocumentTokens, vocabulary: TokenBytes, document: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each position is in a formula, and whether its target goes on in a word (it begins with a letter, and a
    letter stands before it).
    """
    formula, inside = np.zeros(len(document), np.bool_), np.zeros(len(document), np.bool_)
    for ordinal in np.unique(document).tolist():
        rows = np.flatnonzero(document == ordinal)
        tokens = [token or b"" for token in vocabulary.of(documents.read(ordinal).tolist())]
        text = b"".join(tokens)
        starts = np.cumsum([0, *map(len, tokens)])[offset[rows]]
        edges = np.array([edge for match in _FORMULA.finditer(text) for edge in match.span()], np.int64)
        formula[rows] = np.searchsorted(edges, starts, side="right") % 2 == 1
        inside[rows] = [text[max(0, at - 1) : at + 1].isalpha() and at > 0 for at in starts.tolist()]
    return formula, inside


if __name__ == "__main__":
    sys.exit(main())
