"""A checkpoint in Hugging Face format, ready to generate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import xxhash
from transformers import AutoModelForCausalLM

from pipeline.errors import BadInput
from training.checkpoint import DONE, complete_checkpoints
from training.model import DTYPES
from training.rl.engine import EmbeddedEngine
from training.rl.tokenizer import open_tokenizer


def weights_digest(model: Any) -> str:
    """32 hex digits over the names and values of a model's parameters, in the type that it computes in."""
    state = xxhash.xxh3_128()
    for name, parameter in sorted(model.named_parameters()):
        state.update(name.encode())
        state.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy())
    return state.hexdigest()


def open_model(
    name: str, dtype: str | None, max_batch: int, on_weights: Callable[[str], None] | None = None
) -> tuple[EmbeddedEngine, Any]:
    """The engine with a model's weights, and its tokenizer.

    Args:
        name: folder (as `mathmill export` writes it) or Hub name.
        dtype: of compute; null: bfloat16 on a GPU, float32 on a CPU.
        max_batch: completions at a time.
        on_weights: told the digest of the weights; may refuse them.

    Raises:
        BadInput: no such model, or one that the engine cannot decode.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = dtype or ("bfloat16" if device == "cuda" else "float32")
    if dtype not in DTYPES:
        raise BadInput(f"--dtype {dtype}: not a choice; take {', '.join(DTYPES)}")
    if (Path(name) / DONE).is_file() or complete_checkpoints(Path(name)):
        raise BadInput(f"{name}: is of a run; `mathmill export {name} DIR` makes a model of it, and evaluate that")
    if not Path(name).is_dir() and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise BadInput(f"{name}: no such folder; give a checkpoint in Hugging Face format, or a Hub name")
    tokenizer = open_tokenizer(name, name)
    try:
        model = AutoModelForCausalLM.from_pretrained(name, dtype=DTYPES[dtype])
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{name}: {' '.join(str(error).split())[:300]}; give a checkpoint in Hugging Face format"
        ) from error
    if on_weights is not None:
        on_weights(weights_digest(model))
    engine = EmbeddedEngine(model.config, tokenizer, device, dtype, max_batch)
    engine.update_weights(dict(model.named_parameters()), version=0)
    return engine, tokenizer
