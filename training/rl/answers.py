"""Drawn answers as rows: what the trainer learns from, and what stays on disk of a step (Arrow, one Parquet file)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from pipeline.files import parquet_file
from training.loss import IGNORE
from training.rl.policy import PolicyRows
from training.rows import Rows

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("prompt", pa.int64()),
        ("group", pa.int64()),
        ("sample", pa.int64()),
        ("segment", pa.int64()),
        ("prefix_length", pa.int64()),
        ("document", pa.int64()),
        ("offset", pa.int64()),
        ("prompt_tokens", pa.list_(pa.int32())),
        ("tokens", pa.list_(pa.int32())),
        ("sampler_logprobs", pa.list_(pa.float64())),
        ("old_logprobs", pa.list_(pa.float64())),
        ("reference_logprobs", pa.list_(pa.float64())),
        ("advantage", pa.float64()),
        ("token_weight", pa.float64()),
        ("component", pa.string()),
        ("weights_version", pa.int64()),
        ("stale_draws", pa.int64()),
        ("temperature", pa.float64()),
        ("stop_reason", pa.string()),
        ("reward", pa.float64()),
        ("reward_parts", pa.map_(pa.string(), pa.float64())),
        ("correct", pa.bool_()),
        ("grader_status", pa.string()),
        ("question", pa.string()),
        ("gold", pa.string()),
        ("response", pa.string()),
    ]
)
"""A rollout row: one drawn answer. Advantage and weight are those of each of its tokens; `row` counts in the step;
`prompt` is the prompt's row in its file (of RPT its
number in the selection), `group` its draw in the step; `old_logprobs` is null when π_old was the
current policy, `advantage` null when the answer was not trained on (`token_weight` is then 0)."""


@dataclass(frozen=True)
class Answer:
    """One drawn answer. `group` counts the prompts drawn in a step; `reward` is None where the settings drop it."""

    prompt: int
    group: int
    sample: int
    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    sampler: tuple[float, ...]
    stop_reason: str
    weights_version: int
    question: str
    gold: str
    response: str
    reward: float | None
    correct: bool
    status: str
    advantage: float | None = None
    weight: float = 0.0
    """Of the loss of each of its tokens."""
    old: tuple[float, ...] | None = None
    reference: tuple[float, ...] | None = None
    segment: int = -1
    """Answers of one segment share nested prefixes: the first `prefix_length` tokens of their prompts are prefixes of
    one another. -1: shares nothing."""
    prefix_length: int = 0
    parts: tuple[tuple[str, float], ...] = ()
    """Terms of the reward, by name."""
    document: int | None = None
    """Of RPT: ordinal of the prompt's document in the token manifest."""
    offset: int | None = None
    """Of RPT: the token of the document that is asked for first."""
    stale_draws: int = 0
    """Draws that were dropped before this one, because too old weights had drawn them."""

    @property
    def length(self) -> int:
        """Tokens of prompt and answer."""
        return len(self.prompt_tokens) + len(self.tokens)

    def with_logprobs(self, old: Sequence[float] | None, reference: Sequence[float] | None) -> "Answer":
        """The same with the trainer's log-probs."""
        return replace(
            self,
            old=None if old is None else tuple(old),
            reference=None if reference is None else tuple(reference),
        )


class Sized(Protocol):
    """What takes tokens of a micro-batch."""

    @property
    def length(self) -> int:
        """Its tokens."""
        ...


Item = TypeVar("Item", bound=Sized)


def pack(items: Sequence[Item], max_tokens: int) -> list[list[Item]]:
    """Items in micro-batches of at most `max_tokens`, in order; a longer one has one of its own."""
    packs: list[list[Item]] = []
    used = 0
    for item in items:
        if not packs or used + item.length > max_tokens:
            packs.append([])
            used = 0
        packs[-1].append(item)
        used += item.length
    return packs


