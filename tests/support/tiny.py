"""Tiny models, rows and runs for the tests of training; importable by the ranks they start."""

import numpy as np

from training.rows import make_rows
from training.run import ModelSettings

VOCAB = 61
LENGTH = 24

LLAMA = {
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}
QWEN = LLAMA | {"model_type": "qwen3", "head_dim": 12, "tie_word_embeddings": True}
CONFIGS = {"llama": LLAMA, "llama-tied": LLAMA | {"tie_word_embeddings": True}, "qwen-tied": QWEN}


def settings(name="llama", dtype="float64", **fields):
    return ModelSettings(config=CONFIGS[name], dtype=dtype, **fields)


def sequences(num_rows, seed=0, vocab=VOCAB, length=LENGTH):
    """Tokens, loss mask and document bounds of `num_rows` sequences: one to five documents each, uneven masks."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, vocab, (num_rows, length + 1))
    mask = rng.random((num_rows, length)) < 0.8
    bounds = []
    for row in range(num_rows):
        inner = rng.choice(np.arange(1, length), rng.integers(0, 5), replace=False)
        bounds.append(np.array([0, *sorted(inner), length], dtype=np.int32))
        mask[row, bounds[row][1:-1] - 1] = False
    return tokens, mask, bounds


def rows_of(data, first, count):
    tokens, mask, bounds = data
    return make_rows(tokens[first : first + count], mask[first : first + count], bounds[first : first + count])


def filler(count, length=LENGTH):
    whole = [np.array([0, length], dtype=np.int32)] * count
    return make_rows(np.zeros((count, length + 1), np.int64), np.zeros((count, length), bool), whole)
