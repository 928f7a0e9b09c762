"""RPT on a synthetic language whose next token needs a short computation (`walks.py`), with its arms beside it.

    .venv/bin/python -m benchmarks.rpt_language [--seeds 3] [--jobs 2] [--out FOLDER]

For each seed: a two-layer model is mid-trained on texts of the language, a part of which show their computation; then
`train rpt --arms` on further texts, none of which does, with plain and SFT baselines at equal FLOPs and equal tokens;
then GRPO with checked answers from the base model, the plain arm and the RPT model. Everything is the project's own
way: JSONL to token shards, `train mid`, export, `positions`, `train rpt`, `train rl`, evaluation.

Accuracies are on texts that none of them saw. Exit code 1: in some seed RPT's reasoning is not better on hard positions
than its own plain next-token accuracy, with intervals that do not touch.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import walks
from benchmarks.environment import RESULTS, environment
from benchmarks.rl_sums import MODEL
from benchmarks.rpt_figure import draw
from pipeline.files import read_json, write_json
from pipeline.progress import Reporter
from training.world import join_world

NUM_LINES, NUM_LETTERS = 3, 6
MID_STEPS = range(200, 800, 25)
"""Where mid-training looks how well the model thinks; it ends at the first with `POOR`."""
POOR = 0.2
"""Share of walks that the start model is to follow in a thought: enough for rewards to differ, and far from all."""
LENGTH = 112
SHOWN = 0.3
"""Share of the documents of mid-training that show their computation; of RPT's texts none does."""
TEMPLATE = {
    "tail": "(",
    "carrier": {"form": "marked", "open": ") ", "close": "."},
    "stop": ["."],
}
"""The tail opens the brackets in which the language's own texts show a computation; no warm-up is needed."""
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "rpt-language.svg"
BANDS = {"hard": 1.5}
"""Of the evaluations during runs: the positions that need a computation."""


def run_seed(folder: Path, seed: int, rpt_steps: int, after_steps: int) -> dict[str, Any]:
    """The whole experiment for one seed; figures and CPU seconds of its parts."""
    from training.checkpoint import complete_checkpoints
    from training.export import export
    from training.rpt.arms import run_arms
    from training.rpt.settings import load_rpt_run
    from training.rpt.train import train_rpt_in

    clock = Clock()
    folder.mkdir(parents=True, exist_ok=True)
    with clock("language and tokens"):
        write_language(folder, seed, {"base": 18_000, "text": 3_000, "held-out": 400})
        vocab_size = tokenize_texts(folder, ("base", "text", "held-out"))
    with clock("mid-training"):
        mid = mid_train(folder, seed, vocab_size)
    with clock("positions"):
        for name in ("text", "held-out"):
            measure(folder, name)
    loaded = load_rpt_run(write_rpt_run(folder, seed, rpt_steps))
    with join_world() as world:
        with clock("RPT"):
            last = train_rpt_in(world, loaded, folder / "rpt")
        with clock("arms"):
            arms = run_arms(world, loaded, folder / "rpt")
    runs = {"rpt": folder / "rpt", "plain": folder / "rpt/arms/plain-flops"}
    models = {"start": folder / "base", "rpt": folder / "policy", "plain": folder / "plain"}
    export(last, models["rpt"], dtype="float32")
    export(complete_checkpoints(runs["plain"])[-1], models["plain"], dtype="float32")
    with clock("all bands"):
        bands = {name: accuracies(folder, name, path) for name, path in models.items()}
    with clock("GRPO afterwards"):
        after = {name: grpo(folder, name, path, seed, after_steps) for name, path in models.items()}
    return {
        "seed": seed,
        "mid": mid,
        "arms": [arm.summary() for arm in arms],
        "bands": bands,
        "curves": {name: curve(path) for name, path in runs.items()},
        "after": after,
        "cpu_s": clock.seconds,
    }


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


