"""A tiny RPT run: a random model, a tokenizer of single characters, texts in which sums are worked out."""

from pathlib import Path

import yaml

from pipeline.files import file_digest
from support.positions import write_positions
from support.rl import CHARACTERS, MODEL, save_tokenizer
from support.tokens import write_tokens
from training.rpt.settings import LoadedRptRun, load_rpt_run
from training.tokens import Tokenizer
from training.world import World

EOS = 1
TEXTS = [f"{a}+{b}={a + b}. and {b}+{a}={a + b}." for a in range(3) for b in range(1, 5)]


def ids(text: str) -> list[int]:
    """Token ids of a text."""
    return [CHARACTERS.index(letter) + 2 for letter in text]


def write_ground(folder: Path, texts: list[str] | None = None) -> None:
    """Tokenizer, template, token shards, and positions at every token, of entropies 0 to 2 nats."""
    save_tokenizer(folder / "tokenizer")
    tokenizer = Tokenizer(
        name="letters",
        revision=None,
        xxh3_128=file_digest(folder / "tokenizer/tokenizer.json"),
        vocab_size=len(CHARACTERS) + 2,
        eos=EOS,
        bos=None,
    )
    (folder / "tiny.yaml").write_text(
        'head: "Q"\nmask: "*"\ntail: "A"\ncarrier: {form: marked, open: "#", close: "?"}\nstop: ["?"]\n',
        encoding="utf-8",
    )
    (folder / "thought.yaml").write_text('tail: "Q"\nresume: "?"\nstop: ["?"]\n', encoding="utf-8")
    documents = [[*ids(text), EOS] for text in texts or TEXTS]
    tokens = write_tokens(folder / "tokens", documents, tokenizer=tokenizer)
    rows = [
        (document, offset, (7 * document + 3 * offset) % 21 / 10)
        for document, tokens_of in enumerate(documents)
        for offset in range(1, len(tokens_of) - 1)
    ]
    write_positions(folder / "positions", tokens, rows)


def write_run(folder: Path, **fields: object) -> LoadedRptRun:
    """A run file with everything that it names beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokens").is_dir():
        write_ground(folder)
    settings: dict[str, object] = {
        "name": "tiny",
        "model": {"config": MODEL, "dtype": "float64"},
        "tokenizer": "tokenizer",
        "positions": {"path": "positions", "selection": {"low": 0.5, "together": 2}},
        "objective": {"kind": "information_gain", "template": "thought.yaml", "decay": 0.9},
        "max_prompt_tokens": 24,
        "num_steps": 4,
        "prompts_per_step": 4,
        "prompts_per_update": 2,
        "sampling": {"samples": 3, "lengths": [{"step": 0, "max_new_tokens": 6}]},
        "lr": 0.01,
        "parallel": {"micro_batch_tokens": 60},
        "checkpoints": {"every_steps": 2},
        "watch": {"tensorboard": False},
        **fields,
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return load_rpt_run(folder / "run.yaml")


def two_ranks_run(world: World, folder: str) -> str:
    """A run in a group of two, every rank with the same file."""
    from training.rpt.train import train_rpt_in

    return str(train_rpt_in(world, load_rpt_run(Path(folder) / "run.yaml"), Path(folder) / "out"))
