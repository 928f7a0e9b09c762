"""A GRPO step beside TRL's GRPOTrainer, on one core of a CPU, in one run.

    python -m benchmarks.grpo_step [--steps 3] [--repeats 2]

The same tiny Llama from the same safetensors, the same prompts, float32, AdamW, one thread, no checkpoint, no KL, and a
reward that costs nothing: 16 prompts × 8 answers of up to 128 tokens at temperature 1.0, then two updates of 64 answers
each, so that both sides compute π_old. In `equal` every answer has 128 tokens; in `varied` one token in 64 ends an
answer. CPU seconds are taken inside each process, from the end of the first step to the end of the last; the sides take
turns. TRL generates by transformers' `generate`, the only way of its that runs on a CPU. Its own default, recomputing
activations, is off. The peer has the environment of `trainer_cpu`.

Then the embedded engine beside `generate` alone, batch 64. Ends with 1 when a step is less than 1.5 times as fast.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import trainer_cpu
from benchmarks.environment import RESULTS, ROOT, environment
from benchmarks.measure import measure

VOCAB, NUM_PROMPTS, PROMPT_TOKENS = trainer_cpu.VOCAB, 64, (32, 64)
CONFIG = {**trainer_cpu.CONFIG, "max_position_embeddings": 512, "bos_token_id": None, "pad_token_id": 0}
ENDS = {"equal": [0], "varied": list(range(128))}
"""Tokens that end an answer. A random model draws all tokens about equally often."""
PROMPTS_PER_STEP, PROMPTS_PER_UPDATE, SAMPLES, NEW_TOKENS, LR = 16, 8, 8, 128, 1e-6
TRL_SETTINGS = {
    "per_device_train_batch_size": PROMPTS_PER_UPDATE * SAMPLES,
    "gradient_accumulation_steps": 1,
    "steps_per_generation": PROMPTS_PER_STEP // PROMPTS_PER_UPDATE,
    "num_generations": SAMPLES,
    "max_completion_length": NEW_TOKENS,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "beta": 0.0,
    "loss_type": "grpo",
    "scale_rewards": "group",
    "gradient_checkpointing": False,
    "learning_rate": LR,
    "lr_scheduler_type": "constant",
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "report_to": "none",
    "logging_steps": 1000,
}
FLOOR = 1.5
_PEERS = ROOT / "benchmarks" / "peers"


def main() -> int:
    """Run both sides in turn, print steps per CPU second, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="steps of a run, the first not timed (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each side (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--mathmill", type=Path, help="internal: train on this folder, write mathmill.json there")
    parser.add_argument("--decode", type=Path, help="internal: decode with this folder's model, write decode.json")
    args = parser.parse_args()
    if args.mathmill:
        train_mathmill(args.mathmill, args.steps)
        return 0
    if args.decode:
        decode(args.decode, args.repeats)
        return 0
    python = trainer_cpu.make_peer()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="grpo-") as folder:
        for case, ends in ENDS.items():
            work = Path(folder) / case
            write_inputs(work, ends)
            figures[case] = _turns(work, python, args.steps, args.repeats)
            for side in ("mathmill", "trl"):
                print(case, side, figures[case][side], flush=True)
            print(f"{case}: {figures[case]['ratio']} × TRL", flush=True)
        program = [sys.executable, "-m", "benchmarks.grpo_step", "--repeats", str(args.repeats)]
        measure([*program, "--decode", str(work)], cwd=ROOT, log=work / "decode.log")
        decoding = json.loads((work / "decode.json").read_text())
    print("decoding, tokens per CPU second:", decoding)
    result = {
        "environment": environment(["torch", "transformers", "numpy", "mathmill"]),
        "peers": environment(["torch", "transformers", "trl", "accelerate", "datasets"], python)["versions"],
        "settings": {"config": CONFIG, "trl": TRL_SETTINGS, "prompt_tokens": PROMPT_TOKENS, "steps": args.steps},
        "steps": figures,
        "decoding": decoding,
    }
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "grpo-step.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(min(case["ratio"] for case in figures.values()) < FLOOR)


def _turns(work: Path, python: Path, steps: int, repeats: int) -> dict[str, Any]:
    """Both sides in turn, `repeats` times: the medians of each, and their ratio."""
    sides = {
        "mathmill": [sys.executable, "-m", "benchmarks.grpo_step", "--mathmill", str(work), "--steps", str(steps)],
        "trl": [str(python), str(_PEERS / "trl_grpo.py"), str(work), str(steps)],
    }
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, command in sides.items():
            measure(command, cwd=ROOT, log=work / f"{side}.log")
            runs[side].append(json.loads((work / f"{side}.json").read_text()))
    found: dict[str, Any] = {}
    for side, results in runs.items():
        found[side] = {
            "steps_per_cpu_s": round(median(run["steps"] / run["cpu_s"] for run in results), 4),
            "cpu_s_per_step": {
                phase: round(median(run["phases"][phase] / run["steps"] for run in results), 3)
                for phase in results[0]["phases"]
            },
            "tokens_per_step": round(median(run["tokens"] / run["steps"] for run in results)),
        }
    found["ratio"] = round(found["mathmill"]["steps_per_cpu_s"] / found["trl"]["steps_per_cpu_s"], 3)
    return found


def score_response(gold: str, response: str, grade: Any, num_tokens: int) -> float:
    """The reward: a number in [0, 1) that is never the same for all answers of a group, and costs nothing."""
    return sum(map(ord, response)) % 1009 / 1009


