"""The documents of a run as texts to learn plainly, in a seeded order: what continued training reads beside RPT."""

import numpy as np

from training.documents import DocumentTokens, Ints
from training.order import Permutation
from training.rl.lessons import Lesson
from training.rl.task import PromptState
from training.rpt.order import PositionOrder


class PlainTexts:
    """A `WarmUp` by plain next-token loss: every document once in a pass, pass after pass.

    Args:
        documents: the token shards.
        ordinals: of the documents that are learned; one of a single token teaches nothing and is left out.
        length: most tokens of a text; longer documents are cut.
        steps: of the course.
        count: texts of a step.
        lr: learning rate, constant.
        seed: of the order.
    """

    def __init__(
        self, documents: DocumentTokens, ordinals: Ints, length: int, steps: int, count: int, lr: float, seed: int
    ) -> None:
        self.steps, self.lr = steps, lr
        self._documents, self._length, self._count = documents, length, count
        lengths = documents.lengths(ordinals)
        ordinals, lengths = ordinals[lengths > 1], lengths[lengths > 1]
        # A text's first token is read and not learned, so a later piece begins with the last token of the one before.
        pieces = -(-(lengths - 1) // (length - 1))
        document = np.repeat(ordinals, pieces)
        first = (np.arange(len(document)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) * (length - 1)
        shuffled = Permutation(len(document), f"{seed}:texts")(np.arange(len(document)))
        self._document, self._first = document[shuffled], first[shuffled]
        self._order = PositionOrder(self._document, 1, seed)

    def take(self, state: PromptState) -> tuple[list[Lesson], PromptState]:
        """The next texts, and the state behind them."""
        lessons = [self._lesson(place) for place in self._order.take(state.cursor, self._count)]
        return lessons, state.model_copy(update={"cursor": state.cursor + self._count})

    def _lesson(self, place: int) -> Lesson:
        first = int(self._first[place])
        tokens = self._documents.read(int(self._document[place]))[first : first + self._length]
        return Lesson(tuple(tokens.tolist()), 1, int(self._document[place]), first)
