"""Masked reasoning: think, then fill a gap between two contexts.

With `unit: segment` RLPT's middle sentences (arXiv 2509.19249: middle segments), with `unit: span` spans of tokens as
PretrainZero masks them (arXiv 2512.03442; its learned mask generator is not here: the positions say where gaps begin).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline.files import digest
from pipeline.frozen import Frozen
from training.rl.noise import uniforms
from training.rl.scorer import Scorers
from training.rpt.characters import is_text
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.frame import Frame
from training.rpt.objectives.objective import Question, Rating
from training.rpt.objectives.sentences import text_stop
from training.rpt.templates import LoadedRptTemplate


class MaskedSettings(Frozen):
    """Predict what is masked between two contexts, after a thought."""

    kind: Literal["masked"] = "masked"
    """Which objective this is."""
    template: str = "rpt-masked"
    """Shipped RPT template, or a template file; relative paths start at the run file. Its `mask` stands for the gap."""
    unit: Literal["segment", "span"] = "segment"
    """What is masked: the next sentence, or a span of tokens that begins at the position."""
    span_tokens: tuple[int, int] = Field(default=(1, 8), strict=False)
    """Shortest and longest span; a span ends with a whole character, so it may be longer by a few tokens."""
    right_tokens: int = Field(default=256, ge=1)
    """Most tokens that are shown behind the gap."""
    seed: int = Field(default=0, ge=0)
    """Of the lengths of spans, which depend on it, the document and the position alone."""

    @model_validator(mode="after")
    def _ordered(self) -> "MaskedSettings":
        low, high = self.span_tokens
        if not 1 <= low <= high:
            raise ValueError(f"span_tokens {[low, high]}: give the shortest first, at least 1")
        return self


def masked_reward(prediction: bytes, masked: bytes) -> float:
    """1.0 when the prediction is what is masked, else 0.0; white space at either end does not count.

    The mask stands for the gap with the spaces around it, so a prediction cannot tell which side they belong to.

    Args:
        prediction: bytes of the predicted text.
        masked: bytes of the masked text.
    """
    return float(bool(masked.strip()) and prediction.strip() == masked.strip())


class Masked:
    """The objective. The right context is part of the tail: heads and left contexts nest as ever."""

    average_decay = None

    def __init__(self, settings: MaskedSettings, template: LoadedRptTemplate, encoder: Encoder) -> None:
        self._settings, self._frame = settings, Frame(template, encoder)
        self._mask = encoder.inside(template.mask)
        self.stop = template.stop
        self.overhead = self._frame.overhead + len(self._mask) + settings.right_tokens
        self.digest = digest([settings.model_dump(exclude={"template"}), template.digest])

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """What to mask at `offset`, or of sentences the first one that begins there or later."""
        if self._settings.unit == "segment":
            sentence = self._frame.next_sentence(document, offset, start)
            if sentence is None:
                return "no_sentence"
            first, last = sentence.first, sentence.last
        else:
            refusal = self._frame.refusal(document, offset, start)
            if refusal is not None:
                return refusal
            first, last = offset, self._span_end(document, offset)
        right = document.ids[last : min(last + self._settings.right_tokens, text_stop(document, first))]
        masked = b"".join(token or b"" for token in document.pieces[first:last])
        if not right:
            return "no_right_context"
        if not masked.strip() or not is_text(masked):
            return "no_text"
        return self._frame.ask(
            document,
            first,
            start,
            target=document.ids[first:last],
            continuation=(masked,),
            tail=self._mask + right + self._frame.tail,
        )

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, 1 for the responses that fill the gap and 0 for the others."""
        return [
            [_rating(prediction, question.continuation[0] or b"") for prediction in group]
            for question, group in zip(questions, self._frame.predictions(responses), strict=True)
        ]

    def example(self, question: Question, thought: str) -> str | None:
        """Fills the gap."""
        return self._frame.example(thought, question.continuation[0] or b"")

    def _span_end(self, document: Document, first: int) -> int:
        """Where the span ends that begins at a token: as long as chance has it, then on to a whole character."""
        low, high = self._settings.span_tokens
        chance = uniforms(self._settings.seed, 0, np.array([document.ordinal]), np.array([first]), 0)[0]
        stop = text_stop(document, first)
        last = min(first + low + int(chance * (high - low + 1)), stop)
        while last < stop and not is_text(document.text[document.edges[first] : document.edges[last]]):
            last += 1
        return last


def _rating(prediction: bytes | None, masked: bytes) -> Rating:
    if prediction is None:
        return Rating(0.0, False, "no_answer")
    reward = masked_reward(prediction, masked)
    return Rating(reward, reward == 1.0, "ok", prediction)
