"""What of a document a prompt shows: all before the position where it fits, else a window that neighbours share.

A window begins at 0 or at a multiple of the hop, at the first one from which the context fits. So a long document's
positions in a stretch of `hop` tokens have the same window start: their contexts nest, and are computed once. The
context is then at least `limit − hop` tokens long and at most `limit`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Windows:
    """Windows of at most `limit` tokens before a position, at multiples of `hop`, which is at most `limit`."""

    limit: int
    hop: int

    def start(self, offset: int) -> int:
        """First token of the context of the position at `offset`, both counted behind the document's opening."""
        beyond = offset - self.limit
        return 0 if beyond <= 0 else -(-beyond // self.hop) * self.hop
