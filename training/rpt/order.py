"""The order of positions, pass after pass, as a pure function of the cursor."""

from functools import lru_cache

import numpy as np

from training.documents import Ints
from training.rl.noise import uniforms


class PositionOrder:
    """Positions in an order without end: as they are given, and then anew in each further pass.

    In a further pass the positions of a document are shuffled and cut into bunches of `together`, the last of which may
    be smaller, and the bunches of all documents are shuffled. So the positions of a document that a step takes share
    their context in every pass.

    Args:
        documents: [positions] ordinals of their documents; at least one.
        together: positions of a bunch.
        seed: of the further passes.
    """

    def __init__(self, documents: Ints, together: int, seed: int) -> None:
        self._documents, self._together, self._seed = documents, together, seed
        self._pass = lru_cache(maxsize=1)(self._shuffled)

    def take(self, cursor: int, count: int) -> list[int]:
        """The positions (as indices) at cursor, cursor + 1, … of the order."""
        size, taken = len(self._documents), list[int]()
        while len(taken) < count:
            number, place = divmod(cursor + len(taken), size)
            taken += self._pass(number)[place : place + count - len(taken)].tolist()
        return taken

    def _shuffled(self, number: int) -> Ints:
        documents, size = self._documents, len(self._documents)
        if not number:
            return np.arange(size)
        within = uniforms(self._seed, number, np.arange(size), np.zeros(size, np.int64), 0)
        by_document = np.lexsort((within, documents))
        ordered = documents[by_document]
        starts = np.searchsorted(ordered, ordered)  # of each one's document
        bunch = (np.arange(size) - starts) // self._together
        return by_document[np.lexsort((bunch, ordered, uniforms(self._seed, number, ordered, bunch, 1)))]
