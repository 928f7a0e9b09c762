"""The trainer beside transformers' Trainer and TRL's SFTTrainer, on one core of a CPU, in one run.

    python -m benchmarks.trainer_cpu [--steps 10]

The same model from the same config, batches of 8 × 256 tokens of the same documents, float32, AdamW, clipping, no
checkpoint. mathmill and Trainer train on the very same packed rows, documents apart; SFTTrainer packs the same
documents itself. CPU seconds are taken inside each process, from the end of the second step to the end of the last. The
peers have an environment of their own, made from peers/trainers.txt. Ends with 1 when mathmill is slower than a peer.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environment import RESULTS, ROOT, cache_folder, environment
from benchmarks.measure import measure

LENGTH, SEQUENCES, VOCAB = 256, 8, 8192
CONFIG = {
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": LENGTH,
    "tie_word_embeddings": True,
}
WARM_STEPS = 2
_PEERS = ROOT / "benchmarks" / "peers"


def main() -> int:
    """Run all three, print tokens per CPU second, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10, help="steps of each side, two of them not timed (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--mathmill", type=Path, help="internal: train on this folder and write result.json there")
    args = parser.parse_args()
    if args.mathmill:
        train_mathmill(args.mathmill, args.steps)
        return 0
    python = make_peer()
    with tempfile.TemporaryDirectory(prefix="trainers-") as folder:
        work = Path(folder)
        write_data(work, args.steps)
        ours = [sys.executable, "-m", "benchmarks.trainer_cpu", "--mathmill", str(work), "--steps", str(args.steps)]
        sides = {"mathmill": ours}
        for name in ("Trainer", "SFTTrainer"):
            sides[name] = [str(python), str(_PEERS / "hf_trainers.py"), name, str(work), str(args.steps)]
        figures = {}
        for name, command in sides.items():
            measure(command, cwd=ROOT, log=work / f"{name}.log")
            figures[name] = json.loads((work / f"{name}.json").read_text())
            print(f"{name:12} {figures[name]['tokens_per_cpu_s']:8,.0f} tokens per CPU second", flush=True)
    ratios = {
        name: round(figures["mathmill"]["tokens_per_cpu_s"] / figures[name]["tokens_per_cpu_s"], 3)
        for name in ("Trainer", "SFTTrainer")
    }
    print("  ".join(f"{ratio} × {name}" for name, ratio in ratios.items()))
    result = {
        "environment": environment(["torch", "transformers", "numpy", "mathmill"]),
        "peers": environment(["torch", "transformers", "trl", "accelerate", "datasets", "numpy"], python)["versions"],
        "settings": {"config": CONFIG, "length": LENGTH, "sequences_per_step": SEQUENCES, "steps": args.steps},
        "figures": figures,
        "ratios": ratios,
    }
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "trainer-cpu.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(min(ratios.values()) < 1)


def write_data(work: Path, steps: int) -> None:
    """Documents (log-normal, mean 100 tokens) as token shards, and the rows that the mixture packs them into."""
    from pipeline.files import write_json
    from training.data import open_mixture
    from training.tokens import MANIFEST, Source, SourceFile, Tokenizer, TokenManifest, TokenTotals
    from training.writer import write_shard

    rng = np.random.default_rng(0)
    total = steps * SEQUENCES * LENGTH * 2
    documents: list[list[int]] = []
    while sum(map(len, documents)) < total:
        length = max(2, int(rng.lognormal(np.log(100) - 0.5, 1.0)))
        documents.append([*rng.integers(1, VOCAB, length - 1).tolist(), 0])
    tokenizer = Tokenizer(name="none", revision=None, xxh3_128="0" * 32, vocab_size=VOCAB, eos=0, bos=None)
    folder = work / "tokens"
    with write_shard(folder, "data/00000.ds", tokenizer.dtype, False) as shard:
        for row, document in enumerate(documents):
            shard.add(document, row.to_bytes(16, "big"), 0, row, None)
    tokens = sum(map(len, documents))
    manifest = TokenManifest(
        schema_version=1,
        name="random",
        format="text",
        masked=False,
        tokenizer=tokenizer,
        rows=len(documents),
        dropped={},
        totals=TokenTotals(documents=len(documents), tokens=tokens, trained=shard.shard.trained),
        shards=(shard.shard,),
        source=Source(
            kind="files",
            name="random",
            location=".",
            revision=None,
            manifest_xxh3_128=None,
            files=(SourceFile(path="rows.jsonl", rows=len(documents), xxh3_128="0" * 32),),
        ),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    mixture = {"name": "random", "components": {"random": {"tokens": "tokens", "weight": 1}}, "sequence_length": LENGTH}
    write_json(work / "mixture.yaml", mixture)  # JSON is YAML
    write_json(work / "documents.json", documents)
    write_json(work / "config.json", CONFIG)
    batch = open_mixture(work / "mixture.yaml").sequences(0, steps * SEQUENCES)
    positions = [np.arange(LENGTH) - np.repeat(bounds[:-1], np.diff(bounds)) for bounds in batch.cu_seqlens]
    np.savez(work / "rows.npz", tokens=batch.tokens, mask=batch.loss_mask, positions=np.stack(positions))


def train_mathmill(work: Path, steps: int) -> None:
    """Train as `mathmill train mid` does, and note the CPU time of each step."""
    import torch

    import training.midtrain
    from pipeline.files import write_json
    from training.run import load_run

    run = {
        "name": "cpu",
        "model": {"config": CONFIG, "dtype": "float32"},
        "mixture": "mixture.yaml",
        "num_steps": steps,
        "sequences_per_step": SEQUENCES,
        "schedule": {"lr": 1e-3},
        "parallel": {"micro_batch": SEQUENCES},
        "watch": {"every_steps": 1, "tensorboard": False},
    }
    write_json(work / "run.yaml", run)
    torch.set_num_threads(1)
    times: list[float] = []
    midtrain: Any = training.midtrain
    real = midtrain.train_step

    def timed(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        times.append(time.process_time())
        return result

    midtrain.train_step = timed
    midtrain.train(load_run(work / "run.yaml"), work / "out")
    tokens = (steps - WARM_STEPS) * SEQUENCES * LENGTH
    speed = tokens / (times[-1] - times[WARM_STEPS - 1])
    write_json(work / "mathmill.json", {"tokens": tokens, "tokens_per_cpu_s": round(speed, 1)})


def make_peer() -> Path:
    """The interpreter of the peers' environment, made by pip when it is not there yet (minutes)."""
    pins = _PEERS / "trainers.txt"
    digest = hashlib.sha256(sys.version.encode() + pins.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"peer-{digest}"
    python = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        print("making the peers' environment …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "pip==26.3"], check=True)
        subprocess.run([*pip, "install", "-r", str(pins)], check=True)
        (folder / ".complete").touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
