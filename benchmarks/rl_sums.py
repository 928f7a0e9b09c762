"""GRPO on sums: a tiny model, mid-trained on the spot on worked sums, then RL on sums that it has not seen.

    .venv/bin/python -m benchmarks.rl_sums [--seeds 3] [--steps 300] [--out FOLDER]

Everything is the project's own way: JSONL to token shards, `train mid`, export, `train rl`, evaluation. Accuracy is
sampled at temperature 1.0 on the held-out sums before and after. 300 steps, since after 200 the reward still rises.
Exit code 1: accuracy rises by less than 30 points.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.environment import RESULTS, environment
from pipeline.files import write_json
from training.world import World, join_world

DIGITS = "0123456789+=;,.QA\n "
MODEL = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 128,
    "tie_word_embeddings": True,
    "eos_token_id": 1,
}
LENGTH = 64
RISE = 0.30


def worked(left: int, right: int) -> tuple[str, str]:
    """A question and its worked answer: 37+48 is 7+8=15, 1+3+4=8, so 85."""
    low = left % 10 + right % 10
    carry, high = low // 10, left // 10 + right // 10
    steps = f"{left % 10}+{right % 10}={low};{carry}+{left // 10}+{right // 10}={carry + high};"
    return f"{left}+{right}=", f"{steps}{left + right}."


def write_data(folder: Path, seed: int, largest: int) -> None:
    """Worked sums to learn from, and as many others held out as prompts; tokenizer, template, mixture and runs."""
    rng = random.Random(seed)
    pairs = [(left, right) for left in range(largest) for right in range(largest)]
    rng.shuffle(pairs)
    held_out, seen = pairs[: len(pairs) // 9], pairs[len(pairs) // 9 :]
    rows = [dict(zip(("question", "answer"), worked(*pair), strict=True)) for pair in seen]
    _jsonl(folder / "worked.jsonl", [{"text": f"Q{row['question']}A{row['answer']}"} for row in rows])
    _jsonl(folder / "prompts.jsonl", [{"question": worked(*pair)[0], "answer": str(sum(pair))} for pair in held_out])
    (folder / "sum.yaml").write_text('prompt: "Q{question}A"\nstop: ["."]\n', encoding="utf-8")
    _save_tokenizer(folder / "tokenizer")


def right_sum(gold: str, response: str, grade: Any, num_tokens: int) -> float:
    """The reward: 1 when what stands behind the last semicolon is the sum."""
    return float(response.rpartition(";")[2].strip() == gold)


def run_seed(
    world: World, folder: Path, seed: int, mid_steps: int, rl_steps: int, largest: int = 60, samples: int = 4
) -> dict[str, Any]:
    """Mid-train, train, and measure one seed; accuracies are shares of held-out sums, `samples` draws of each."""
    from pipeline.progress import Reporter
    from training.export import export
    from training.midtrain import train_in
    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl_in
    from training.run import load_run
    from training.tokenize.run import plan_job, tokenize

    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder, seed, largest)
    job = plan_job(
        (str(folder / "worked.jsonl"),), str(folder / "tokenizer"), folder / "tokens", "text", (), "answers", None
    )
    tokenize(job, 1, Reporter(quiet=True))
    vocab_size = json.loads((folder / "tokens" / "tokens.json").read_text())["tokenizer"]["vocab_size"]
    (folder / "mixture.yaml").write_text(
        yaml.safe_dump(
            {
                "name": "sums",
                "components": {"sums": {"tokens": "tokens", "weight": 1}},
                "sequence_length": LENGTH,
                "seed": seed,
            }
        )
    )
    mid = {
        "name": "sums-mid",
        "model": {"config": {**MODEL, "vocab_size": vocab_size}, "dtype": "float32"},
        "mixture": "mixture.yaml",
        "num_steps": mid_steps,
        "sequences_per_step": 32,
        "schedule": {"lr": 3e-3, "warmup_tokens": 20 * 32 * LENGTH},
        "parallel": {"micro_batch": 32},
        "checkpoints": {"every_steps": mid_steps},
        "watch": {"every_steps": mid_steps, "tensorboard": False},
        "seed": seed,
    }
    (folder / "mid.yaml").write_text(yaml.safe_dump(mid))
    started = time.process_time()
    checkpoint = train_in(world, load_run(folder / "mid.yaml"), folder / "mid")
    mid_cpu_s = time.process_time() - started
    export(checkpoint, folder / "base", dtype="float32", tokenizer=folder / "tokenizer")
    rl = {
        "name": "sums-rl",
        "model": {"path": "base", "dtype": "float32"},
        "tokenizer": "tokenizer",
        "prompts": {"path": "prompts.jsonl", "template": str(folder / "sum.yaml"), "retire_after": None},
        "num_steps": rl_steps,
        "prompts_per_step": 16,
        "prompts_per_update": 16,
        "sampling": {"samples": 8, "lengths": [{"step": 0, "max_new_tokens": 24}], "max_batch": 128, "seed": seed},
        "reward": {"function": "benchmarks.rl_sums:right_sum", "last_box": False},
        "lr": 2e-4,
        "checkpoints": {"every_steps": rl_steps},
        "watch": {"every_steps": max(1, rl_steps // 4), "tensorboard": False},
    }
    (folder / "rl.yaml").write_text(yaml.safe_dump(rl))
    before = accuracy(folder / "base", folder, samples)
    started = time.process_time()
    last = train_rl_in(world, load_rl_run(folder / "rl.yaml"), folder / "rl")
    rl_cpu_s = time.process_time() - started
    export(last, folder / "policy", dtype="float32")
    after = accuracy(folder / "policy", folder, samples)
    return {
        "seed": seed,
        "before": before,
        "after": after,
        "mid_cpu_s": round(mid_cpu_s, 1),
        "rl_cpu_s": round(rl_cpu_s, 1),
    }


def accuracy(model: Path, folder: Path, samples: int) -> float:
    """Share of right sums among samples at temperature 1.0."""
    from training.evaluate.model import open_model
    from training.rl.rollout import Request, Sampling

    engine, tokenizer = open_model(str(model), "float32", 256)
    rows = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    prompts = [tuple(tokenizer.encode(f"Q{row['question']}A")) for row in rows]
    requests = [Request(prompt, place, sample) for place, prompt in enumerate(prompts) for sample in range(samples)]
    sampling = Sampling(max_new_tokens=24, stop=(".",), seed=123)
    completions = engine.generate(requests, sampling)
    right = [
        right_sum(rows[request.prompt]["answer"], item.text, None, 0)
        for request, item in zip(requests, completions, strict=True)
    ]
    return sum(right) / len(right)


def _save_tokenizer(folder: Path) -> None:
    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1, **{letter: place + 2 for place, letter in enumerate(DIGITS)}}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = Fuse()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>").save_pretrained(folder)


def _jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Run the seeds, print, write rl-sums.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--mid-steps", type=int, default=250)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path, help="keep the runs in this folder, and the results too")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    results = []
    with tempfile.TemporaryDirectory() as temporary, join_world() as world:
        for seed in range(options.seeds):
            folder = (options.out or Path(temporary)) / f"seed-{seed}"
            results.append(run_seed(world, folder, seed, options.mid_steps, options.steps))
            print(results[-1], flush=True)
    write_json((options.out or RESULTS) / "rl-sums.json", {**environment(("torch", "transformers")), "seeds": results})
    if any(result["after"] - result["before"] < RISE for result in results):
        raise SystemExit(f"accuracy rises by less than {RISE:.0%}")


if __name__ == "__main__":
    main()
