"""The tokenizer of the token shards and that of the model must be one."""

from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.files import file_digest
from training.run import ModelSettings
from training.tokens import Tokenizer

FILE = "tokenizer.json"


def check_tokenizer(settings: ModelSettings, config: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Refuse tokens that the model's own tokenizer did not make, or ids that the model has no row for.

    Args:
        settings: of the run's model; a folder with a tokenizer.json is compared by digest.
        config: of the model.
        tokenizer: of the token shards.
        folder: where relative paths start.

    Raises:
        BadInput: with both names.
    """
    if config.vocab_size < tokenizer.vocab_size:
        raise BadInput(
            f"model: vocab_size {config.vocab_size}, but the tokens were made with {tokenizer.name}, which has"
            f" {tokenizer.vocab_size} ids; tokenize with the model's own tokenizer"
        )
    if settings.path is None:
        return
    own = folder / Path(settings.path).expanduser() / FILE
    if own.is_file() and file_digest(own) != tokenizer.xxh3_128:
        raise BadInput(
            f"model.path: {settings.path!r}: its {FILE} is not {tokenizer.name} ({tokenizer.xxh3_128}), which made the"
            " tokens; tokenize with the model's own tokenizer"
        )
