"""RL on one GPU: what the embedded engine draws beside transformers' `generate`, and a GRPO step by its phases.

    python -m benchmarks.gpu_rl                          Llama-3.2-1B's shape, under eight minutes
    python -m benchmarks.gpu_rl --shape tiny             the same program on a CPU, a minute

Random weights in bfloat16 (float32 on a CPU), no network. Drawing: prompts of 256 tokens, 8 answers of 256 tokens to
each, 64 and 256 at a time; transformers' own model with its SDPA attention, the engine as it is, and on a GPU the
engine with CUDA graphs, which in float32 must draw the answers that it draws without. The step: 16 prompts × 8 answers
of 512 tokens, two updates of 64 answers, as `mathmill train rl` does it; seconds of each phase and the peak memory are
of the last step. Each measurement is a process of its own. Ends with 1 when the engine's best is below 5 times
`generate` on a GPU, or a graph draws something else.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.gpu_midtrain import ROOT, SHAPES, environment

RESULT = ROOT / "benchmarks" / "results" / "gpu-rl.json"
SAMPLES, STEPS, PROMPTS_PER_STEP = 8, 3, 16
FLOOR = 5.0
_DEADLINE_S = 240


@dataclass(frozen=True)
class Sizes:
    """Answers at a time, and tokens of prompts, of answers that are only drawn, and of those of a step."""

    batches: tuple[int, ...] = (64, 256)
    prompt: int = 256
    drawn: int = 256
    step: int = 512


SIZES = {"1b": Sizes(), "3b": Sizes(), "tiny": Sizes((16,), 32, 32, 32)}


class Blank:
    """A tokenizer that the engine needs for texts alone; nothing ends an answer."""

    eos_token_id = None

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        """No text."""
        return ""


def main() -> int:
    """Measure, print, write results/gpu-rl.json; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="1b", choices=sorted(SHAPES))
    parser.add_argument("--result", type=Path, default=RESULT, help="result file")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "BATCH"), help="internal")
    args = parser.parse_args()
    if args.one:
        what, batch = args.one[0], int(args.one[1])
        print(json.dumps(train(args.shape) if what == "step" else draw(args.shape, what, batch)))
        return 0
    figures: dict[str, Any] = {"draw": {}, "step": _apart(args.shape, "step", 0)}
    print("step", figures["step"], flush=True)
    for batch in SIZES[args.shape].batches:
        found = {side: _apart(args.shape, side, batch) for side in ("generate", "engine", "graphs")}
        figures["draw"][str(batch)] = found
        for side, values in found.items():
            print(f"{batch:4} {side:9} {values}", flush=True)
    found = {"environment": environment() | {"command": f"python -m benchmarks.gpu_rl --shape {args.shape}"}, **figures}
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if found["environment"]["device"] == "cpu" else _verdict(figures["draw"])


