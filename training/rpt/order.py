"""The order of positions: epoch after epoch, those of one document in small bunches, a pure function of the cursor."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.rl.noise import uniforms

Ints = npt.NDArray[np.int64]


class PositionOrder:
    """Positions in a seeded order without end.

    In each epoch the positions of a document are shuffled and cut into bunches of `per_document`, the last of which may
    be smaller; the bunches of all documents are shuffled. So a step that takes the next positions finds those of a
    document together, and their contexts share what they have in common.

    Args:
        documents: [positions] ordinals of their documents; at least one.
        per_document: positions of a bunch; 1 shuffles positions one by one.
        seed: of the order.
    """

    def __init__(self, documents: Ints, per_document: int, seed: int) -> None:
        self._documents, self._per_document, self._seed = documents, per_document, seed
        self._epoch = lru_cache(maxsize=1)(self._shuffled)

    def take(self, cursor: int, count: int) -> list[int]:
        """The positions (as indices) at cursor, cursor + 1, … of the order."""
        size, taken = len(self._documents), list[int]()
        while len(taken) < count:
            epoch, place = divmod(cursor + len(taken), size)
            taken += self._epoch(epoch)[place : place + count - len(taken)].tolist()
        return taken

    def _shuffled(self, epoch: int) -> Ints:
        documents, size = self._documents, len(self._documents)
        within = uniforms(self._seed, epoch, np.arange(size), np.zeros(size, np.int64), 0)
        by_document = np.lexsort((within, documents))
        ordered = documents[by_document]
        starts = np.searchsorted(ordered, ordered)  # of each one's document
        bunch = (np.arange(size) - starts) // self._per_document
        shuffled = np.lexsort((bunch, ordered, uniforms(self._seed, epoch, ordered, bunch, 1)))
        return by_document[shuffled]
