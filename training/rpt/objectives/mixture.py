"""Several objectives in one run, by weight (RLPT, arXiv 2509.19249: next segments + λ × middle segments)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.files import digest
from training.rl.noise import uniforms
from training.rl.scorer import Scorers
from training.rpt.document import Document
from training.rpt.objectives.objective import Objective, Question, Rating


class Mixture:
    """Each position is asked by one of the objectives, chosen with a chance in proportion to its weight.

    So the expected loss is Σ weight × loss of the objective, up to a factor, and no answer is drawn for nothing. The
    choice depends on seed, document and position alone.

    Args:
        parts: the objectives with their weights; those that ask an average agree on its decay.
        seed: of the choice.
    """

    def __init__(self, parts: Sequence[tuple[float, Objective]], seed: int) -> None:
        self._parts, self._seed = [part for _, part in parts], seed
        weights = np.array([weight for weight, _ in parts])
        self._edges = np.cumsum(weights / weights.sum())
        self.stop = tuple(dict.fromkeys(stop for part in self._parts for stop in part.stop))
        self.overhead = max(part.overhead for part in self._parts)
        self.average_decay = next((part.average_decay for part in self._parts if part.average_decay is not None), None)
        self.digest = digest([[(weight, part.digest) for weight, part in parts], seed])

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """The question of the objective that has this position."""
        chance = uniforms(self._seed, 0, np.array([document.ordinal]), np.array([offset]), 1)[0]
        part = min(int(np.searchsorted(self._edges, chance, side="right")), len(self._parts) - 1)
        question = self._parts[part].question(document, offset, start)
        return question if isinstance(question, str) else replace(question, part=part)

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, what its own objective says; each one is asked once, even about nothing."""
        rated: list[list[Rating]] = [[] for _ in questions]
        for place, part in enumerate(self._parts):
            mine = [number for number, question in enumerate(questions) if question.part == place]
            found = part.rate([questions[number] for number in mine], [responses[number] for number in mine], scorers)
            for number, ratings in zip(mine, found, strict=True):
                rated[number] = ratings
        return rated

    def example(self, question: Question, thought: str) -> str | None:
        """That of the question's own objective."""
        return self._parts[question.part].example(question, thought)
