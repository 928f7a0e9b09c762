"""What the loop asks of a task: RL on answers and RPT are two, and the loop is one.

A task is its prompts in their order, what a completion is worth, and what is evaluated. It keeps no state: where the
order stands is a `PromptState` that goes in and comes out, so that a resume begins exactly where a checkpoint stands.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import Field

from pipeline.frozen import Frozen
from training.rl.answers import Answer
from training.rl.lessons import Language, Lesson
from training.rl.rollout import Completion, RolloutEngine
from training.rl.scorer import Scorers


@dataclass(frozen=True)
class Prompt:
    """A prompt; `index` names it within the task (its row in the file, say)."""

    index: int
    question: str
    """What is asked, for a reader of the stored answers."""
    answer: str
    """What is wanted."""
    tokens: tuple[int, ...]
    segment: tuple[int, ...] | None = None
    """Prompts of one segment share nested prefixes; None: its own answers share the prompt, and no others."""
    prefix_length: int | None = None
    """Tokens of the prompt that its segment shares; None: all."""
    document: int | None = None
    """Ordinal of the document that it was made of, where there is one."""
    offset: int | None = None
    """The token of the document that it asks for first."""


class PromptState(Frozen):
    """Where the order stands: position (epochs count on) and how many of each prompt's newest draws were all right."""

    cursor: int = 0
    streaks: dict[int, int] = Field(default_factory=dict)
    """By prompt index; absent is 0."""
    skipped: int = 0
    """Prompts passed over because nothing could be asked there."""


@dataclass(frozen=True)
class Verdict:
    """What a completion is worth; `reward` is None where it is left out of its group, `status` is how it was judged."""

    reward: float | None
    correct: bool
    status: str
    parts: Mapping[str, float] = field(default_factory=dict)
    """Terms of the reward, by name."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found: figures under the names of metrics.jsonl, and a few words for the console."""

    figures: dict[str, float]
    words: str


class WarmUp(Protocol):
    """Steps at the beginning of a run that learn texts by cross-entropy instead of drawing."""

    @property
    def steps(self) -> int:
        """How many."""
        ...

    @property
    def lr(self) -> float:
        """Their learning rate."""
        ...

    def take(self, state: PromptState) -> tuple[list[Lesson], PromptState]:
        """What the next of them learns, and the state behind it."""
        ...


EVALUATED_TOGETHER = 4096
"""Responses of an evaluation during a run that are drawn together: all processes have enough to do to the end."""


def evaluation_folder(folder: Path, step: int) -> Path:
    """Where an evaluation after `step` steps keeps its responses: emptied, as those of before may be other weights'."""
    out = folder / "evaluations" / f"step-{step:07d}"
    shutil.rmtree(out, ignore_errors=True)
    return out


class Task(Protocol):
    """What is asked, how it is rewarded, what is evaluated."""

    @property
    def digest(self) -> str:
        """Of the prompts and everything that their order depends on; a resume under another one is refused."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end a completion."""
        ...

    @property
    def longest_prompt(self) -> int:
        """Tokens of the longest prompt, or a bound on it."""
        ...

    @property
    def headline(self) -> str:
        """The figure of metrics.jsonl that a collapse shows in."""
        ...

    def take(self, state: PromptState, count: int) -> tuple[list[tuple[int, Prompt]], PromptState]:
        """The next `count` prompts, each with its position, and the state behind them.

        Raises:
            BadInput: there is none left.
        """
        ...

    @property
    def language(self) -> Language | None:
        """The plain loss on shared documents beside that of the answers, where there is one."""
        ...

    @property
    def average_decay(self) -> float | None:
        """Of the moving average of the policy that rewards ask; None: they ask none."""
        ...

    @property
    def warmup(self) -> "WarmUp | None":
        """Steps before the first draw, where there are any."""
        ...

    def reward(
        self, prompts: Sequence[Prompt], groups: Sequence[Sequence[Completion]], scorers: Scorers
    ) -> list[list[Verdict]]:
        """By prompt, what its completions are worth; every process calls once a draw, with prompts of its own."""
        ...

    def note(self, state: PromptState, answers: Sequence[Answer]) -> PromptState:
        """The state after a draw, given all its answers."""
        ...

    def figures(self, state: PromptState) -> dict[str, float]:
        """What a step's log says of the prompts."""
        ...

    def evaluate(self, step: int, engine: RolloutEngine, folder: Path) -> Evaluation | None:
        """The evaluation that is due after `step` steps, None if none is.

        Called on the first process alone, while the others draw their shares (`training.rl.spread`).

        Args:
            step: steps done; 0 before the first.
            engine: holds the weights; draws on all processes.
            folder: of the run, for what is to be kept.
        """
        ...
