"""What the answers of an update share, and in which passes it is computed, on every process.

A segment is a spine (a document, say) with branches on it: a branch sees the first tokens of the spine, then its tail
(the rest of a prompt), and on it stand that prompt's answers. Without sharing each answer's whole prompt is computed,
here spine and tails are computed once. The last token of a prompt, which predicts the first of an answer, is computed
with each answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from training.flops import Work, work_behind
from training.rl.answers import Answer


@dataclass(frozen=True)
class Branch:
    """Answers of one prompt, on the first `length` tokens of a spine and the `tail` behind them."""

    length: int
    tail: tuple[int, ...]
    answers: tuple[Answer, ...]

    @property
    def num_tokens(self) -> int:
        """That are computed for it."""
        return len(self.tail) + sum(len(answer.tokens) for answer in self.answers)


@dataclass(frozen=True)
class Segment:
    """A spine and the branches on it."""

    spine: tuple[int, ...]
    branches: tuple[Branch, ...]
    learned_from: int | None = None
    """The spine's own tokens are learned from this place on; None: none of them."""

    @property
    def num_tokens(self) -> int:
        """That are computed for it."""
        return len(self.spine) + sum(branch.num_tokens for branch in self.branches)


Pass = tuple[tuple[int, Branch], ...]
"""Branches computed in one pass, each behind the place of its spine in the group."""


@dataclass(frozen=True)
class Group:
    """Spines computed in one pass, and the passes of the branches on them."""

    segments: tuple[Segment, ...] = ()
    passes: tuple[Pass, ...] = ()


def find_segments(answers: Sequence[Answer], num_head: int | None = None) -> list[Segment]:
    """The segments of answers, in the order of their first answers; then those that share nothing, one by one.

    Args:
        answers: of one update.
        num_head: a plain next-token loss is on the spines' tokens behind the first so many; None: on none.

    Raises:
        ValueError: two prefixes of a segment, and neither is one of the other.
    """
    by_segment: dict[int, list[Answer]] = {}
    alone = []
    for answer in answers:
        if answer.segment < 0:
            alone.append(Segment((), (Branch(0, answer.prompt_tokens[:-1], (answer,)),)))
        else:
            by_segment.setdefault(answer.segment, []).append(answer)
    return [_segment(held, num_head) for held in by_segment.values()] + alone


def _segment(answers: Sequence[Answer], num_head: int | None) -> Segment:
    spine = max((answer.prompt_tokens[: answer.prefix_length] for answer in answers), key=len)
    by_place: dict[tuple[int, tuple[int, ...]], list[Answer]] = {}
    for answer in answers:
        # The last token of a prompt is always computed with the answer.
        length = min(answer.prefix_length, len(answer.prompt_tokens) - 1)
        if spine[:length] != answer.prompt_tokens[:length]:
            raise ValueError(
                f"segment {answer.segment}: the first {length} tokens of the prompt of group {answer.group} are no "
                "prefix of the segment's longest"
            )
        by_place.setdefault((length, answer.prompt_tokens[length:-1]), []).append(answer)
    branches = tuple(Branch(length, tail, tuple(held)) for (length, tail), held in sorted(by_place.items(), key=_place))
    first = None if num_head is None else max(1, num_head)  # nothing predicts the very first token
    return Segment(spine, branches, first if first is not None and first < len(spine) else None)


def _place(item: tuple[tuple[int, tuple[int, ...]], list[Answer]]) -> tuple[int, int, int]:
    (length, _), answers = item
    return length, answers[0].group, answers[0].sample


def work(segments: Sequence[Segment]) -> list[Work]:
    """What is computed of segments, each on one process: spines, tails, answers."""
    works = []
    for segment in segments:
        length = len(segment.spine)
        works.append(work_behind(0, length, 0 if segment.learned_from is None else length - segment.learned_from))
        for branch in segment.branches:
            works.append(work_behind(branch.length, len(branch.tail), 0))
            behind = branch.length + len(branch.tail)
            works += [work_behind(behind, len(answer.tokens), len(answer.tokens)) for answer in branch.answers]
    return works


