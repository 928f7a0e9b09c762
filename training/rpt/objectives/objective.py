"""The one interface of objectives: a position becomes a question, and drawn responses become ratings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from training.rl.scorer import Scorers
from training.rpt.document import Document


@dataclass(frozen=True)
class Question:
    """What is asked at a position.

    The prompt is opening, head, context and tail: questions about one document with equal heads and starts share nested
    prefixes, token by token.
    """

    document: int
    """Ordinal of the document."""
    start: int
    """Where the context begins in the document."""
    offset: int
    """Where it ends: the target begins there. An objective may move it behind the position that it was given."""
    opening: tuple[int, ...]
    """The special tokens that begin the document."""
    head: tuple[int, ...]
    context: tuple[int, ...]
    tail: tuple[int, ...]
    continuation: tuple[bytes | None, ...]
    """What follows, piece by piece, for the reward: bytes of tokens, or of segments."""
    target: tuple[int, ...]
    """The document's tokens that are asked for: the first one, or those of a segment or span."""
    wanted: str
    """The beginning of what is wanted, for a reader of stored answers."""
    part: int = 0
    """Which objective of a mixture asks."""

    @property
    def prompt(self) -> tuple[int, ...]:
        """Token ids of the prompt."""
        return self.opening + self.head + self.context + self.tail

    @property
    def prefix_length(self) -> int:
        """Tokens of the prompt that are shared with others: all before the tail."""
        return len(self.opening) + len(self.head) + len(self.context)

    @property
    def plain(self) -> tuple[int, ...]:
        """The document before the position, without any template."""
        return self.opening + self.context


@dataclass(frozen=True)
class Rating:
    """What a response is worth."""

    reward: float | None
    """None: it is left out of its group, since something else than the response decided (a judge without an answer)."""
    correct: bool
    status: str = "ok"
    """How it was judged: `ok`, `no_answer` (none in its carrier), or what went wrong."""
    prediction: bytes | None = None
    """What it predicts."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Terms of the reward, by name, for the log."""


class Objective(Protocol):
    """What is asked, and what an answer is worth. It keeps no state."""

    @property
    def digest(self) -> str:
        """Of the settings and templates; a resume under another one is refused."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end a response."""
        ...

    @property
    def average_decay(self) -> float | None:
        """Decay of the moving average of the policy that `rate` asks; None: it asks none."""
        ...

    @property
    def overhead(self) -> int:
        """Most tokens that a prompt has besides the document's opening and its context."""
        ...

    def question(self, document: Document, offset: int, start: int = 0) -> Question | str:
        """The question at a position, or why there is none, in one word to be counted.

        Args:
            document: the document.
            offset: the position: the context is ids[start:offset], the target begins at ids[offset].
            start: where the context begins, so that it has no more tokens than a prompt may.
        """
        ...

    def rate(
        self, questions: Sequence[Question], responses: Sequence[Sequence[tuple[int, ...]]], scorers: Scorers
    ) -> list[list[Rating]]:
        """By question, a rating for each of its responses (token ids, as drawn).

        Every process calls it once a draw, without questions if it has none: each call asks the scorers equally often.
        """
        ...

    def example(self, question: Question, thought: str) -> str | None:
        """A well-formed and right response that thinks `thought`, for a format warm-up.

        None where the carrier cannot carry what is right: it is to be left out and counted.
        """
        ...
