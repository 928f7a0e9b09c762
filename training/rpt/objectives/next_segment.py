"""Next-segment reasoning (RLPT, arXiv 2509.19249: autoregressive segments): think, then predict the next sentence."""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Literal

from pydantic import Field

from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rl.scorer import Scorers
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.frame import Frame
from training.rpt.objectives.judge import Judge, JudgeSettings, Verdicts
from training.rpt.objectives.objective import Question, Rating
from training.rpt.objectives.sentences import text_stop
from training.rpt.templates import LoadedRptTemplate


class NextSegmentSettings(Frozen):
    """Predict the next sentence after a thought."""

    kind: Literal["next_segment"] = "next_segment"
    """Which objective this is."""
    template: str = "rpt-segment"
    """Shipped RPT template, or a template file; relative paths start at the run file."""
    horizon: int = Field(default=3, ge=1)
    """Sentences that a prediction may run over: the reward looks at so many that follow."""
    judge: JudgeSettings | None = None
    """A model that judges what is not right to the byte (RLPT); null: to the byte or not at all, offline."""


def segment_reward(prediction: bytes, segments: Sequence[bytes]) -> float:
    """RLPT's prefix rule over segments, to the byte: 1.0 or 0.0.

    1 when the prediction is the first segment, the first two, and so on; white space at its ends does not count. RLPT
    (arXiv 2509.19249) has a model judge whether a prediction means the beginning of what follows, and found that better
    than equality with one segment; this is the same rule without a model.

    Args:
        prediction: bytes of the predicted text.
        segments: what follows, sentence by sentence.
    """
    following, predicted = b"", prediction.strip()
    for segment in segments:
        following += segment
        if predicted and following.strip() == predicted:
            return 1.0
    return 0.0


class NextSegment:
    """The objective. Its positions move to the next beginning of a sentence."""

    average_decay = None

    def __init__(self, settings: NextSegmentSettings, template: LoadedRptTemplate, encoder: Encoder) -> None:
        self._frame, self._horizon = Frame(template, encoder), settings.horizon
        self._judge = None if settings.judge is None else Judge(settings.judge)
        self.stop, self.overhead = template.stop, self._frame.overhead
        judged = None if settings.judge is None else settings.judge.identity
        self.digest = digest([settings.kind, settings.horizon, judged, template.digest])

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """The first sentence that begins at `offset` or later, and those behind it that count."""
        sentence = self._frame.next_sentence(document, offset, start)
        if sentence is None:
            return "no_sentence"
        begin, end = document.edges[sentence.first], document.edges[text_stop(document, sentence.first)]
        ends = [*takewhile(lambda cut: cut < end, document.segments[sentence.index :]), end]
        return self._frame.ask(
            document,
            sentence.first,
            start,
            target=document.ids[sentence.first : sentence.last],
            continuation=tuple(document.text[left:right] for left, right in pairwise([begin, *ends[: self._horizon]])),
        )

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, what its responses are worth; a judge is asked about those that are not right to the byte."""
        predictions = self._frame.predictions(responses)
        verdicts = self._verdicts(questions, predictions)
        return [
            [_rating(prediction, question, verdicts) for prediction in group]
            for question, group in zip(questions, predictions, strict=True)
        ]

    def example(self, question: Question, thought: str) -> str | None:
        """Predicts the next sentence."""
        return self._frame.example(thought, _segments(question)[0])

    def _verdicts(self, questions: Sequence[Question], predictions: Sequence[Sequence[bytes | None]]) -> Verdicts:
        """What the judge says of predictions that are not right to the byte; nothing without a judge."""
        if self._judge is None:
            return {}
        return self._judge.verdicts(
            (prediction, b"".join(_segments(question)))
            for question, group in zip(questions, predictions, strict=True)
            for prediction in group
            if prediction is not None and prediction.strip() and not segment_reward(prediction, _segments(question))
        )


def _segments(question: Question) -> list[bytes]:
    return [piece for piece in question.continuation if piece is not None]


def _rating(prediction: bytes | None, question: Question, verdicts: Verdicts) -> Rating:
    if prediction is None:
        return Rating(0.0, False, "no_answer", parts={"to_the_byte": 0.0})
    segments = _segments(question)
    right = segment_reward(prediction, segments)
    verdict = verdicts.get((prediction, b"".join(segments)), right == 1.0)
    if isinstance(verdict, str):
        return Rating(None, False, verdict, prediction)
    return Rating(float(verdict), verdict, "ok", prediction, {"to_the_byte": right})
