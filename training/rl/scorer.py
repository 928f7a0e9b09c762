"""Log-probs of given texts under the policy, for rewards that ask a model: the same on any number of processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch.distributed as dist

from training.flops import Work
from training.rl.answers import Answer
from training.rl.compute import answer_work
from training.rl.policy import PolicyModel
from training.rl.prefix.common import common_tokens
from training.rl.settings import PolicyRun
from training.rl.update import score, shared_segments
from training.world import World

Tokens = tuple[int, ...]


class Scorer(Protocol):
    """A model that tells how likely texts are, for rewards that ask one."""

    def logprobs(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[list[float]]:
        """log p of each token of the second of a pair behind the first, in order."""
        ...


@dataclass(frozen=True)
class Scorers:
    """Whom a reward may ask: every process has to ask the same ones as often, each about texts of its own."""

    policy: Scorer
    average: Scorer | None
    """The moving average of the policy, where the task wants one."""


class ModelScorer:
    """Scores with a model as it stands at the time, at temperature 1; what texts begin with alike is computed once.

    Args:
        model: sharded over the processes.
        run: how passes are packed, and whether prefixes are shared.
        world: the group of processes.
    """

    def __init__(self, model: PolicyModel, run: PolicyRun, world: World) -> None:
        self._model, self._run, self._world = model, run, world
        self._works: list[Work] = []

    def logprobs(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[list[float]]:
        """log p of each token of the second of a pair behind the first, at least one token, in order.

        Every process has to call it, each with pairs of its own. Equal pairs get equal numbers, to the bit.
        """
        gathered: list[set[tuple[Tokens, Tokens]]] = [set() for _ in range(self._world.size)]
        dist.all_gather_object(gathered, {pair for pair in pairs if pair[1]})
        asked = sorted(set().union(*gathered))
        texts = as_answers(asked)
        found = score(self._model, self._run, texts, self._world, temperature=1.0) if texts else {}
        self._works += answer_work(texts, shared_segments(self._model, self._run, texts))
        by_pair = {pair: found[place, 0] for place, pair in enumerate(asked)}
        return [by_pair.get(pair, []) for pair in pairs]

    def take_works(self) -> list[Work]:
        """What all processes computed since it was last asked."""
        works, self._works = self._works, []
        return works


def as_answers(pairs: Sequence[tuple[Tokens, Tokens]]) -> list[Answer]:
    """Pairs, sorted, as answers whose `group` is their place, in segments of what they begin with alike.

    Neighbours are of one segment where they have half of the shorter one's first part in common, as texts behind one
    document do. Its spine is the longest beginning that two neighbours share.
    """
    common = [0, *(common_tokens(one[0], other[0]) for one, other in pairwise(pairs))]
    starts = [
        place
        for place in range(len(pairs))
        if not place or 2 * common[place] < min(len(pairs[place - 1][0]), len(pairs[place][0]))
    ]
    answers = []
    for segment, (first, end) in enumerate(pairwise([*starts, len(pairs)])):
        longest = max(range(first, end), key=lambda place: common[place] if place > first else 0)
        spine = pairs[longest][0][: common[longest]] if longest > first else ()
        answers += [
            _as_answer(place, segment, *pairs[place], common_tokens(pairs[place][0], spine))
            for place in range(first, end)
        ]
    return answers


def _as_answer(place: int, segment: int, first: Tokens, second: Tokens, common: int) -> Answer:
    return Answer(
        prompt=place,
        group=place,
        sample=0,
        prompt_tokens=first,
        tokens=second,
        sampler=(0.0,) * len(second),
        stop_reason="stop",
        weights_version=0,
        question="",
        gold="",
        response="",
        reward=None,
        correct=False,
        status="",
        segment=segment,
        prefix_length=min(common, len(first) - 1),
    )