def plan(segments: Sequence[Segment], num_processes: int, max_tokens: int) -> list[list[Group]]:
    """The groups of each process, in as many groups and passes on every one: empty ones fill up.

    Segments go, the largest first, to the process with the least so far; what is larger than a process's share is cut,
    at the price of its spine once more. A group's spines have at most a quarter of `max_tokens`, and a longer spine has
    a group of its own; what spines leave of `max_tokens` (a quarter at least) bounds a pass, and a longer answer has a
    pass of its own.
    """
    share = sum(segment.num_tokens for segment in segments) / num_processes
    pieces = [piece for segment in segments for piece in _cut(segment, share)]
    loads, dealt = [0] * num_processes, [list[Segment]() for _ in range(num_processes)]
    for piece in sorted(pieces, key=lambda piece: -piece.num_tokens):
        least = loads.index(min(loads))
        loads[least] += piece.num_tokens
        dealt[least].append(piece)
    plans = [_groups(part, max_tokens) for part in dealt]
    num_groups = max(1, *map(len, plans))
    plans = [[*groups, *[Group()] * (num_groups - len(groups))] for groups in plans]
    num_passes = [max(1, *(len(groups[place].passes) for groups in plans)) for place in range(num_groups)]
    return [
        [
            replace(group, passes=(*group.passes, *[()] * (count - len(group.passes))))
            for group, count in zip(groups, num_passes, strict=True)
        ]
        for groups in plans
    ]


def _cut(segment: Segment, share: float) -> list[Segment]:
    """The segment in runs of its answers, as many as it holds a process's share of all tokens (rounded)."""
    flat = [(0, branch, answer) for branch in segment.branches for answer in branch.answers]
    num_pieces = min(round(segment.num_tokens / share), len(flat))
    if num_pieces < 2:
        return [segment]
    pieces = []
    for place in range(num_pieces):
        run = flat[place * len(flat) // num_pieces : (place + 1) * len(flat) // num_pieces]
        branches = tuple(branch for _, branch in _joined(run))
        spine = segment.spine[: max(branch.length for branch in branches)]
        # What is learned of the spine is learned once.
        learned = place == 0 and segment.learned_from is not None
        pieces.append(replace(segment, branches=branches) if learned else Segment(spine, branches))
    return pieces


def _joined(run: Sequence[tuple[int, Branch, Answer]]) -> Pass:
    """Branches with those of their answers that stand in the run, which follow each other."""
    joined = []
    for (spine, _), items in groupby(run, key=lambda item: (item[0], id(item[1]))):
        held = list(items)
        joined.append((spine, replace(held[0][1], answers=tuple(answer for *_, answer in held))))
    return tuple(joined)


def _groups(segments: Sequence[Segment], max_tokens: int) -> list[Group]:
    """Groups of one process, those of the most passes first, so that few passes are filled up."""
    packed: list[list[Segment]] = []
    used = 0
    for segment in sorted(segments, key=lambda segment: -len(segment.spine)):
        if not packed or used + len(segment.spine) > max_tokens // 4:
            packed.append([])
            used = 0
        packed[-1].append(segment)
        used += len(segment.spine)
    groups = [Group(tuple(part), _passes(part, max_tokens)) for part in packed]
    return sorted(groups, key=lambda group: -len(group.passes))


def _passes(segments: Sequence[Segment], max_tokens: int) -> tuple[Pass, ...]:
    budget = max(max_tokens - sum(len(segment.spine) for segment in segments), max_tokens // 4)
    runs: list[list[tuple[int, Branch, Answer]]] = []
    used, last = 0, None
    for spine, segment in enumerate(segments):
        for branch in segment.branches:
            for answer in branch.answers:
                need = len(answer.tokens) + (0 if branch is last else len(branch.tail))
                if not runs or used + need > budget:
                    runs.append([])
                    used, need = 0, len(answer.tokens) + len(branch.tail)
                runs[-1].append((spine, branch, answer))
                used, last = used + need, branch
    return tuple(_joined(run) for run in runs)
