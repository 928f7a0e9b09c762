"""A tiny RL run: a random model, a tokenizer of single characters, a reward that answers differ in."""

import json
from pathlib import Path

import yaml
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from training.rl.grading import Grade
from training.rl.settings import LoadedRlRun, load_rl_run
from training.world import World

CHARACTERS = "0123456789+-=?*# QAabcdefghijklmnopqrstuvwxyz.:\n"
MODEL = {
    "model_type": "llama",
    "vocab_size": len(CHARACTERS) + 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "eos_token_id": 1,
    "initializer_range": 0.2,
}


def vowels(gold: str, response: str, grade: Grade, num_tokens: int) -> float:
    """A reward that nearly every pair of answers differs in."""
    return sum(letter in "aeiou" for letter in response) / max(1, num_tokens)


def save_tokenizer(folder: Path, characters: str = CHARACTERS) -> Path:
    """One token per character; 0 pads, 1 ends."""
    vocabulary = {"<pad>": 0, "<eos>": 1, **{letter: place + 2 for place, letter in enumerate(characters)}}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.decoder = Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>")
    fast.save_pretrained(folder)
    return folder


def write_run(folder: Path, **fields: object) -> LoadedRlRun:
    """A run file with prompts and tokenizer beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder / "tokenizer")
    (folder / "plain.yaml").write_text('prompt: "Q{question}A"\nstop: ["?"]\n', encoding="utf-8")
    rows = [{"question": f"{n}+{n + 1}=", "answer": str(2 * n + 1)} for n in range(7)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings: dict[str, object] = {
        "name": "tiny",
        "model": {"config": MODEL, "dtype": "float64"},
        "tokenizer": "tokenizer",
        "prompts": {"path": "prompts.jsonl", "template": str(folder / "plain.yaml")},
        "num_steps": 4,
        "prompts_per_step": 4,
        "prompts_per_update": 2,
        "sampling": {"samples": 3, "lengths": [{"step": 0, "max_new_tokens": 8}, {"step": 2, "max_new_tokens": 12}]},
        "reward": {"function": "support.rl:vowels"},
        "lr": 0.01,
        "parallel": {"micro_batch_tokens": 60},
        "checkpoints": {"every_steps": 2},
        "watch": {"tensorboard": False},
        **fields,
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return load_rl_run(folder / "run.yaml")


def two_ranks_run(world: World, folder: str) -> str:
    """A run in a group of two, every rank with the same file."""
    from training.rl.train import train_rl_in

    loaded = load_rl_run(Path(folder) / "run.yaml")
    return str(train_rl_in(world, loaded, Path(folder) / "out"))
