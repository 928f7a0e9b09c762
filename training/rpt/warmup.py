"""Format warm-up: a model without think tags or boxes learns the form of an answer before it is rewarded for one.

Plain cross-entropy on answers that are well-formed and right: a set thought, then the text's true next piece. It is no
part of the paper, which starts from a model that reasons already and names base models as open.
"""

from collections.abc import Callable, Sequence

from pipeline.errors import BadInput
from training.rl.lessons import Lesson
from training.rl.task import PromptState
from training.rpt.encoding import Encoder
from training.rpt.objectives.objective import Objective, Question
from training.rpt.questions import QuestionOrder
from training.rpt.settings import WarmUpSettings

_TAIL_TOKENS, _TAIL_CHARACTERS = 16, 24


class FormatWarmUp:
    """A `WarmUp` of the positions that come first in the order.

    Args:
        settings: of the run.
        order: the run's positions.
        count: answers of a step.
        objective: makes an answer of a thought.
        encoder: the run's tokenizer.
        end: id of the token that ends an answer.
        show: text of token ids.
    """

    def __init__(
        self,
        settings: WarmUpSettings,
        order: QuestionOrder,
        count: int,
        objective: Objective,
        encoder: Encoder,
        end: int,
        show: Callable[[Sequence[int]], str],
    ) -> None:
        self.steps, self.lr = settings.steps, settings.lr
        self._thoughts, self._order, self._count = settings.thoughts, order, count
        self._objective, self._encoder, self._end, self._show = objective, encoder, end, show

    def take(self, state: PromptState) -> tuple[list[Lesson], PromptState]:
        """Answers at the next positions; one that the carrier cannot carry is passed over and counted.

        Raises:
            BadInput: it can carry none.
        """
        taken, state = self._order.take(state, self._count)
        lessons = [self._lesson(cursor, question) for cursor, _, question in taken]
        found = [lesson for lesson in lessons if lesson is not None]
        if not found:
            raise BadInput(
                f"warmup: the template can carry none of {len(taken)} answers; give thoughts without its markers"
            )
        return found, state.model_copy(update={"skipped": state.skipped + len(lessons) - len(found)})

    def _lesson(self, cursor: int, question: Question) -> Lesson | None:
        tail = self._show(question.context[-_TAIL_TOKENS:])[-_TAIL_CHARACTERS:]
        thought = self._thoughts[cursor % len(self._thoughts)].replace("{tail}", tail)
        text = self._objective.example(question, thought)
        if text is None:
            return None
        tokens = self._encoder.inside(text)
        if not any(stop in text for stop in self._objective.stop):
            tokens += (self._end,)
        head = max(1, len(question.opening) + len(question.head))
        return Lesson(
            question.prompt + tokens,
            len(question.prompt),
            question.document,
            question.offset,
            context=(head, max(head, question.prefix_length)),
        )
