"""The positions of a run as questions: with which context, in which order, and of which documents."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.errors import BadInput
from training.documents import DocumentTokens, Ints
from training.rl.noise import uniforms
from training.rl.task import PromptState
from training.rl.token_bytes import TokenBytes
from training.rpt.document import Document
from training.rpt.objectives.objective import Objective, Question
from training.rpt.order import PositionOrder
from training.rpt.positions import Positions
from training.rpt.windows import Windows

_DOCUMENTS_KEPT = 512
"""So that a step's are read once: each is asked about when it is drawn from and again when it is rewarded."""


def are_held_out(documents: Ints, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which of the documents (ordinals) are never trained on: a `share` of them, told by (seed, ordinal) alone."""
    return uniforms(seed, 0, documents, np.zeros(len(documents), np.int64), 2) < share


def split_held_out(positions: Positions, share: float, seed: int) -> tuple[Positions, Positions]:
    """Positions to train on, and those of held-out documents."""
    held = are_held_out(positions.document, share, seed)
    return positions.take(~held), positions.take(held)


class Questions:
    """Questions at positions of documents.

    Args:
        documents: the token shards.
        token_bytes: of the tokenizer that made them.
        objective: what is asked.
        max_prompt_tokens: of a prompt.
        hop: distance of window starts; None: half the longest context.

    Raises:
        BadInput: the template leaves no room for a context.
    """

    def __init__(
        self,
        documents: DocumentTokens,
        token_bytes: TokenBytes,
        objective: Objective,
        max_prompt_tokens: int,
        hop: int | None,
    ) -> None:
        self._documents, self._token_bytes, self._objective = documents, token_bytes, objective
        self._max_prompt_tokens = max_prompt_tokens
        room = max_prompt_tokens - objective.overhead - (documents.manifest.tokenizer.bos is not None)
        if room < 1:
            raise BadInput(
                f"max_prompt_tokens: {max_prompt_tokens}: the template takes {max_prompt_tokens - room} tokens and "
                "leaves none for the text; raise it"
            )
        self.windows = Windows(room, min(room, hop or max(1, room // 2)))
        self.document = lru_cache(maxsize=_DOCUMENTS_KEPT)(self._read)

    def ask(self, ordinal: int, offset: int) -> Question | str:
        """The question at a position, or in a word why there is none."""
        question = self._objective.question(self.document(ordinal), offset, self.windows.start(offset))
        if isinstance(question, Question) and len(question.prompt) > self._max_prompt_tokens:
            return "too_long"
        return question

    def _read(self, ordinal: int) -> Document:
        return Document(ordinal, self._documents.read(ordinal).tolist(), self._token_bytes)


class QuestionOrder:
    """The positions of a run, asked in their order.

    Args:
        questions: asks at positions.
        positions: those to train on, at least one.
        together: positions of a document that follow each other.
        seed: of passes after the first.
    """

    def __init__(self, questions: Questions, positions: Positions, together: int, seed: int) -> None:
        self._questions, self._positions = questions, positions
        self._order = PositionOrder(positions.document, together, seed)

    def __len__(self) -> int:
        return len(self._positions)

    def ask(self, place: int) -> Question | str:
        """The question at a position, by its index among the run's."""
        return self._questions.ask(int(self._positions.document[place]), int(self._positions.offset[place]))

    def take(self, state: PromptState, count: int) -> tuple[list[tuple[int, int, Question]], PromptState]:
        """The next `count` questions, each with its place in the order and its position, and the state behind them.

        Positions at which nothing can be asked are passed over and counted.

        Raises:
            BadInput: nothing can be asked at any.
        """
        taken: list[tuple[int, int, Question]] = []
        cursor, skipped = state.cursor, state.skipped
        while len(taken) < count:
            if cursor - state.cursor >= len(self) and not taken:
                raise BadInput(
                    f"positions: nothing can be asked at any of {len(self):,} positions ({self.ask(0)}); give others"
                )
            for place in self._order.take(cursor, count - len(taken)):
                question = self.ask(place)
                if isinstance(question, Question):
                    taken.append((cursor, place, question))
                else:
                    skipped += 1
                cursor += 1
        return taken, state.model_copy(update={"cursor": cursor, "skipped": skipped})
