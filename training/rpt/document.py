"""A document as an objective sees it: its ids, and the bytes of each, once for all positions in it."""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

from training.rl.token_bytes import TokenBytes
from training.rpt.segments import segment_ends


class Document:
    """A document of a token manifest.

    Args:
        ordinal: its number there.
        ids: all its tokens.
        token_bytes: of the tokenizer that made them.
    """

    def __init__(self, ordinal: int, ids: Sequence[int], token_bytes: TokenBytes) -> None:
        self.ordinal, self.ids = ordinal, tuple(map(int, ids))
        self._token_bytes = token_bytes

    @cached_property
    def pieces(self) -> tuple[bytes | None, ...]:
        """Bytes of each token; None for special ones."""
        return tuple(self._token_bytes.of(self.ids))

    @cached_property
    def opening(self) -> tuple[int, ...]:
        """The special tokens that the document begins with (BOS, as a rule): they open any prompt made of it."""
        count = next((place for place, token in enumerate(self.pieces) if token is not None), len(self.ids))
        return self.ids[:count]

    @cached_property
    def text(self) -> bytes:
        """The bytes of its tokens, joined; special ones have none."""
        return b"".join(token or b"" for token in self.pieces)

    @cached_property
    def edges(self) -> tuple[int, ...]:
        """Where tokens begin and end in `text`: token i is text[edges[i]:edges[i + 1]]."""
        return tuple(accumulate((len(token or b"") for token in self.pieces), initial=0))

    @cached_property
    def segments(self) -> tuple[int, ...]:
        """Where sentences end in `text`; see `training.rpt.segments`."""
        return tuple(segment_ends(self.text))
