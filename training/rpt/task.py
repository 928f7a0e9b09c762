"""RPT as a task of the loop: positions of a corpus asked in a seeded order, the text itself the judge."""

from collections.abc import Callable, Sequence
from pathlib import Path

from training.rl.answers import Answer
from training.rl.lessons import Language
from training.rl.rollout import Completion, RolloutEngine
from training.rl.scorer import Scorers
from training.rl.task import Evaluation, Prompt, PromptState, Verdict, WarmUp
from training.rpt.evaluation import HeldOut
from training.rpt.objectives.objective import Objective, Question
from training.rpt.questions import QuestionOrder

_SHOWN = 64
"""Tokens of a context's end that stored answers show."""


class RptTask:
    """A `Task` of positions.

    Args:
        order: the positions to train on.
        objective: what is asked, and what an answer is worth.
        digest: of everything that the questions and their order depend on.
        longest_prompt: in tokens.
        show: text of token ids, for readers of stored answers.
        language: the plain loss on the contexts, where there is one.
        warmup: steps before the first draw, where there are any.
        held_out: what is evaluated, where anything is.
    """

    def __init__(
        self,
        order: QuestionOrder,
        objective: Objective,
        digest: str,
        longest_prompt: int,
        show: Callable[[Sequence[int]], str],
        language: Language | None,
        warmup: WarmUp | None,
        held_out: HeldOut | None,
    ) -> None:
        self._order, self._objective, self._show = order, objective, show
        self.digest, self.longest_prompt, self.language, self.warmup = digest, longest_prompt, language, warmup
        self._held_out = held_out
        self.headline = "rollout/accuracy" if held_out is None else held_out.headline
        self.stop, self.average_decay = objective.stop, objective.average_decay

    def take(self, state: PromptState, count: int) -> tuple[list[tuple[int, Prompt]], PromptState]:
        """The next questions.

        Raises:
            BadInput: nothing can be asked anywhere.
        """
        taken, state = self._order.take(state, count)
        return [(cursor, self._prompt(place, question)) for cursor, place, question in taken], state

    def reward(
        self, prompts: Sequence[Prompt], groups: Sequence[Sequence[Completion]], scorers: Scorers
    ) -> list[list[Verdict]]:
        """As the objective rates the completions, by their token ids."""
        questions = [self._question(prompt.index) for prompt in prompts]
        rated = self._objective.rate(questions, [[item.tokens for item in group] for group in groups], scorers)
        return [
            [Verdict(rating.reward, rating.correct, rating.status, rating.parts) for rating in group] for group in rated
        ]

    def note(self, state: PromptState, answers: Sequence[Answer]) -> PromptState:
        """Nothing: positions do not retire."""
        return state

    def figures(self, state: PromptState) -> dict[str, float]:
        """How often the run has been through its positions, and how many had nothing to ask."""
        return {"positions/passes": state.cursor / len(self._order), "positions/skipped": float(state.skipped)}

    def evaluate(self, step: int, engine: RolloutEngine, folder: Path) -> Evaluation | None:
        """Next-token accuracy on held-out positions, where one is due."""
        return None if self._held_out is None else self._held_out.evaluate(step, engine, folder)

    def _question(self, place: int) -> Question:
        question = self._order.ask(place)
        assert isinstance(question, Question), "only what can be asked is drawn"
        return question

    def _prompt(self, place: int, question: Question) -> Prompt:
        return Prompt(
            index=place,
            question=self._show(question.context[-_SHOWN:]),
            answer=question.wanted,
            tokens=question.prompt,
            segment=(question.document, question.start, question.part),
            prefix_length=question.prefix_length,
            document=question.document,
            offset=question.offset,
        )