@dataclass(frozen=True)
class Document:
    """Tokens of a micro-batch that see each other alone, and what they are to predict."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    """The token that follows each; `IGNORE` where it is not trained on."""
    first: int = 0
    """Position of the first token."""


def policy_rows(answers: Sequence[Answer], device: torch.device) -> PolicyRows:
    """A micro-batch of answers behind their prompts; of no answers one that fills up: a token without a label."""
    documents = [
        Document(
            (*answer.prompt_tokens, *answer.tokens[:-1]),
            (*[IGNORE] * (len(answer.prompt_tokens) - 1), *answer.tokens),
        )
        for answer in answers
    ]
    return answer_rows(documents or [Document((0,), (IGNORE,))], answers, device)


def answer_rows(documents: Sequence[Document], answers: Sequence[Answer], device: torch.device) -> PolicyRows:
    """Rows of documents whose labels are the tokens of `answers`, in their order."""

    def tensor(values: object, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=device)

    def spread(values: Sequence[float]) -> torch.Tensor:
        counts = [len(answer.tokens) for answer in answers]
        return tensor(np.repeat(np.asarray(values, dtype=np.float64), counts).tolist(), torch.float64)

    def joined(vectors: Sequence[tuple[float, ...] | None]) -> torch.Tensor | None:
        if not vectors or vectors[0] is None:
            return None
        return tensor([value for vector in vectors if vector is not None for value in vector], torch.float64)

    sampler = joined([answer.sampler for answer in answers])
    return PolicyRows(
        rows=document_rows(documents, device),
        answers=spread(range(len(answers))).long(),
        num_answers=len(answers),
        advantages=spread([answer.advantage or 0.0 for answer in answers]),
        weights=spread([answer.weight for answer in answers]),
        sampler=spread([]) if sampler is None else sampler,
        old=joined([answer.old for answer in answers]),
        reference=joined([answer.reference for answer in answers]),
    )


def document_rows(documents: Sequence[Document], device: torch.device, weights: Sequence[float] | None = None) -> Rows:
    """Documents end to end, each in the positions that it has; `weights` of the losses of all their tokens."""
    lengths = [len(document.tokens) for document in documents]

    def tensor(values: list[int], dtype: torch.dtype = torch.int64) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=device)

    return Rows(
        input_ids=tensor([token for document in documents for token in document.tokens]),
        position_ids=tensor(
            [document.first + place for document in documents for place in range(len(document.tokens))]
        ),
        labels=tensor([label for document in documents for label in document.labels]),
        cu_seqlens=tensor([0, *accumulate(lengths)], torch.int32),
        max_seqlen=max(lengths),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64, device=device),
    )


def answers_path(folder: Path, step: int) -> Path:
    """Where a run's rows of a step are."""
    return folder / f"rollouts/step-{step:07d}.parquet"


def write_answers(
    folder: Path, step: int, answers: Sequence[Answer], temperature: float, about: dict[bytes, bytes] | None = None
) -> Path:
    """Store a step's rows, whole or not at all; `about` goes into the file's metadata."""
    path = answers_path(folder, step)
    rows = [
        {
            "row": place,
            "prompt": answer.prompt,
            "group": answer.group,
            "sample": answer.sample,
            "segment": answer.segment,
            "prefix_length": answer.prefix_length,
            "document": answer.document,
            "offset": answer.offset,
            "prompt_tokens": answer.prompt_tokens,
            "tokens": answer.tokens,
            "sampler_logprobs": answer.sampler,
            "old_logprobs": answer.old,
            "reference_logprobs": answer.reference,
            "advantage": answer.advantage,
            "token_weight": answer.weight,
            "component": "rl",
            "weights_version": answer.weights_version,
            "stale_draws": answer.stale_draws,
            "temperature": temperature,
            "stop_reason": answer.stop_reason,
            "reward": answer.reward,
            "reward_parts": answer.parts,
            "correct": answer.correct,
            "grader_status": answer.status,
            "question": answer.question,
            "gold": answer.gold,
            "response": answer.response,
        }
        for place, answer in enumerate(answers)
    ]
    with parquet_file(path.parent, path.name, SCHEMA.with_metadata(about)) as file:
        file.write(pa.Table.from_pylist(rows, schema=SCHEMA))
    return path


def read_answers(path: Path) -> list[Answer]:
    """The rows of a stored step."""
    return [
        Answer(
            prompt=row["prompt"],
            group=row["group"],
            sample=row["sample"],
            prompt_tokens=tuple(row["prompt_tokens"]),
            tokens=tuple(row["tokens"]),
            sampler=tuple(row["sampler_logprobs"]),
            stop_reason=row["stop_reason"],
            weights_version=row["weights_version"],
            question=row["question"],
            gold=row["gold"],
            response=row["response"],
            reward=row["reward"],
            parts=tuple(row["reward_parts"]),
            correct=row["correct"],
            status=row["grader_status"],
            advantage=row["advantage"],
            weight=row["token_weight"],
            old=None if row["old_logprobs"] is None else tuple(row["old_logprobs"]),
            reference=None if row["reference_logprobs"] is None else tuple(row["reference_logprobs"]),
            segment=row["segment"],
            prefix_length=row["prefix_length"],
            document=row["document"],
            offset=row["offset"],
            stale_draws=row["stale_draws"],
        )
        for row in pq.read_table(path).to_pylist()
    ]