def write_inputs(work: Path, ends: list[int]) -> None:
    """Model, tokenizer of one token a word, prompts of random words, template and the settings of both sides."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    work.mkdir(parents=True)
    values = {**CONFIG, "eos_token_id": ends}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(values.pop("model_type"), **values))
    model.save_pretrained(work / "model")
    words = Tokenizer(models.WordLevel({f"w{token}": token for token in range(VOCAB)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0", pad_token="w0")
    tokenizer.save_pretrained(work / "model")
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(NUM_PROMPTS):
        length = int(rng.integers(PROMPT_TOKENS[0], PROMPT_TOKENS[1] + 1))
        rows.append({"question": " ".join(f"w{token}" for token in rng.integers(128, VOCAB, length)), "answer": "1"})
    (work / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (work / "plain.yaml").write_text('prompt: "{question}"\n', encoding="utf-8")
    (work / "trl-settings.json").write_text(json.dumps(TRL_SETTINGS), encoding="utf-8")


def train_mathmill(work: Path, steps: int) -> None:
    """Train as `mathmill train rl` does, and note the CPU time of each phase."""
    import torch

    from pipeline.files import write_json
    from training.rl.engine import EmbeddedEngine
    from training.rl.learner import Learner
    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl
    from training.watch import Watcher

    run = {
        "name": "step",
        "model": {"path": "model", "dtype": "float32"},
        "prompts": {"path": "prompts.jsonl", "template": str(work / "plain.yaml"), "retire_after": None},
        "num_steps": steps,
        "prompts_per_step": PROMPTS_PER_STEP,
        "prompts_per_update": PROMPTS_PER_UPDATE,
        "sampling": {"samples": SAMPLES, "lengths": [{"step": 0, "max_new_tokens": NEW_TOKENS}], "max_batch": 128},
        "reward": {"function": "benchmarks.grpo_step:score_response"},
        "lr": LR,
        "checkpoints": {"every_steps": steps + 1},
        "watch": {"tensorboard": False},
    }
    write_json(work / "run.yaml", run)  # JSON is YAML
    torch.set_num_threads(1)
    clock = Clock()
    clock.wrap(EmbeddedEngine, "generate", "generate")
    clock.wrap(Learner, "prepare", "log-probs")
    clock.wrap(Learner, "learn", "update")
    clock.wrap(EmbeddedEngine, "update_weights", "sync")
    tokens: list[float] = []
    watcher: Any = Watcher
    event = watcher.event

    def noted(self: Watcher, step: int, found: dict[str, float]) -> None:
        if "train/loss" in found:
            tokens.append(found["rollout/length"] * PROMPTS_PER_STEP * SAMPLES)
            clock.step()
        event(self, step, found)

    watcher.event = noted
    train_rl(load_rl_run(work / "run.yaml"), work / f"out-{time.time_ns()}")
    write_json(work / "mathmill.json", {**clock.result(), "tokens": sum(tokens[1:])})


class Clock:
    """CPU seconds of this process by phase, from the end of the first step on."""

    def __init__(self) -> None:
        self._ends: list[float] = []
        self._phases: dict[str, float] = {}

    def wrap(self, owner: Any, name: str, phase: str) -> None:
        """Time what `owner.name` takes as a phase."""
        real = getattr(owner, name)
        self._phases[phase] = 0.0

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            result = real(*args, **kwargs)
            if self._ends:
                self._phases[phase] += time.process_time() - started
            return result

        setattr(owner, name, timed)

    def step(self) -> None:
        """A step has ended."""
        self._ends.append(time.process_time())

    def result(self) -> dict[str, Any]:
        """Steps after the first, their CPU seconds, and by phase."""
        seconds = self._ends[-1] - self._ends[0]
        phases = {**self._phases, "rest": seconds - sum(self._phases.values())}
        return {"steps": len(self._ends) - 1, "cpu_s": seconds, "phases": phases}


def decode(work: Path, repeats: int, batch: int = 64) -> None:
    """Tokens per CPU second of the embedded engine and of transformers' `generate`, in turn."""
    import torch
    from transformers import AutoModelForCausalLM

    from pipeline.files import write_json
    from training.evaluate.model import open_model
    from training.rl.rollout import Request, Sampling

    torch.set_num_threads(1)
    engine, _ = open_model(str(work / "model"), "float32", batch)
    model = AutoModelForCausalLM.from_pretrained(work / "model", dtype=torch.float32)
    rng = np.random.default_rng(1)
    prompts = rng.integers(128, VOCAB, (batch // SAMPLES, PROMPT_TOKENS[1]))
    requests = [
        Request(tuple(prompt.tolist()), place, sample)
        for place, prompt in enumerate(prompts)
        for sample in range(SAMPLES)
    ]
    ids = torch.tensor([request.tokens for request in requests])
    options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "eos_token_id": None, "pad_token_id": 0}

    def ours(count: int) -> None:
        engine.generate(requests, Sampling(max_new_tokens=count))

    def theirs(count: int) -> None:
        model.generate(ids, attention_mask=torch.ones_like(ids), min_new_tokens=count, max_new_tokens=count, **options)

    speeds: dict[str, list[float]] = {"mathmill": [], "transformers generate": []}
    for _ in range(repeats + 1):
        for name, generate in zip(speeds, (ours, theirs), strict=True):
            started = time.process_time()
            generate(NEW_TOKENS)
            speeds[name].append(batch * NEW_TOKENS / (time.process_time() - started))
    write_json(work / "decode.json", {name: round(median(found[1:])) for name, found in speeds.items()})


if __name__ == "__main__":
    sys.exit(main())