def _apart(shape: str, what: str, batch: int) -> dict[str, Any]:
    """One measurement in a process of its own; {"failed": why} when there is none."""
    command = [sys.executable, "-m", "benchmarks.gpu_rl", "--shape", shape, "--one", what, str(batch)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_DEADLINE_S)
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {_DEADLINE_S} s"}
    if done.returncode:
        return {"failed": done.stderr.splitlines()[-3:]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _verdict(drawn: dict[str, Any]) -> int:
    code = 0
    for batch, found in drawn.items():
        speeds = {side: values.get("tokens_per_s", 0.0) for side, values in found.items()}
        best = max(speeds["engine"], speeds["graphs"])
        if best < FLOOR * speeds["generate"] or not speeds["generate"]:
            print(f"{batch}: {best:,.0f} tokens/s, {speeds['generate']:,.0f} by generate; the target is {FLOOR} times")
            code = 1
        if found["graphs"].get("drawn") != found["engine"].get("drawn"):
            print(f"{batch}: answers by graphs are not those without")
            code = 1
    return code


def draw(shape: str, side: str, batch: int) -> dict[str, Any]:
    """Tokens per second of one way to draw, its peak memory, and a few answers that it draws in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from training.rl.engine import EmbeddedEngine
    from training.rl.graphs import CudaGraphs
    from training.rl.rollout import Request, Sampling

    cuda = torch.cuda.is_available()
    if side == "graphs" and not cuda:
        return {"skipped": "no GPU"}
    device, dtype = ("cuda", "bfloat16") if cuda else ("cpu", "float32")
    sizes = SIZES[shape]
    config = AutoConfig.for_model(**SHAPES[shape].config)
    config.eos_token_id = config.bos_token_id = None
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype), attn_implementation="sdpa").eval()
    prompts = np.random.default_rng(1).integers(0, config.vocab_size, (batch // SAMPLES, sizes.prompt))
    if side == "generate":
        ids = torch.from_numpy(np.repeat(prompts, SAMPLES, 0)).to(device)
        options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0}

        def run() -> None:
            lengths = {"min_new_tokens": sizes.drawn, "max_new_tokens": sizes.drawn}
            model.generate(ids, attention_mask=torch.ones_like(ids), **lengths, **options)

        return {"tokens_per_s": _speed(run, batch * sizes.drawn), **_memory()}
    recorder = CudaGraphs() if side == "graphs" else None
    requests = [
        Request(tuple(prompt.tolist()), place, sample)
        for place, prompt in enumerate(prompts)
        for sample in range(SAMPLES)
    ]
    weights = dict(model.named_parameters())
    engine = EmbeddedEngine(config, Blank(), device, dtype, batch, recorder)
    engine.update_weights(weights, 0)
    sampling = Sampling(max_new_tokens=sizes.drawn)
    speed = _speed(lambda: engine.generate(requests, sampling), batch * sizes.drawn)
    memory = _memory()
    engine.close()
    precise = EmbeddedEngine(config, Blank(), device, "float32", 4, CudaGraphs() if side == "graphs" else None)
    precise.update_weights(weights, 0)
    few = precise.generate(requests[::SAMPLES][:4], Sampling(max_new_tokens=32))
    return {"tokens_per_s": speed, **memory, "drawn": [list(completion.tokens) for completion in few]}


def _speed(run: Any, tokens: int) -> float:
    """Tokens per second: the median of three, after one to warm up."""
    import torch

    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return round(tokens / median(seconds[1:]), 1)


def _memory() -> dict[str, float]:
    import torch

    return {"peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)} if torch.cuda.is_available() else {}


def train(shape: str) -> dict[str, Any]:
    """The last step of a short GRPO run: seconds by phase, tokens, and peak memory."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl
    from training.watch import read_metrics

    cuda = torch.cuda.is_available()
    sizes = SIZES[shape]
    with tempfile.TemporaryDirectory(prefix="gpu-rl-") as folder:
        work = Path(folder)
        values = dict(SHAPES[shape].config)
        size = values["vocab_size"]
        torch.manual_seed(0)
        config = AutoConfig.for_model(**values, eos_token_id=0, bos_token_id=None, pad_token_id=0)
        AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(work / "model")
        words = Tokenizer(models.WordLevel({f"w{token}": token for token in range(size)}, unk_token="w0"))
        words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0", pad_token="w0").save_pretrained(work / "model")
        rng = np.random.default_rng(0)
        with (work / "prompts.jsonl").open("w", encoding="utf-8") as file:
            for _ in range(STEPS * PROMPTS_PER_STEP):
                question = " ".join(f"w{token}" for token in rng.integers(1, size, sizes.prompt))
                file.write(json.dumps({"question": question, "answer": "1"}) + "\n")
        (work / "plain.yaml").write_text('prompt: "{question}"\n', encoding="utf-8")
        run = {
            "name": "step",
            "model": {"path": "model", "dtype": "bfloat16" if cuda else "float32", "compile": False},
            "prompts": {"path": "prompts.jsonl", "template": str(work / "plain.yaml"), "retire_after": None},
            "num_steps": STEPS,
            "prompts_per_step": PROMPTS_PER_STEP,
            "prompts_per_update": PROMPTS_PER_STEP // 2,
            "sampling": {
                "samples": SAMPLES,
                "lengths": [{"step": 0, "max_new_tokens": sizes.step}],
                "max_batch": PROMPTS_PER_STEP * SAMPLES,
            },
            "engine": {"kind": "embedded", "cuda_graphs": cuda},
            "reward": {"function": "benchmarks.grpo_step:score_response"},
            "checkpoints": {"every_steps": STEPS + 1},
            "watch": {"tensorboard": False},
        }
        (work / "run.yaml").write_text(json.dumps(run), encoding="utf-8")  # JSON is YAML
        train_rl(load_rl_run(work / "run.yaml"), work / "out")
        last = [event for event in read_metrics(work / "out") if "train/loss" in event][-1]
    phases = {name: round(value, 3) for name, value in last.items() if name.startswith("time/")}
    tokens = round(last["rollout/length"] * PROMPTS_PER_STEP * SAMPLES)
    return {**phases, "answer_tokens": tokens, "sampler_gap": last["policy/sampler_max_gap"], **_memory()}


if __name__ == "__main__":
    sys.exit(main())
