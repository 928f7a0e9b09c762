"""Log-probs of given texts under the policy, for rewards that ask a model: the same on any number of processes."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Protocol

import torch
import torch.distributed as dist

from training.flops import Work, work_behind
from training.model import reshard
from training.rl.answers import pack
from training.rl.lessons import Lesson, lesson_rows
from training.rl.policy import PolicyModel
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
    """Scores with a model as it stands at the time, at temperature 1.

    Args:
        model: sharded over the processes.
        max_tokens: of one forward pass on one process.
        world: the group of processes.
    """

    def __init__(self, model: PolicyModel, max_tokens: int, world: World) -> None:
        self._model, self._max_tokens, self._world = model, max_tokens, world
        self._work = Work()

    def logprobs(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[list[float]]:
        """log p of each token of the second of a pair behind the first, at least one token, in order.

        Every process has to call it, each with pairs of its own. Equal pairs get equal numbers, to the bit.
        """
        asked = sorted({pair for pair in pairs if pair[1]}, key=lambda pair: (-len(pair[0]) - len(pair[1]), pair))
        packs = pack([Lesson(first + second, len(first)) for first, second in asked], self._max_tokens)
        calls = torch.tensor(len(packs), device=self._world.device)
        dist.all_reduce(calls, dist.ReduceOp.MAX)
        values: list[list[float]] = []
        with torch.no_grad():
            for place in range(int(calls)):
                part = packs[place] if place < len(packs) else []
                scored: torch.Tensor = self._model(lesson_rows(part, 1.0, self._world.device), score=1.0)
                values += [found.double().tolist() for found in scored.split([lesson.num_trained for lesson in part])]
        reshard(self._model)
        self._work += sum(
            (work_behind(0, lesson.length - 1, lesson.num_trained) for part in packs for lesson in part), Work()
        )
        by_pair = dict(zip(asked, values, strict=True))
        return [by_pair.get(pair, []) for pair in pairs]

    def take_work(self) -> Work:
        """What all processes computed since it was last asked; every process has to call it."""
        sums = torch.tensor(astuple(self._work), dtype=torch.int64, device=self._world.device)
        dist.all_reduce(sums)
        self._work = Work()
        return Work(*sums.tolist())