class Clock:
    """CPU seconds of parts, of this process and its children: the machine may have other work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Of what is inside."""
        begun = _cpu_seconds()
        yield
        self.seconds[name] = round(_cpu_seconds() - begun, 1)
        print(f"{name}: {self.seconds[name]} s", file=sys.stderr, flush=True)


def write_language(folder: Path, seed: int, documents: dict[str, int]) -> None:
    """Tokenizer, texts (`base` with shown computations, `text` and `held-out` without), and questions for GRPO."""
    rng = random.Random(seed)
    for name, count in documents.items():
        shown = SHOWN if name == "base" else 0.0
        rows = [{"text": walks.document(rng, NUM_LINES, NUM_LETTERS, rng.random() < shown)} for _ in range(count)]
        _jsonl(folder / f"{name}.jsonl", rows)
    for name, count in (("questions", 2000), ("held-out-questions", 300)):
        asked = [walks.draw_walk(rng, NUM_LETTERS) for _ in range(count)]
        # What reads questions strips them; the template puts the last space back.
        _jsonl(
            folder / f"{name}.jsonl", [{"question": walk.question.strip(), "answer": walk.states[-1]} for walk in asked]
        )
    (folder / "think.yaml").write_text(yaml.safe_dump(TEMPLATE), encoding="utf-8")
    (folder / "ask.yaml").write_text('prompt: "{question} ("\nstop: ["."]\n', encoding="utf-8")
    walks.save_tokenizer(folder / "tokenizer")


def tokenize_texts(folder: Path, names: Sequence[str]) -> int:
    """Token shards of the texts; the size of the vocabulary."""
    from training.tokenize.run import plan_job, tokenize

    for name in names:
        job = plan_job((str(folder / f"{name}.jsonl"),), str(folder / "tokenizer"), folder / f"{name}-tokens")
        manifest = tokenize(job, 1, Reporter(quiet=True))
    return manifest.tokenizer.vocab_size


def mid_train(folder: Path, seed: int, vocab_size: int) -> dict[str, float]:
    """The base model, exported to `base`: mid-trained until it follows some walks in a thought; steps and that share.

    Seeds differ much in when that is, and within a hundred steps more a model follows nearly all.
    """
    from training.export import export
    from training.midtrain import train
    from training.run import load_run

    _yaml(
        folder / "mixture.yaml",
        {
            "name": "walks",
            "components": {"walks": {"tokens": "base-tokens", "weight": 1}},
            "sequence_length": LENGTH,
            "seed": seed,
        },
    )
    run = {
        "name": "walks-mid",
        "model": {"config": {**MODEL, "vocab_size": vocab_size}, "dtype": "float32"},
        "mixture": "mixture.yaml",
        "num_steps": MID_STEPS[-1],
        "sequences_per_step": 16,
        "schedule": {"lr": 3e-3, "warmup_tokens": 20 * 16 * LENGTH},
        "parallel": {"micro_batch": 16},
        "checkpoints": {"every_steps": 1000},
        "watch": {"every_steps": 200, "tensorboard": False},
        "seed": seed,
    }
    path = _yaml(folder / "mid.yaml", run)
    asked = [json.loads(line)["text"].splitlines()[-1] for line in _lines(folder / "text.jsonl")[:200]]
    questions = [line.removesuffix(".")[:-1] + "(" for line in asked]
    for steps in MID_STEPS:
        last = train(load_run(path, (f"num_steps={steps}",)), folder / "mid")
        shutil.rmtree(folder / "base", ignore_errors=True)
        export(last, folder / "base", dtype="float32", tokenizer=folder / "tokenizer")
        share = answered(folder / "base", questions, [line[-2] for line in asked])
        if share >= POOR:
            break
    return {"steps": steps, "follows": share}


def measure(folder: Path, name: str) -> None:
    """Entropies of a text's positions under the base model."""
    from training.rpt.command import run_positions

    tokens, proxy = str(folder / f"{name}-tokens"), str(folder / "base")
    run_positions(tokens, proxy, folder / f"{name}-positions", floor=0.5, reporter=Reporter(quiet=True))


