"""Where an answer in text can begin: token boundaries that are boundaries of characters too.

Answers are text and rewards compare bytes (RPT, arXiv 2506.08007, section 3.1), so a context that ends inside a UTF-8
character has no answer at all, and neither has one whose continuation never comes to the end of a character at the end
of a token. A position there is moved to the next one that can be reached.
"""

import codecs
from collections.abc import Sequence

import numpy as np

from training.documents import Bools, DocumentTokens, Ints
from training.rl.token_bytes import TokenBytes

_LONGEST = 4
"""Bytes of the longest character."""
_decoder = codecs.getincrementaldecoder("utf-8")


class Characters:
    """Which positions of documents an answer can be given at."""

    def __init__(self, vocabulary: TokenBytes, documents: DocumentTokens) -> None:
        self._documents, self._table = documents, vocabulary.table
        tokenizer = documents.manifest.tokenizer
        self._first = 1 if tokenizer.bos is None else 2
        size = 1 + max(tokenizer.vocab_size - 1, *vocabulary.table)
        self._special = np.ones(size, np.bool_)
        self._whole = np.zeros(size, np.bool_)
        for place, token in vocabulary.table.items():
            self._special[place] = token is None
            self._whole[place] = is_text(token)

    def predictable(self, document: Ints, offset: Ints) -> Bools:
        """Whether the tokens at `offset` of the documents can be asked for: [n].

        Not the first, which has no context (nor the first behind BOS); no special token, EOS among them, since it has
        no bytes to predict; none that is masked in the token shards.
        """
        special = self._special[self._documents.at(document, offset)]
        return (offset >= self._first) & ~special & self._documents.trained_at(document, offset)

    def targets(self, document: int) -> Bools:
        """Which tokens of a document can be asked for, as `predictable` says: [tokens]."""
        found: Bools = self._documents.trained(document) & ~self._special[self._documents.read(document)]
        found[: self._first] = False
        return found

    def end(self, document: int) -> int:
        """The offset behind the last token of a document that stands for text."""
        text = np.flatnonzero(~self._special[self._documents.read(document)])
        return int(text[-1]) + 1 if len(text) else 0

    def reachable(self, document: Ints, offset: Ints) -> Ints:
        """The nearest offset from each `offset` on that an answer can be given at; -1 where there is none.

        Args:
            document: [n] ordinals, sorted.
            offset: [n] offsets in them, at least 1.
        """
        before = self._documents.at(document, offset - 1)
        here = self._documents.at(document, offset)
        easy = self._whole[before] & self._whole[here]
        found = np.where(easy, offset, -1)
        hard = np.flatnonzero(~easy)
        last, tokens = -1, []
        for row in hard.tolist():
            if (now := int(document[row])) != last:
                last, tokens = now, [self._table.get(place) for place in self._documents.read(now).tolist()]
            found[row] = next_reachable(tokens, int(offset[row]))
        return found


def next_reachable(tokens: Sequence[bytes | None], offset: int) -> int:
    """The first offset from `offset` on that an answer can be given at; -1 when there is none.

    Args:
        tokens: bytes of a document's tokens; None for special ones.
        offset: of the token behind the context.
    """
    return next((at for at in range(offset, len(tokens)) if _at_boundary(tokens, at) and _can_answer(tokens, at)), -1)


def _at_boundary(tokens: Sequence[bytes | None], offset: int) -> bool:
    """Whether the context does not end with the beginning of a character."""
    length = 0
    for at in range(offset - 1, -1, -1):
        token = tokens[at]
        if token is None:
            return True
        for byte in reversed(token):
            length += 1
            if 0xC2 <= byte <= 0xF4:  # the first byte of a character of several
                return length >= (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
            if byte < 0x80 or length == _LONGEST:
                return True
    return True


def _can_answer(tokens: Sequence[bytes | None], offset: int) -> bool:
    """Whether some of the tokens from `offset` on are text: then there is a boundary to hit."""
    decoder, begun = _decoder("strict"), False
    for token in tokens[offset:]:
        if token is None:
            return False
        try:
            decoder.decode(token)
        except UnicodeDecodeError:
            return False
        begun = begun or bool(token)
        if begun and not decoder.getstate()[0]:
            return True
    return False


def is_text(token: bytes | None) -> bool:
    """Whether bytes are whole characters, one at least."""
    if not token:
        return False
    try:
        token.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
