"""Groups as tensors: the rows of their spines, and of each pass of branches with the layout of what it sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch

from training.loss import IGNORE
from training.prefix.branches import Crossing, Layout
from training.rl.answers import Answer, Document, answer_rows, document_rows
from training.rl.policy import PolicyRows, SpineRows
from training.rl.prefix.plan import Group, Pass, Segment


@dataclass(frozen=True)
class PassRows:
    """One pass of branches: its answers, their rows, and what these see."""

    answers: tuple[Answer, ...]
    rows: PolicyRows
    layout: Layout


@dataclass(frozen=True)
class GroupRows:
    """A group in tensors."""

    spines: SpineRows
    passes: tuple[PassRows, ...]


def group_rows(group: Group, device: torch.device, weight: float | None = None) -> GroupRows:
    """The rows of a group; without spines one token stands there, without branches too.

    `weight` is that of each learned token of a spine; None: none is learned, in any group.
    """
    documents = [_spine(segment) for segment in group.segments if segment.spine] or [Document((0,), (IGNORE,))]
    weights = None if weight is None else [weight] * sum(len(document.tokens) for document in documents)
    starts = [0, *accumulate(len(segment.spine) for segment in group.segments)]
    return GroupRows(
        SpineRows(document_rows(documents, device, weights)),
        tuple(_pass_rows(branches, starts, device) for branches in group.passes),
    )


def _spine(segment: Segment) -> Document:
    tokens, first = segment.spine, segment.learned_from
    if first is None:
        return Document(tokens, (IGNORE,) * len(tokens))
    return Document(tokens, (*[IGNORE] * (first - 1), *tokens[first:], IGNORE))


def _pass_rows(branches: Pass, starts: Sequence[int], device: torch.device) -> PassRows:
    documents: list[Document] = []
    crossings: list[Crossing] = []
    answers: list[Answer] = []
    end = 0
    for spine, branch in branches:
        seen = (starts[spine], starts[spine] + branch.length)
        tail = (end, end + len(branch.tail))
        if branch.tail:
            documents.append(Document(branch.tail, (IGNORE,) * len(branch.tail), branch.length))
            if branch.length:
                crossings.append(Crossing(tail, seen, (end, end)))
        first = end = tail[1]
        for answer in branch.answers:
            tokens = (answer.prompt_tokens[-1], *answer.tokens[:-1])
            documents.append(Document(tokens, answer.tokens, branch.length + len(branch.tail)))
            end += len(tokens)
        if branch.length or branch.tail:
            crossings.append(Crossing((first, end), seen, tail))
        answers += branch.answers
    documents = documents or [Document((0,), (IGNORE,))]
    bounds = [0, *accumulate(len(document.tokens) for document in documents)]
    layout = Layout(tuple(pairwise(bounds)), tuple(crossings))
    return PassRows(tuple(answers), answer_rows(documents, answers, device), layout)
