"""Information gain of a thought (RLP, arXiv 2510.01265): how much likelier the next token is with it than without."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rl.scorer import Scorers
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.frame import Frame
from training.rpt.objectives.objective import Question, Rating
from training.rpt.templates import LoadedRptTemplate


class InformationGainSettings(Frozen):
    """Reward a thought for what it tells about the next token; nothing is predicted."""

    kind: Literal["information_gain"] = "information_gain"
    """Which objective this is."""
    template: str = "rpt-thought"
    """Shipped RPT template, or a template file; relative paths start at the run file."""
    decay: float = Field(default=0.999, ge=0, lt=1)
    """Of the moving average of the policy that a thought has to beat, per update (RLP: 0.999)."""


class InformationGain:
    """The objective: r = log π(x_t | context, thought) − log p̄(x_t | context), in nats; p̄ is the moving average.

    The first is taken behind the prompt, the thought and the template's `resume`; the second behind the document alone.
    The reward is neither clipped nor scaled: RLP prints none of that. Its advantage G / (G − 1) · (r − mean) is
    `leave_one_out`; its loss is on the thought's tokens, which are all that a response has here.
    """

    def __init__(self, settings: InformationGainSettings, template: LoadedRptTemplate, encoder: Encoder) -> None:
        self._frame, self._encoder = Frame(template, encoder), encoder
        self._resume, self._tag = encoder.inside(template.resume), template.resume.strip().encode()
        self.average_decay, self.stop = settings.decay, template.stop
        self.overhead, self._before, self._after = self._frame.overhead, template.carrier.before, template.resume
        self.digest = digest([settings.model_dump(exclude={"template"}), template.digest])

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """The token at `offset`."""
        refusal = self._frame.refusal(document, offset, start)
        if refusal is not None:
            return refusal
        one = slice(offset, offset + 1)
        return self._frame.ask(document, offset, start, target=document.ids[one], continuation=document.pieces[one])

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, the gains of its responses; asks the policy and the average once."""
        assert scorers.average is not None, "the trainer keeps an average where average_decay is one"
        thoughtful = [
            (question.prompt + self._encoder.before(response, self._tag) + self._resume, question.target)
            for question, group in zip(questions, responses, strict=True)
            for response in group
        ]
        with_thought = iter(scorers.policy.logprobs(thoughtful))
        plain = scorers.average.logprobs([(question.plain, question.target) for question in questions])
        return [
            [_rating(next(with_thought)[0], before[0]) for _ in group]
            for before, group in zip(plain, responses, strict=True)
        ]

    def example(self, question: Question, thought: str) -> str | None:
        """The thought and its end; nothing is predicted."""
        return f"{self._before}{thought}{self._after}"


def _rating(thoughtful: float, plain: float) -> Rating:
    gain = thoughtful - plain
    return Rating(gain, gain > 0, parts={"with_thought": thoughtful, "without_thought": plain})
