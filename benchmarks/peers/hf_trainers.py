"""The peers of `python -m benchmarks.trainer_cpu`: transformers' Trainer, or TRL's SFTTrainer with packing.

Run in an environment of its own: hf_trainers.py NAME FOLDER STEPS; writes FOLDER/NAME.json.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

SEQUENCES, LENGTH, WARM_STEPS = 8, 256, 2


class Clock(TrainerCallback):  # type: ignore[misc]
    """CPU time at the end of each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note it."""
        self.times.append(time.process_time())


def arguments(folder: Path, steps: int) -> dict[str, Any]:
    """What both trainers are told."""
    return {
        "output_dir": str(folder / "peer-out"),
        "max_steps": steps,
        "per_device_train_batch_size": SEQUENCES,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "weight_decay": 0.1,
        "adam_beta2": 0.95,
        "max_grad_norm": 1.0,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "logging_steps": 1,
        "bf16": False,
    }


def plain(model: Any, folder: Path, steps: int, clock: Clock) -> Any:
    """Trainer on the rows that mathmill packed: positions tell the documents apart."""
    rows = np.load(folder / "rows.npz")
    # Trainer shifts the labels itself: a label at t is the token at t, ignored where the loss of t-1 is masked.
    labels = np.where(np.pad(rows["mask"], ((0, 0), (1, 0)))[:, :-1], rows["tokens"][:, :-1], -100)
    data = Dataset.from_dict(
        {
            "input_ids": rows["tokens"][:, :-1].tolist(),
            "position_ids": rows["positions"].tolist(),
            "labels": labels.tolist(),
        }
    ).with_format("torch")
    model.config.use_cache = False
    return Trainer(
        model=model, args=TrainingArguments(**arguments(folder, steps)), train_dataset=data, callbacks=[clock]
    )


def packing(model: Any, folder: Path, steps: int, clock: Clock) -> Any:
    """SFTTrainer on the documents, packed by itself."""
    from trl import SFTConfig, SFTTrainer

    documents = json.loads((folder / "documents.json").read_text())
    data = Dataset.from_dict({"input_ids": [document[:LENGTH] for document in documents]})
    settings = SFTConfig(**arguments(folder, steps), packing=True, max_length=LENGTH, gradient_checkpointing=False)
    return SFTTrainer(model=model, args=settings, train_dataset=data, processing_class=tokenizer(), callbacks=[clock])


def tokenizer() -> Any:
    """SFTTrainer asks for one even where the data is ids."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<end>": 0, "<unknown>": 1}, unk_token="<unknown>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<end>")


def main() -> None:
    """Train, and write tokens per CPU second."""
    name, folder, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = AutoConfig.for_model(**json.loads((folder / "config.json").read_text()))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clock = Clock()
    trainer = (plain if name == "Trainer" else packing)(model, folder, steps, clock)
    seen: list[int] = []
    step = trainer.training_step

    def counted(model: Any, inputs: Any, *args: Any) -> Any:
        seen.append(inputs["input_ids"].numel())
        return step(model, inputs, *args)

    trainer.training_step = counted
    trainer.train()
    tokens = sum(seen[WARM_STEPS:])
    speed = tokens / (clock.times[-1] - clock.times[WARM_STEPS - 1])
    (folder / f"{name}.json").write_text(json.dumps({"tokens": tokens, "tokens_per_cpu_s": round(speed, 1)}))


if __name__ == "__main__":
    main()
