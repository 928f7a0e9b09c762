"""Train the bundled tokenizer: `python -m pipeline.shard.tokenizers.train TEXTS.jsonl … --out FILE`.

Byte-level BPE (GPT-2's byte alphabet and word pattern), digits one by one so that a number's tokens do not depend on
its length, no normalisation, hence lossless: decoding gives back every byte. Equal texts give an equal file.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 8192
"""Entries, the special tokens and the 256 bytes among them."""

SPECIAL_TOKENS = ("<|endoftext|>", "<|pad|>")
"""Ids 0 and 1. A document ends with the first; there is no BOS."""

_LONGEST_TOKEN_CHARS = 24


def read_texts(paths: list[Path]) -> Iterator[str]:
    """The `text` of each JSONL line, files in the order given.

    Raises:
        ValueError: a line is no object with a text; the message names file and line.
    """
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                    raise ValueError(f"{path}:{number}: expected an object with a string `text`, got {line[:80]!r}")
                yield row["text"]


def train(texts: Iterator[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """A tokenizer of exactly `vocabulary` entries, or fewer when the texts do not hold as many pairs."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_LONGEST_TOKEN_CHARS,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.shard.tokenizers.train", description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXTS.jsonl", help="lines of JSON with a `text`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the tokenizer.json to write")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help="number of entries (default: %(default)s)")
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = train(read_texts(arguments.texts), arguments.vocabulary)
    tokenizer.save(str(arguments.out), pretty=False)
    print(f"{arguments.out}: {tokenizer.get_vocab_size()} entries, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
