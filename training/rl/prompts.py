"""Prompts of an RL run, their order, and the retirement of easy ones.

The order is a bijection per epoch. A prompt whose last `retire_after` draws were all right is passed over from then on;
this state (cursor and history) is small, and every checkpoint holds it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipeline.benchmarks import Task, load_problems
from pipeline.errors import BadInput
from pipeline.files import digest
from training.order import Permutation
from training.rl.settings import PromptSettings
from training.rl.task import Prompt, PromptState
from training.templates import load_template


class Encoder(Protocol):
    """The part of a tokenizer that prompts need."""

    def encode(self, text: str) -> list[int]:
        """Token ids."""
        ...


class Prompts:
    """The prompts that fit, and the order they are asked in.

    Raises:
        BadInput: the file cannot be read, or no prompt fits.
    """

    def __init__(self, settings: PromptSettings, path: Path, tokenizer: Encoder) -> None:
        template = load_template(settings.template)
        if not path.is_file():
            raise BadInput(f"prompts.path: {path}: no such file; give a JSONL file of questions and answers")
        problems = load_problems(path.stem, Task(title=path.name), path)
        if not problems:
            raise BadInput(f"prompts.path: {path}: no questions in it; give a line of JSON for each")
        self.settings, self.stop = settings, template.template.stop
        self.prompts: list[Prompt] = []
        rows: list[list[object]] = []
        for index, problem in enumerate(problems):
            text = template.render(problem.question)
            tokens = tuple(tokenizer.encode(text))
            if len(tokens) <= settings.max_prompt_tokens:
                self.prompts.append(Prompt(index, problem.question, problem.answer, tokens))
                rows.append([index, text, problem.answer])
        self.too_long = len(problems) - len(self.prompts)
        if not self.prompts:
            raise BadInput(
                f"prompts.path: {path}: none of {len(problems)} prompts has at most {settings.max_prompt_tokens} "
                "tokens; raise prompts.max_prompt_tokens"
            )
        self.digest = digest([rows, settings.seed])
        """Of everything that the order depends on."""

    def take(self, state: PromptState, count: int) -> tuple[list[tuple[int, Prompt]], PromptState]:
        """The next `count` prompts that are not retired, each with its position, and the state behind them.

        Raises:
            BadInput: all are retired.
        """
        taken: list[tuple[int, Prompt]] = []
        cursor = state.cursor
        for prompt in self._from(cursor):
            if cursor - state.cursor >= len(self.prompts) + count and not taken:
                raise BadInput("prompts: every prompt is retired; end the run, or set prompts.retire_after to null")
            if len(taken) == count:
                break
            if not self.is_retired(state, prompt):
                taken.append((cursor, prompt))
            cursor += 1
        return taken, state.model_copy(update={"cursor": cursor})

    def is_retired(self, state: PromptState, prompt: Prompt) -> bool:
        """Whether a prompt is passed over."""
        after = self.settings.retire_after
        return after is not None and state.streaks.get(prompt.index, 0) >= after

    def note(self, state: PromptState, all_right: dict[int, bool]) -> PromptState:
        """The state after draws: by prompt index, whether every answer was right."""
        streaks = dict(state.streaks)
        for index, right in sorted(all_right.items()):
            if right:
                streaks[index] = streaks.get(index, 0) + 1
            else:
                streaks.pop(index, None)
        return state.model_copy(update={"streaks": dict(sorted(streaks.items()))})

    def retired(self, state: PromptState) -> int:
        """How many prompts are retired."""
        return sum(self.is_retired(state, prompt) for prompt in self.prompts)

    def _from(self, position: int) -> Iterator[Prompt]:
        """Prompts from a position on, epoch after epoch, without end."""
        size = len(self.prompts)
        while True:
            order = Permutation(size, f"prompts {self.settings.seed} {position // size}")
            for place in range(position % size, size):
                yield self.prompts[int(order([place])[0])]
                position += 1
