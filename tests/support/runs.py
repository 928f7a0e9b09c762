"""Runs on tiny mixtures, in this process or as the command that a user types."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml

from support import tiny
from support.tokens import random_documents, write_mixture, write_tokens
from training.tokens import Tokenizer

TOKENIZER = Tokenizer(name="toy", revision=None, xxh3_128="0" * 32, vocab_size=tiny.VOCAB, eos=0, bos=None)


def write_run(folder: Path, name="tiny", mixture=None, **fields) -> Path:
    """A run file in `folder`, by default on a mixture of two components with documents enough to wrap."""
    if mixture is None:
        mixture = folder / "mix.yaml"
        if not mixture.exists():
            write_mixture_of(mixture, {"web": 0.75, "qa": 0.25})
    content = {
        "name": name,
        "model": {"config": tiny.LLAMA, "dtype": "float64"},
        "mixture": str(mixture),
        "num_steps": 8,
        "sequences_per_step": 5,
        "schedule": {"lr": 1e-2},
        "parallel": {"loader_threads": 0},
        "checkpoints": {"every_steps": 4},
        "watch": {"every_steps": 1, "tensorboard": False},
    }
    content |= fields
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def write_mixture_of(path: Path, weights: dict[str, float], seed=0, count=40, tokenizer=TOKENIZER) -> Path:
    """A mixture of fresh token shards: about `count` × 20 tokens in each component."""
    folders = {}
    for index, (name, weight) in enumerate(weights.items()):
        folder = path.parent / f"{path.stem}-{name}"
        write_tokens(folder, random_documents(seed + index, count, 20, tiny.VOCAB), tokenizer=tokenizer)
        folders[name] = (folder, weight)
    return write_mixture(path, folders, sequence_length=24, window=16)


def command(*arguments, ranks=1) -> list[str]:
    """`mathmill …`, under torchrun for more than one rank."""
    words = [str(argument) for argument in arguments]
    if ranks == 1:
        return [sys.executable, "-m", "mathmill", *words]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = ["torch.distributed.run", "--nproc-per-node", str(ranks), "--master-port", str(port)]
    return [sys.executable, "-m", *launch, "-m", "mathmill", *words]


def environment() -> dict[str, str]:
    root = Path(__file__).parents[2]
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root), "CUDA_VISIBLE_DEVICES": ""}


def run(*arguments, cwd: Path, ranks=1, check=True) -> subprocess.CompletedProcess[str]:
    """Run `mathmill …` to its end."""
    done = subprocess.run(command(*arguments, ranks=ranks), cwd=cwd, env=environment(), capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done
