"""Text to ids around a document: at the start of a prompt, in the middle of a text, and back to bytes."""

import re
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.errors import BadInput
from pipeline.files import file_digest
from training.documents import DocumentTokens
from training.rl.record import TOKENIZER
from training.rl.token_bytes import TokenBytes
from training.tokenizer import FILE

_ANCHORS = ("\n", "a", ".")
_LOOKED_AT = 16
"""Documents that tell whether a tokenizer made them."""


class Encoder:
    """The tokenizer of a run, as RPT uses it.

    Args:
        tokenizer: a tokenizers.Tokenizer, or a transformers tokenizer that holds one.

    Raises:
        BadInput: its tokens do not say which bytes they stand for.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.token_bytes = TokenBytes.from_tokenizer(tokenizer)
        self._backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        added = sorted((token.content for token in self._backend.get_added_tokens_decoder().values()), key=len)
        self._added = re.compile(f"({'|'.join(map(re.escape, reversed(added))) or '(?!)'})")

    def check(self, documents: DocumentTokens, name: str, file: Path | None = None) -> None:
        """Refuse tokens that another tokenizer made.

        Args:
            documents: the tokens.
            name: of this tokenizer, for the message.
            file: where its tokenizer.json would be.

        Raises:
            BadInput: naming both.
        """
        if not self.may_have_made(documents, file):
            manifest = documents.manifest
            raise BadInput(
                f"tokenizer: {name!r} is not {manifest.tokenizer.name} ({manifest.tokenizer.xxh3_128}), which made the "
                f"tokens in {manifest.folder}; give that one, or tokenize with the model's own"
            )

    def may_have_made(self, documents: DocumentTokens, file: Path | None = None) -> bool:
        """Whether tokens are this tokenizer's: by its file's digest, else by what it makes of the first documents.

        A tokenizer that was saved anew has another digest and makes the same tokens. What a model drew may be cut in
        other ways; such tokens are known by the vocabulary of the run that drew them.
        """
        manifest, table = documents.manifest, self.token_bytes.table
        theirs = manifest.tokenizer
        if file is not None and file.is_file() and file_digest(file) == theirs.xxh3_128:
            return True
        if manifest.source.kind == "rollouts":
            run = manifest.folder / manifest.source.location / TOKENIZER / FILE
            return run.is_file() and _vocabulary(Tokenizer.from_file(str(run))) == _vocabulary(self._backend)
        if len(table) < theirs.vocab_size or table.get(theirs.eos, b"") is not None:
            return False
        for ordinal in range(min(documents.documents, _LOOKED_AT)):
            ids = tuple(token for token in documents.read(ordinal).tolist() if token not in (theirs.eos, theirs.bos))
            if not all(token in table for token in ids):
                return False
            text = self.token_bytes.response(ids).decode(errors="replace")
            if manifest.format != "text" or self._added.search(text):  # an added token spelled out is no such token
                continue
            if ids not in (self.opening(text), self.opening(text.removeprefix(" "))):  # sentencepiece's dummy space
                return False
        return True

    def opening(self, text: str) -> tuple[int, ...]:
        """Ids of a text that begins a prompt; special tokens in it are read, none is added."""
        return self._encode(text)

    def inside(self, text: str) -> tuple[int, ...]:
        """Ids of a text in the middle of another one: they say exactly its bytes, without a dummy space.

        A tokenizer that puts a space before any text (sentencepiece) is asked behind a character, whose ids are taken
        off again.

        Raises:
            BadInput: the tokenizer says the text in other bytes.
        """
        pieces = self._added.split(text)
        found: list[int] = []
        for place, piece in enumerate(pieces):
            if place % 2:  # an added token: a sentencepiece tokenizer may put a space behind it
                found += self._encode(piece)
            elif piece:
                found += self._between(piece)
        return tuple(found)

    def prediction(self, prediction: bytes) -> tuple[int, ...]:
        """Ids of predicted bytes in the middle of a text; none where they are no text, or hold a special token."""
        try:
            ids = self.inside(prediction.decode())
        except (UnicodeDecodeError, BadInput):
            return ()
        return () if None in self.token_bytes.of(ids) else ids

    def response(self, ids: Sequence[int], after: str | None) -> bytes:
        """Bytes of a drawn response without the special tokens that end it; the tag `after` is kept, special or not."""
        end = len(ids)
        kept = None if after is None else after.encode()
        while end and (written := self.token_bytes.special.get(int(ids[end - 1]))) is not None and written != kept:
            end -= 1
        return self.token_bytes.response(ids[:end])

    def before(self, ids: Sequence[int], tag: bytes) -> tuple[int, ...]:
        """The ids of a drawn response before the first `tag`, whole tokens; all of them where it has none.

        Special tokens at the end are left out.
        """
        pieces = [self.token_bytes.response([place]) for place in ids]
        end = len(ids)
        while end and int(ids[end - 1]) in self.token_bytes.special:
            end -= 1
        found = b"".join(pieces).find(tag) if tag else -1
        if found >= 0:
            ends = list(accumulate(map(len, pieces)))
            end = min(end, sum(place <= found for place in ends))
        return tuple(ids[:end])

    def _between(self, text: str) -> tuple[int, ...]:
        wanted = text.encode()
        for anchor in ("", *_ANCHORS):
            before = self._said(self._encode(anchor)) if anchor else b""
            ids = self._encode(anchor + text)
            count = 0
            while count < len(ids) and len(self._said(ids[:count])) < len(before):
                count += 1
            if self._said(ids[:count]) == before and self._said(ids[count:]) == wanted:
                return ids[count:]
        raise BadInput(
            f"tokenizer: says {text[:80]!r} as {self._said(self._encode(text))[:80]!r}; write it without what its "
            "normaliser changes"
        )

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._backend.encode(text, add_special_tokens=False).ids)

    def _said(self, ids: Sequence[int]) -> bytes:
        return self.token_bytes.response(ids)


def _vocabulary(tokenizer: Tokenizer) -> dict[str, int]:
    found: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    return found