def write_rpt_run(folder: Path, seed: int, steps: int) -> Path:
    """The RPT run, with its evaluation and arms."""
    return _yaml(
        folder / "rpt.yaml",
        {
            "name": "walks-rpt",
            "model": {"path": "base", "dtype": "float32"},
            "positions": {"path": "text-positions", "selection": {"low": BANDS["hard"], "together": 3, "seed": seed}},
            "objective": {"kind": "next_token", "template": "think.yaml"},
            "max_prompt_tokens": LENGTH - 12,
            "num_steps": steps,
            "prompts_per_step": 24,
            "prompts_per_update": 24,
            "sampling": {
                "samples": 8,
                "temperature": 1.0,
                "lengths": [{"step": 0, "max_new_tokens": 12}],
                "max_batch": 192,
                "seed": seed,
            },
            "lr": 2e-4,
            "evaluation": {
                "positions": "held-out-positions",
                "bands": {"thresholds": BANDS},
                "count": 400,
                "max_new_tokens": 12,
                "every_steps": steps // 4,
                "at_steps": [steps // 32, steps // 16, steps // 8, steps * 3 // 8],
            },
            "arms": {"plain": {"lr": 1e-3, "texts_per_step": 24}, "sft": {"lr": 3e-4, "texts_per_step": 24}},
            "checkpoints": {"every_steps": steps},
            "watch": {"every_steps": max(1, steps // 8), "tensorboard": False},
        },
    )


def accuracies(folder: Path, name: str, model: Path) -> list[dict[str, Any]]:
    """Next-token accuracies of a model on all bands, plain and reasoning."""
    from training.evaluate.model import open_model
    from training.evaluate.positions import PositionSettings, evaluate_positions

    engine, tokenizer = open_model(str(model), "float32", 256)
    settings = PositionSettings(template=str(folder / "think.yaml"), count=900, max_new_tokens=12)
    results = evaluate_positions(
        name, engine, tokenizer, folder / "held-out-positions", settings, folder / "bands" / name, Reporter(quiet=True)
    )
    engine.close()
    return [{"task": result.task, "positions": result.problems, **asdict(result.pass_at["1"])} for result in results]


def grpo(folder: Path, name: str, model: Path, seed: int, steps: int) -> dict[str, float]:
    """GRPO with checked answers on new walks, asked without a text before them; greedy accuracy before and after."""
    from training.export import export
    from training.rl.settings import load_rl_run
    from training.rl.train import train_rl

    run = {
        "name": f"walks-grpo-{name}",
        "model": {"path": model.name, "dtype": "float32"},
        "prompts": {"path": "questions.jsonl", "template": str(folder / "ask.yaml"), "retire_after": None},
        "num_steps": steps,
        "prompts_per_step": 16,
        "prompts_per_update": 16,
        "sampling": {"samples": 8, "lengths": [{"step": 0, "max_new_tokens": 12}], "max_batch": 128, "seed": seed},
        "reward": {"function": "benchmarks.rpt_language:right_state"},
        "lr": 1e-4,
        "checkpoints": {"every_steps": steps},
        "watch": {"every_steps": max(1, steps // 4), "tensorboard": False},
    }
    rows = [json.loads(line) for line in _lines(folder / "held-out-questions.jsonl")]
    asked, golds = [f"{row['question']} (" for row in rows], [row["answer"] for row in rows]
    before = answered(model, asked, golds)
    last = train_rl(load_rl_run(_yaml(folder / f"grpo-{name}.yaml", run)), folder / f"grpo-{name}")
    after = export(last, folder / f"after-{name}", dtype="float32")
    return {"before": before, "after": answered(after, asked, golds)}


def answered(model: Path, questions: Sequence[str], golds: Sequence[str]) -> float:
    """Share of right greedy answers."""
    from training.evaluate.model import open_model
    from training.rl.rollout import Request, Sampling

    engine, tokenizer = open_model(str(model), "float32", 256)
    requests = [Request(tuple(tokenizer.encode(question)), place) for place, question in enumerate(questions)]
    completions = engine.generate(requests, Sampling(temperature=0.0, max_new_tokens=12, stop=(".",)))
    engine.close()
    right = [right_state(gold, item.text, None, 0) for gold, item in zip(golds, completions, strict=True)]
    return sum(right) / len(right)


def right_state(gold: str, response: str, grade: Any, num_tokens: int) -> float:
    """The reward of GRPO: 1 when what stands behind the bracket is the last state."""
    return float(response.rpartition(") ")[2] == gold)


def curve(run: Path) -> dict[str, Any]:
    """Accuracy on hard positions over the compute of a run, plain and reasoning, and the fit of the latter."""
    from training.evaluate.scaling_report import fit_run, read_points
    from training.rpt.selection import Bands

    (fitted,) = fit_run(run, "reasoning", Bands(thresholds=BANDS), num_resamples=1000, seed=0)
    fit, line = fitted.fitted.fit, np.geomspace(fitted.compute.min() / 1.2, fitted.compute.max() * 1.3, 60)
    low, high = fitted.fitted.band(line)
    intervals = {name: asdict(getattr(fitted.fitted, name)) for name in ("amplitude", "exponent", "limit", "r_squared")}
    return {
        **{
            f"{mode}": [float(point.hits.share.mean()) for point in read_points(run, mode)]
            for mode in ("plain", "reasoning")
        },
        "flops": [point.flops for point in read_points(run, "reasoning")],
        "fit": {**asdict(fit), "degrees_of_freedom": fit.degrees_of_freedom, "intervals": intervals},
        "line": {"flops": line.tolist(), "fit": fit.at(line).tolist(), "low": low.tolist(), "high": high.tolist()},
    }


def wins(result: dict[str, Any]) -> bool:
    """Whether RPT's reasoning is better than its own plain prediction on hard positions, beyond their intervals."""
    (rpt,) = (arm for arm in result["arms"] if arm["name"] == "rpt")
    found = {row["task"]: row["pass_at"]["1"] for row in rpt["results"]}
    return bool(found["next-token-reasoning-hard"]["low"] > found["next-token-plain-hard"]["high"])


def _jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _yaml(path: Path, value: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
    return path


def main() -> None:
    """Run the seeds, `jobs` at a time, each in a process of its own; write results/rpt-language.json and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=192, help="of RPT")
    parser.add_argument("--after-steps", type=int, default=30, help="of GRPO")
    parser.add_argument(
        "--out", type=Path, help="keep the runs in this folder; seeds that are finished there are not run again"
    )
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seed is not None:
        import torch

        torch.set_num_threads(1)
        folder = options.out / f"seed-{options.seed}"
        write_json(folder / "result.json", run_seed(folder, options.seed, options.steps, options.after_steps))
        return
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        missing = [seed for seed in range(options.seeds) if not (out / f"seed-{seed}" / "result.json").is_file()]
        running: list[subprocess.Popen[bytes]] = []
        while missing or running:
            while missing and len(running) < options.jobs:
                command = [sys.executable, "-m", "benchmarks.rpt_language", "--seed", str(missing.pop(0))]
                command += ["--steps", str(options.steps), "--after-steps", str(options.after_steps), "--out", str(out)]
                running.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
            done = running.pop(0)
            if done.wait():
                raise SystemExit(f"seed process {done.pid}: exit code {done.returncode}")
        results = [read_json(out / f"seed-{seed}" / "result.json") for seed in range(options.seeds)]
    report = {
        **environment(("torch", "transformers")),
        "cpu_s": round(sum(sum(result["cpu_s"].values()) for result in results)),
        "seeds": results,
    }
    write_json(RESULTS / "rpt-language.json", report)
    draw(results, FIGURE)
    if not all(map(wins, results)):
        raise SystemExit("in some seed RPT's reasoning is not better than its plain prediction on hard positions")


if __name__ == "__main__":
    main()
