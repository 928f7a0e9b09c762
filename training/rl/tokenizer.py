"""Tokenizers of models, for those who draw from them."""

from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from training.rl.settings import LoadedPolicyRun, PolicyRun

_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "spiece.model")
"""A folder with a tokenizer has one of them."""


def load_tokenizer(loaded: LoadedPolicyRun[PolicyRun]) -> Any:
    """The transformers tokenizer of a run.

    Raises:
        BadInput: there is none.
    """
    name = loaded.run.tokenizer or loaded.run.model.path
    assert name is not None
    local, field = loaded.resolve(name), "tokenizer" if loaded.run.tokenizer else "model.path"
    if not local.is_dir() and name.count("/") != 1:
        raise BadInput(f"{field}: {name!r}: no such folder; give a folder with a tokenizer, or a Hub name (OWNER/NAME)")
    return open_tokenizer(str(local) if local.is_dir() else name, f"{field}: {name!r}")


def open_tokenizer(name: str, about: str) -> Any:
    """The transformers tokenizer in a folder or on the Hub.

    Args:
        name: of folder or repository.
        about: what errors begin with.

    Raises:
        BadInput: there is none.
    """
    from transformers import AutoTokenizer

    if Path(name).is_dir() and not any((Path(name) / file).is_file() for file in _FILES):
        raise BadInput(f"{about}: no tokenizer in it, such as {_FILES[0]}; copy that of its model there, or name one")
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{about}: no tokenizer: {reason}; give a folder or Hub name that has one") from error
