"""The peer of `python -m benchmarks.grpo_step`: TRL's GRPOTrainer on the same model, prompts and reward.

Run in the environment of trainers.txt: trl_grpo.py FOLDER STEPS; writes FOLDER/trl.json.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


class Steps(TrainerCallback):  # type: ignore[misc]
    """CPU seconds, total and by phase, at the end of each generation's last update."""

    def __init__(self, updates: int) -> None:
        self.updates = updates
        self.now = {"generate": 0.0, "log-probs": 0.0, "tokens": 0.0, "scoring": 0.0}
        self.ends: list[dict[str, float]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note them."""
        if state.global_step % self.updates == 0:
            self.ends.append({**self.now, "total": time.process_time()})


class Timed(GRPOTrainer):  # type: ignore[misc]
    """The trainer, with its phases timed."""

    steps: Steps

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        result = super()._generate_single_turn(*args, **kwargs)
        self.steps.now["generate"] += time.process_time() - started
        self.steps.now["tokens"] += sum(map(len, result[0]))
        return result

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if not torch.is_grad_enabled():
            self.steps.now["log-probs"] += time.process_time() - started
        return result

    def _generate_and_score_completions(self, *args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        result = super()._generate_and_score_completions(*args, **kwargs)
        self.steps.now["scoring"] += time.process_time() - started
        return result


def score(completions: list[str], **_: Any) -> list[float]:
    """The reward of the benchmark."""
    return [sum(map(ord, completion)) % 1009 / 1009 for completion in completions]


def main() -> None:
    """Train, and write CPU seconds by phase, from the end of the first step on."""
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = json.loads((folder / "trl-settings.json").read_text())
    updates = settings["steps_per_generation"]
    rows = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    clock = Steps(updates)
    trainer = Timed(
        model=AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32),
        args=GRPOConfig(**settings, output_dir=str(folder / "trl-out"), max_steps=steps * updates),
        train_dataset=Dataset.from_dict({"prompt": [row["question"] for row in rows]}),
        reward_funcs=[score],
        processing_class=AutoTokenizer.from_pretrained(folder / "model"),
        callbacks=[clock],
    )
    trainer.steps = clock
    trainer.train()
    spent = {name: clock.ends[-1][name] - clock.ends[0][name] for name in clock.ends[0]}
    phases = {"generate": spent["generate"], "log-probs": spent["log-probs"]}
    phases["update"] = spent["total"] - spent["scoring"]
    phases["rest"] = spent["scoring"] - spent["generate"] - spent["log-probs"]
    result = {"steps": steps - 1, "cpu_s": spent["total"], "phases": phases, "tokens": spent["tokens"]}
    (folder / "trl.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
