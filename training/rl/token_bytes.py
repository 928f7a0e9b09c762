"""Bytes of every token, from the vocabulary's own byte map and never from decode().

decode() joins tokens to text: it replaces bytes that are half a character and may drop or add spaces. A reward that
compares bytes and counts token boundaries needs what each token stands for by itself.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import BadInput

_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_DROPPING = frozenset({"Whitespace", "WhitespaceSplit", "BertPreTokenizer", "CharDelimiterSplit"})
_PLAIN_DECODERS = frozenset({"ByteFallback", "Fuse", "Strip", "Replace"})


@dataclass(frozen=True)
class TokenBytes:
    """What each token of a vocabulary stands for in the middle of a text.

    The bytes of a text's ids, joined, are the text's bytes, as the tokenizer's normaliser left it (Llama-3 has none,
    Qwen's is NFC). Two things differ by the tokenizer's own doing: the dummy space that sentencepiece puts before a
    text (`▁Hello` is b" Hello", which it is in the middle of a text), and a `▁` of the text itself, which such a
    vocabulary cannot tell from a space.
    """

    table: Mapping[int, bytes | None]
    """By id; None for special tokens and for the unknown token, which stand for no text."""
    special: Mapping[int, bytes]
    """How the special tokens are written."""

    @classmethod
    def from_tokenizer(cls, tokenizer: Any) -> "TokenBytes":
        """Read the byte map of a tokenizer.

        Byte-level vocabularies (GPT-2's map: Llama-3, Qwen), sentencepiece's (`▁` for a space, `<0xE2>` for a byte:
        Llama-2, Mistral, Gemma; BPE or Unigram), and those whose tokens are literal text. Added tokens that are not
        special stand for their literal text, unless a sentencepiece vocabulary has them itself.

        Args:
            tokenizer: a tokenizers.Tokenizer, or a transformers tokenizer that holds one.

        Raises:
            BadInput: a tokenizer whose tokens do not say which bytes they stand for.
        """
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not hasattr(backend, "to_str"):
            raise BadInput(
                f"tokenizer: {type(tokenizer).__name__} holds no tokenizers.Tokenizer; take one with a tokenizer.json"
            )
        data = json.loads(backend.to_str())
        spell = _spelling(data)
        added = {token["id"]: token for token in data["added_tokens"]}
        special = {place for place, token in added.items() if token["special"]}
        special |= set(getattr(tokenizer, "all_special_ids", ()))
        unknown = _unknown(data["model"])
        # Gemma adds runs of ▁ that its vocabulary has: texts come to them through the vocabulary.
        own = set() if spell is _byte_level else set(backend.get_vocab(with_added_tokens=False))
        table: dict[int, bytes | None] = {}
        written: dict[int, bytes] = {}
        for text, place in sorted(backend.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1]):
            if place in special or (text == unknown and place not in added):
                table[place], written[place] = None, text.encode()
            else:
                table[place] = text.encode() if place in added and text not in own else spell(text, place)
        return cls(table, written)

    def of(self, ids: Sequence[int]) -> list[bytes | None]:
        """Bytes of each token; None for special ones.

        Raises:
            BadInput: an id that the vocabulary does not hold.
        """
        try:
            return [self.table[int(place)] for place in ids]
        except KeyError as error:
            raise BadInput(
                f"token id {error.args[0]} is not in the tokenizer's vocabulary of {len(self.table)}; take the "
                "tokenizer that made the ids"
            ) from error

    def response(self, ids: Sequence[int]) -> bytes:
        """Bytes of a drawn response; special tokens as they are written, so that a special `</think>` is seen.

        An id without a token (a model may have more rows than its tokenizer has tokens) stands for nothing.
        """
        return b"".join(self.table.get(place) or self.special.get(place, b"") for place in map(int, ids))


def byte_level_map() -> dict[str, int]:
    """GPT-2's map: by character of a byte-level vocabulary, the byte it stands for.

    Printable Latin-1 characters stand for themselves; the 68 other bytes, in order, for U+0100 and up.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _spelling(data: dict[str, Any]) -> Callable[[str, int], bytes]:
    """How the tokens of a tokenizer.json spell bytes: a function (text, id) -> bytes.

    Raises:
        BadInput: in no way that is known.
    """
    model = data["model"]
    before, after = list(_parts(data["pre_tokenizer"])), list(_parts(data["decoder"]))
    changes = list(_parts(data["normalizer"]))
    for part in before:
        if part["type"] in _DROPPING or part.get("behavior") == "Removed":
            raise BadInput(
                f"tokenizer: its pre-tokenizer {part['type']} drops text, so tokens do not add up to it; take a "
                "tokenizer that keeps every byte"
            )
    for field in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(field):
            raise BadInput(
                f"tokenizer: {model['type']} with {field} {model[field]!r}, which does not say where spaces are; take "
                "a byte-level or sentencepiece tokenizer"
            )
    byte_level = any(part["type"] == "ByteLevel" for part in (*before, *after, *changes))
    spaces = _spaces(before, after, changes)
    if byte_level and spaces:
        raise BadInput(
            f"tokenizer: both byte-level and with {spaces[0]!r} for spaces; which one its tokens are is unclear"
        )
    if len(spaces) > 1:
        raise BadInput(f"tokenizer: {' and '.join(map(repr, spaces))} both stand for spaces; take one that has one")
    if byte_level:
        return _byte_level
    unread = [part["type"] for part in after if part["type"] not in _PLAIN_DECODERS | {"Metaspace"}]
    if unread or model["type"] not in ("BPE", "Unigram", "WordLevel"):
        raise BadInput(
            f"tokenizer: {model['type']} with decoder {unread[0] if unread else None}: its byte map is not known; take "
            "a byte-level, sentencepiece or character tokenizer"
        )
    fallback = bool(model.get("byte_fallback")) or any(part["type"] == "ByteFallback" for part in after)

    def spell(text: str, place: int) -> bytes:
        byte = _FALLBACK.fullmatch(text) if fallback else None
        if byte:
            return bytes([int(byte[1], 16)])
        return (text.replace(spaces[0], " ") if spaces else text).encode()

    return spell


def _byte_level(text: str, place: int) -> bytes:
    try:
        return bytes(_BYTES[character] for character in text)
    except KeyError as error:
        raise BadInput(
            f"tokenizer: token {text!r} (id {place}) of a byte-level vocabulary holds {error.args[0]!r}, which stands "
            "for no byte; make it an added token"
        ) from error


def _spaces(before: list[Any], after: list[Any], changes: list[Any]) -> list[str]:
    """What stands for a space in the vocabulary, as pre-tokenizer, normaliser and decoder say."""
    found = [part["replacement"] for part in (*before, *after) if part["type"] == "Metaspace"]
    for part in (*changes, *after):
        if part["type"] == "Replace":
            old, new = part["pattern"].get("String"), part["content"]
            pair = (old, new) if part in changes else (new, old)
            if pair[0] == " " and pair[1]:
                found.append(pair[1])
    return sorted(set(found))


def _unknown(model: dict[str, Any]) -> str | None:
    """The token that stands for what the vocabulary cannot say."""
    if model["type"] == "Unigram":
        place = model.get("unk_id")
        return None if place is None else str(model["vocab"][place][0])
    return model.get("unk_token")


def _parts(part: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """A component of a tokenizer.json, or those of a sequence of them."""
    if part is None:
        return
    if part["type"] != "Sequence":
        yield part
        return
    for inner in next(part[name] for name in ("pretokenizers", "decoders", "normalizers") if name in part):
        yield from _parts(inner)


_BYTES = byte_level_map()
