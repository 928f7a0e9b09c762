"""Rewards of a response: correctness, and optional terms for format, repetition and length.

A reward is any importable `function(gold, response, grade, num_tokens) -> float | None`: `load_reward("module:name")`.
"""

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from training.rl.grading import Grade, GradingPool, grade_batch

__all__ = ["Grade", "GradingPool", "RewardSettings", "grade_answer", "grade_batch", "load_reward", "reward"]

Reward = Callable[[str, str, Grade, int], float | None]
_PERIODS = (5, 200)
_REPETITION_CHARS = 4000


class RewardSettings(Frozen):
    """What a response is worth. The defaults are OctoThinker's: ±1 for the last box, nothing else (its reward code)."""

    correct: float = 1.0
    """Reward of a correct answer."""
    wrong: float = -1.0
    """Reward of a wrong answer, or of none."""
    timeout: Literal["wrong", "drop"] = "wrong"
    """What a response is worth whose comparison timed out, ran out of memory or crashed: as much as a wrong one, or it
    is dropped from its group. Either way it is counted by status."""
    last_box: bool = True
    """Only the last box is the answer (OctoThinker); false reads separately boxed parts together, and answers without a
    box."""
    format_penalty: float = Field(default=0.0, ge=0)
    """Taken off a response without a box."""
    repetition_penalty: float = Field(default=0.0, ge=0)
    """Taken off a response in whose last 4,000 characters a pattern of 5 to 200 stands five times in a row."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Length from which `overlong_penalty` is full; null: no length term."""
    overlong_buffer: int = Field(default=0, ge=0)
    """Tokens before `max_tokens` over which the penalty grows linearly (DAPO, arXiv 2503.14476 section 3.4)."""
    overlong_penalty: float = Field(default=1.0, ge=0)
    """Penalty at `max_tokens` and above."""
    function: str | None = None
    """`module:name` of a function (gold, response, grade, num_tokens) -> float that replaces all of the above but
    `last_box`; None leaves a response out of its group. The run file's folder is searched as well."""

    @model_validator(mode="after")
    def _all_counts(self) -> "RewardSettings":
        fields = type(self).model_fields.items()
        changed = {name for name, field in fields if getattr(self, name) != field.default} - {"function", "last_box"}
        if self.function is not None and changed:
            raise ValueError(f"function replaces {', '.join(sorted(changed))}; leave out the one or the other")
        if self.max_tokens is None and (idle := sorted(changed & {"overlong_buffer", "overlong_penalty"})):
            raise ValueError(f"{idle[0]} has no effect without max_tokens; set that, or leave {idle[0]} out")
        if self.max_tokens is not None and self.overlong_buffer >= self.max_tokens:
            raise ValueError(
                f"overlong_buffer {self.overlong_buffer} leaves no length unpunished below max_tokens "
                f"{self.max_tokens}; lower it"
            )
        return self


def grade_answer(gold: str, response: str) -> float:
    """1.0 when the final answer of a response equals the gold, else 0.0.

    A comparison that times out or crashes counts as 0.0 here; `grade_batch` tells it apart.
    """
    return float(grade_batch([gold], [response])[0].correct)


def reward(settings: RewardSettings, response: str, grade: Grade, num_tokens: int) -> float | None:
    """The reward of one graded response; None where the settings drop it (status, not answer, decided)."""
    undecided = grade.status not in ("ok", "no_answer", "too_long", "too_deep")
    if undecided and settings.timeout == "drop":
        return None
    value = settings.correct if grade.correct else settings.wrong
    if settings.format_penalty and "\\boxed" not in response:
        value -= settings.format_penalty
    if settings.repetition_penalty and is_repetitive(response):
        value -= settings.repetition_penalty
    if settings.max_tokens is not None:
        value -= settings.overlong_penalty * overlong(num_tokens, settings.max_tokens, settings.overlong_buffer)
    return value


def rewards(
    settings: RewardSettings,
    golds: Sequence[str],
    responses: Sequence[str],
    num_tokens: Sequence[int],
    function: Reward | None = None,
) -> tuple[list[float | None], list[Grade]]:
    """Rewards and grades of a batch, in order; `function` is the one that the settings name.

    Raises:
        BadInput: the function gives something else than a finite number or None.
    """
    grades = grade_batch(golds, responses, last_box=settings.last_box)
    if function is not None:
        given = [function(*item) for item in zip(golds, responses, grades, num_tokens, strict=True)]
        return [_checked(value, settings.function) for value in given], grades
    rated = [reward(settings, *item) for item in zip(responses, grades, num_tokens, strict=True)]
    return rated, grades


def overlong(num_tokens: int, max_tokens: int, buffer: int) -> float:
    """DAPO's soft overlong punishment in 0..1: 0 up to `max_tokens - buffer`, then linear, 1 from `max_tokens` on."""
    start = max_tokens - buffer
    if num_tokens <= start:
        return 0.0
    return 1.0 if num_tokens >= max_tokens else (num_tokens - start) / buffer


def is_repetitive(response: str) -> bool:
    """Whether the end of a response says the same five times in a row (OctoThinker's: 5 characters or more).

    A text of period p said five times is a run of 4 p characters that equal the one p further on.
    """
    text = response[-_REPETITION_CHARS:].encode("utf-32-le", errors="surrogatepass")
    characters = np.frombuffer(text, dtype=np.uint32)
    for period in range(_PERIODS[0], min(_PERIODS[1], len(characters) // 5) + 1):
        same = characters[period:] == characters[:-period]
        if np.count_nonzero(same) >= 4 * period:
            breaks = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
            if np.diff(breaks).max() > 4 * period:
                return True
    return False


def _checked(value: object, path: str | None) -> float | None:
    if value is None or (isinstance(value, int | float | np.number) and math.isfinite(value)):
        return None if value is None else float(value)
    raise BadInput(f"reward.function: {path!r} gave {value!r}; return a finite number, or None to leave a response out")


def load_reward(path: str, folder: Path | None = None) -> Reward:
    """The function that `module:name` names.

    Args:
        path: the name.
        folder: searched for the module behind what is installed; stays on the search path.

    Raises:
        BadInput: there is no such module or function.
    """
    module, _, name = path.partition(":")
    if folder is not None and str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(f"reward.function: {path!r}: {error}; write module:name of an importable function") from error
    if not callable(found):
        raise BadInput(f"reward.function: {path!r}: is no function; write module:name of an importable function")
    function: Reward = found
    return function
