"""Texts to ids, by the rules of the tokenizer's configuration: BOS where it asks for one, EOS always."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from pipeline.errors import BadInput
from pipeline.shard.tokenizer import find_tokenizer
from training.tokenize.formats import Text
from training.tokens import Tokenizer

_END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class Encoder:
    """A tokenizer that ends every document."""

    backend: tokenizers.Tokenizer
    tokenizer: Tokenizer

    def encode(self, texts: list[Text], masked: bool) -> list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]]:
        """Ids of each text and, where `masked`, which of them are trained.

        A token is trained when it holds a trained character; EOS when the text's last character is. BOS never is.
        """
        plain = [text.text for text in texts]
        encode = self.backend.encode_batch if masked else self.backend.encode_batch_fast
        encodings = encode(plain, add_special_tokens=False)
        return [
            (self._ids(encoding.ids), _trained(text, encoding.offsets, self.tokenizer.bos is not None))
            if masked
            else (self._ids(encoding.ids), None)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def _ids(self, ids: list[int]) -> npt.NDArray[Any]:
        begin = [] if self.tokenizer.bos is None else [self.tokenizer.bos]
        return np.array([*begin, *ids, self.tokenizer.eos], self.tokenizer.dtype)


def _trained(text: Text, offsets: list[tuple[int, int]], bos: bool) -> npt.NDArray[np.bool_]:
    """Which tokens are trained, BOS and EOS included."""
    spans = np.array(text.trained, np.int64).reshape(-1, 2)
    begin, end = np.array(offsets, np.int64).reshape(-1, 2).T
    # The first span that ends behind the token's begin is the only one that can meet the token first.
    span = np.searchsorted(spans[:, 1], begin, side="right")
    starts = np.append(spans[:, 0], np.iinfo(np.int64).max)
    last = bool(len(spans)) and bool(spans[-1, 1] == len(text.text))
    return np.concatenate([np.zeros(int(bos), np.bool_), starts[span] < end, np.array([last])])


def open_encoder(name: str, eos: str | None = None) -> Encoder:
    """The encoder of a tokenizer: bundled, a tokenizer.json or its folder, or a Hub name (`@revision` if need be).

    EOS is `eos`, else the configuration's (tokenizer_config.json beside the tokenizer), else <|endoftext|> where the
    vocabulary has it. BOS is prepended when the configuration sets add_bos_token, or, where it is silent, when the
    tokenizer's own post-processing does. Special tokens that a text spells out are encoded as plain text.

    Raises:
        BadInput: there is no such tokenizer, or none of the ways names an EOS.
    """
    where = f"--tokenizer {name}"
    backend, identity, path = find_tokenizer(name, Path(name).expanduser().absolute(), where)
    backend.no_truncation()
    backend.no_padding()
    config = _config(path.parent / "tokenizer_config.json")
    end = eos or _token(config.get("eos_token")) or _END_OF_TEXT
    eos_id = backend.token_to_id(end)
    if eos_id is None:
        raise BadInput(f"{where}: no token {end} to end documents with; name one with --eos TOKEN")
    tokenizer = Tokenizer(
        **identity.model_dump(),
        vocab_size=max(backend.get_vocab(with_added_tokens=True).values()) + 1,
        eos=eos_id,
        bos=_bos(backend, config, where),
    )
    backend.encode_special_tokens = True
    return Encoder(backend, tokenizer)


def _bos(backend: tokenizers.Tokenizer, config: dict[str, Any], where: str) -> int | None:
    processed = backend.encode("", add_special_tokens=True).ids
    token = _token(config.get("bos_token"))
    bos = backend.token_to_id(token) if token is not None else None
    if config.get("add_bos_token", bos is not None and processed[:1] == [bos]):
        if bos is None:
            raise BadInput(f"{where}: add_bos_token is set, but bos_token {token!r} is no token; correct its config")
        return int(bos)
    return None


def _config(path: Path) -> dict[str, Any]:
    """tokenizer_config.json, empty where there is none."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}; export the tokenizer again") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: holds no JSON object; export the tokenizer again")
    return content


def _token(value: Any) -> str | None:
    """A token of the configuration: its text, or a record of it."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None
