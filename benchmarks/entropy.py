"""The entropy pass beside a plain evaluation forward: the same model, the same packed rows, one process.

    .venv/bin/python -m benchmarks.entropy [--repeats 15]

Plain is what held-out losses cost: the trainer's forward with its chunked cross entropy, without gradients. Naive asks
torch for the 16 largest of all logits. The three run in turn (A B C A B C); figures are medians of the time of this
process on one thread, on a GPU of the wall clock. Exit code 1: the pass takes more than 1.10 times the plain forward.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.environment import RESULTS, environment
from training.model import LossModel, Placement, build_model, load_model_config
from training.rows import Rows
from training.rpt.entropy import EntropyModel
from training.rpt.pieces import Piece, piece_rows, pieces
from training.run import ModelSettings

CEILING = 1.10
_LLAMA = {"model_type": "llama", "max_position_embeddings": 2048, "tie_word_embeddings": True}
CPU_SHAPES: dict[str, dict[str, Any]] = {
    "128 wide, 4 layers, 8,192 ids": {
        "vocab_size": 8192,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "256 wide, 4 layers, 32,768 ids": {
        "vocab_size": 32768,
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
    },
}
GPU_SHAPES: dict[str, dict[str, Any]] = {
    "Llama-3.2-1B": {
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    }
}
TOKENS = {"cpu": 1024, "cuda": 32768}
_MEAN = 400


def main() -> int:
    """Measure every shape, print and write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15, help="passes of each kind (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    figures = {
        name: measure(shape, device, args.repeats)
        for name, shape in (GPU_SHAPES if device == "cuda" else CPU_SHAPES).items()
    }
    result = {
        "environment": environment(["torch", "transformers", "numpy", "mathmill"]),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "settings": {"tokens": TOKENS[device], "mean_document": _MEAN, "repeats": args.repeats, "ceiling": CEILING},
        "figures": figures,
    }
    args.results.mkdir(parents=True, exist_ok=True)
    name = "entropy-gpu.json" if device == "cuda" else "entropy.json"
    (args.results / name).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(max(figure["entropy_to_plain"] for figure in figures.values()) > CEILING)


def measure(shape: dict[str, Any], device: str, repeats: int) -> dict[str, float]:
    """Microseconds per token of the three, and their ratios to the plain forward."""
    dtype = "bfloat16" if device == "cuda" else "float32"
    settings = ModelSettings.model_validate({"config": _LLAMA | shape, "dtype": "float32"})
    config = load_model_config(settings, Path())
    model = build_model(settings, config, Placement(torch.device(device)), 0, Path(), EntropyModel).eval()
    model.to(getattr(torch, dtype))
    rows = _rows(config.vocab_size, device)
    sides: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: LossModel.forward(model, rows),
        "entropy": lambda: model(rows),
        "naive": lambda: naive(model, rows),
    }
    times: dict[str, list[float]] = {side: [] for side in sides}
    with torch.no_grad():
        np.testing.assert_allclose(
            model(rows)[:, 0].cpu(), naive(model, rows).cpu(), rtol=1e-2 if device == "cuda" else 1e-4, atol=1e-3
        )
        for _ in range(repeats):
            for side, run in sides.items():
                times[side].append(_timed(run, device))
    found = {f"{side}_us_per_token": round(median(values) / TOKENS[device] * 1e6, 2) for side, values in times.items()}
    for side in ("entropy", "naive"):
        # Of neighbouring passes, so that a change in the machine's pace meets both.
        pairs = zip(times[side], times["plain"], strict=True)
        found[f"{side}_to_plain"] = round(median(one / other for one, other in pairs), 3)
    print("  ".join(f"{name} {value:g}" for name, value in found.items()), flush=True)
    return found


def naive(model: EntropyModel, rows: Rows) -> Tensor:
    """Entropies of the renormalised 16 likeliest tokens by torch's own topk, and full ones, in the loss's chunks."""
    from training.loss import chunk_rows

    hidden, head = model.hidden(rows), model.model.get_output_embeddings().weight
    hidden = hidden[rows.labels >= 0]
    size = chunk_rows(len(hidden), len(head), hidden.device.type)
    found = []
    for first in range(0, len(hidden), size):
        logits = (hidden[first : first + size] @ head.T).float()
        whole = torch.log_softmax(logits, 1)
        torch.sum(whole.exp() * whole, 1)
        best = torch.log_softmax(logits.topk(16, 1).values, 1)
        found.append(-torch.sum(best.exp() * best, 1))
    return torch.cat(found)


def _rows(vocab_size: int, device: str) -> Rows:
    """Packed documents of log-normal lengths."""
    rng = np.random.default_rng(0)
    packed: list[Piece] = []
    left = TOKENS[device]
    while left:
        length = min(left, max(2, int(rng.lognormal(np.log(_MEAN) - 0.5, 1.0))))
        tokens = rng.integers(0, vocab_size, length + 1)
        packed += pieces(len(packed), tokens, np.arange(length + 1) > 0, 2048)
        left -= length
    return piece_rows(packed, torch.device(device))


def _timed(run: Callable[[], Tensor], device: str) -> float:
    if device == "cpu":
        begun = time.process_time()
        run()
        return time.process_time() - begun
    torch.cuda.synchronize()
    begun = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
