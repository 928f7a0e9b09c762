"""Next-token reasoning (RPT, arXiv 2506.08007): think, then predict what comes next; the text is the verifier."""

from collections.abc import Sequence
from typing import Literal

from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rl.next_token import conditional_dense_rewards, dense_reward, first_token_reward, prefix_reward
from training.rl.scorer import Scorers
from training.rpt.characters import is_text
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.frame import Frame
from training.rpt.objectives.objective import Question, Rating
from training.rpt.templates import LoadedRptTemplate


class NextTokenSettings(Frozen):
    """Predict the next token after a thought."""

    kind: Literal["next_token"] = "next_token"
    """Which objective this is."""
    template: str = "rpt-v0"
    """Shipped RPT template, or a template file; relative paths start at the run file."""
    reward: Literal["prefix", "first_token", "dense", "conditional_dense"] = "prefix"
    """What a prediction is worth; see `training.rl.next_token`. RPT used `prefix` and found the others comparable."""


class NextToken:
    """The objective. Rewards are those of `training.rl.next_token`, in 0..1."""

    average_decay = None

    def __init__(self, settings: NextTokenSettings, template: LoadedRptTemplate, encoder: Encoder) -> None:
        self._reward, self._frame, self._encoder = settings.reward, Frame(template, encoder), encoder
        self.stop, self.overhead = template.stop, self._frame.overhead
        self.digest = digest([settings.model_dump(exclude={"template"}), template.digest])

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """What follows `offset`, token by token to the document's end."""
        refusal = self._frame.refusal(document, offset, start)
        if refusal is not None:
            return refusal
        return self._frame.ask(
            document,
            offset,
            start,
            target=document.ids[offset : offset + 1],
            continuation=document.pieces[offset:],
        )

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, the rewards of its responses; the dense ones ask the policy once."""
        predictions = self._frame.predictions(responses)
        right = [
            [self._right(prediction, question.continuation) for prediction in group]
            for question, group in zip(questions, predictions, strict=True)
        ]
        values = right
        if self._reward in ("dense", "conditional_dense"):
            logprobs = self._logprobs(questions, predictions, scorers)
            values = [self._dense(*group) for group in zip(right, logprobs, strict=True)]
        return [
            [
                Rating(value, one == 1.0, "no_answer" if prediction is None else "ok", prediction)
                for value, one, prediction in zip(*group, strict=True)
            ]
            for group in zip(values, right, predictions, strict=True)
        ]

    def example(self, question: Question, thought: str) -> str | None:
        """Predicts the next token, and as many more as it takes to end with a whole character."""
        prediction = b""
        for token in question.continuation:
            if not token:
                return None
            prediction += token
            if is_text(prediction):
                return self._frame.example(thought, prediction)
        return None

    def _right(self, prediction: bytes | None, continuation: Sequence[bytes | None]) -> float:
        if prediction is None:
            return 0.0
        if self._reward == "first_token":
            tokens = self._encoder.token_bytes.of(self._encoder.prediction(prediction))
            return first_token_reward([token for token in tokens if token is not None] or [prediction], continuation)
        # No token is shorter than a byte.
        return prefix_reward(prediction, continuation[: len(prediction) + 1])

    def _dense(self, right: Sequence[float], logprobs: Sequence[float | None]) -> list[float]:
        if self._reward == "conditional_dense":
            return conditional_dense_rewards(right, logprobs)
        return [dense_reward(*item) for item in zip(right, logprobs, strict=True)]

    def _logprobs(
        self, questions: Sequence[Question], predictions: Sequence[Sequence[bytes | None]], scorers: Scorers
    ) -> list[list[float | None]]:
        """log π of the first token of each prediction behind the document alone; None where it has no token."""
        first = [[self._encoder.prediction(prediction or b"")[:1] for prediction in group] for group in predictions]
        pairs = [(question.plain, token) for question, group in zip(questions, first, strict=True) for token in group]
        asked = [pair for pair in pairs if pair[1]]
        found = iter(scorers.policy.logprobs(asked))
        return [[next(found)[0] if token else None for token in group] for group in first]
