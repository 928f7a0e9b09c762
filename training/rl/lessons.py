"""Texts learned token by token beside the answers: the format warm-up, and the plain loss on shared documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from pipeline.files import parquet_file
from training.loss import IGNORE
from training.rl.answers import Answer, pack
from training.rl.policy import PolicyModel
from training.rl.settings import PolicyRun
from training.rows import Rows
from training.step import StepResult, train_step
from training.world import World


@dataclass(frozen=True)
class Language:
    """The plain next-token loss on shared documents, beside that of the answers (RMT, arXiv 2509.24375)."""

    weight: float
    """Of its mean over the documents' tokens."""
    num_head: int
    """Tokens of a prompt before its document, which are not learned; at least 1, the first has nothing before it."""


@dataclass(frozen=True)
class Lesson:
    """A text; its first `untrained` tokens, at least one, are read and not learned."""

    tokens: tuple[int, ...]
    untrained: int
    document: int | None = None
    """Ordinal of the document that it was made of, where there is one."""
    offset: int | None = None
    """The token of the document that it is about."""
    context: tuple[int, int] = (0, 0)
    """Tokens, from and to, of the untrained part that are learned as plain text where the run has such a loss."""

    @property
    def length(self) -> int:
        """Tokens of the text."""
        return len(self.tokens)

    @property
    def num_trained(self) -> int:
        """Tokens that are learned."""
        return len(self.tokens) - self.untrained

    @property
    def num_context(self) -> int:
        """Tokens of its context."""
        return self.context[1] - self.context[0]


def shared_documents(answers: Sequence[Answer], num_head: int) -> dict[int, Lesson]:
    """The shared part of each segment, by segment: the longest prefix, its first `num_head` tokens not learned.

    Prefixes of a segment nest, so the longest holds every document token that they share, and each of them once.
    """
    longest: dict[int, Answer] = {}
    for answer in answers:
        known = longest.get(answer.segment)
        if known is None or answer.prefix_length > known.prefix_length:
            longest[answer.segment] = answer
    return {
        segment: Lesson(answer.prompt_tokens[: answer.prefix_length], num_head)
        for segment, answer in sorted(longest.items())
        if segment >= 0 and answer.prefix_length > num_head
    }


SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("document", pa.int64()),
        ("offset", pa.int64()),
        ("untrained", pa.int64()),
        ("tokens", pa.list_(pa.int32())),
    ]
)
"""A stored lesson; `row` counts in the step."""


def lessons_path(folder: Path, step: int) -> Path:
    """Where the lessons of a run's step are."""
    return folder / f"lessons/step-{step:07d}.parquet"


def write_lessons(folder: Path, step: int, lessons: Sequence[Lesson]) -> None:
    """Store what a step learned, whole or not at all."""
    path = lessons_path(folder, step)
    names = SCHEMA.names[1:]
    rows = [{"row": place, **{name: getattr(lesson, name) for name in names}} for place, lesson in enumerate(lessons)]
    with parquet_file(path.parent, path.name, SCHEMA) as file:
        file.write(pa.Table.from_pylist(rows, schema=SCHEMA))


def lesson_rows(lessons: Sequence[Lesson], weight: float, device: torch.device, beside: float = 0.0) -> Rows:
    """A micro-batch of lessons; of none one that fills up.

    Args:
        lessons: what is learned.
        weight: of each learned token.
        device: where the tensors go.
        beside: of each token of a context; 0: they are read only.
    """
    lessons = lessons or [Lesson((0, 0), 2)]
    sequences, labels, weights = [lesson.tokens for lesson in lessons], list[int](), list[float]()
    for lesson in lessons:
        learned = np.zeros(lesson.length)
        learned[slice(*lesson.context)] = beside
        learned[lesson.untrained :] = weight
        labels += np.where(learned, lesson.tokens, IGNORE)[1:].tolist()
        weights += learned[1:].tolist()
    lengths = [len(tokens) - 1 for tokens in sequences]

    def tensor(values: object, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=device)

    return Rows(
        input_ids=tensor([token for tokens in sequences for token in tokens[:-1]], torch.int64),
        position_ids=tensor([place for length in lengths for place in range(length)], torch.int64),
        labels=tensor(labels, torch.int64),
        cu_seqlens=tensor(np.concatenate([[0], np.cumsum(lengths)]).tolist(), torch.int32),
        max_seqlen=max(lengths),
        weights=tensor(weights, torch.float64),
    )


def deal_lessons(
    lessons: Sequence[Lesson], world: World, max_tokens: int, weight: float, beside: float = 0.0
) -> list[Rows]:
    """This process's micro-batches, as `lesson_rows` makes them; every process gets the same number."""
    ordered = sorted(lessons, key=lambda lesson: -lesson.length)
    packs = [pack(ordered[rank :: world.size], max_tokens) for rank in range(world.size)]
    calls = max(len(part) for part in packs)
    mine = packs[world.rank]
    return [
        lesson_rows(mine[place] if place < len(mine) else [], weight, world.device, beside) for place in range(calls)
    ]


def imitate(
    model: PolicyModel,
    optimizer: torch.optim.Optimizer,
    run: PolicyRun,
    lessons: Sequence[Lesson],
    lr: float,
    world: World,
    language: Language | None,
) -> StepResult:
    """One optimizer update by cross-entropy, the mean over all learned tokens; with `language` on contexts beside."""
    num_trained, num_context = (
        sum(lesson.num_trained for lesson in lessons),
        sum(lesson.num_context for lesson in lessons),
    )
    beside = 0.0 if language is None else language.weight / max(1, num_context)
    rows = deal_lessons(lessons, world, run.parallel.micro_batch_tokens, 1 / num_trained, beside)
    one = torch.ones((), dtype=torch.float64, device=world.device)
    return train_step(model, optimizer, rows, denominator=one, lr=lr, max_grad_norm=run.optimizer.max_grad_norm)
