"""Work of the first process that draws on all of them: evaluations during a run.

What is drawn is a function of who is sampled (`training.rl.noise`), so it is the same however it is dealt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist

from training.rl.rollout import Completion, Request, RolloutEngine, Sampling, Weights
from training.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class _Draw:
    """What `RolloutEngine.generate` is asked for."""

    requests: Sequence[Request]
    sampling: Sampling
    step: int


def lead(engine: RolloutEngine, world: World, work: Callable[[RolloutEngine], T]) -> T:
    """What `work` returns on the first process, on all of them; its draws are dealt to all of them.

    Every process has to call it; an error, in `work` or in a draw, is raised on all.

    Args:
        engine: of this process; all hold the same weights.
        world: the group of processes.
        work: called on the first process, with an engine that draws on all.
    """

    def lead_on() -> T:
        try:
            return work(_Spread(engine, world))
        finally:
            _tell(None)

    if not world.is_first:
        while (draw := _tell(None)) is not None:
            _share(engine, world, draw)
    return world.on_first(lead_on)


class _Spread:
    """The first process's `RolloutEngine` while it leads."""

    def __init__(self, engine: RolloutEngine, world: World) -> None:
        self._engine, self._world = engine, world

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """A completion per request, in order; progress is that of this process's share, scaled up."""
        draw = _Draw(requests, sampling, step)
        _tell(draw)

        def on_share(count: int) -> None:
            if on_progress is not None:
                on_progress(min(count * self._world.size, len(requests)))

        return _share(self._engine, self._world, draw, on_share)

    def update_weights(self, weights: Weights, version: int) -> None:
        """Of no use: the weights are the run's."""
        raise AssertionError("an evaluation changes no weights")

    def close(self) -> None:
        """Of no use: the engine is the run's."""
        raise AssertionError("an evaluation closes no engine")


def _tell(draw: _Draw | None) -> _Draw | None:
    """What the first process wants drawn next, on all; None: nothing more."""
    said = [draw]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def _share(
    engine: RolloutEngine, world: World, draw: _Draw, on_progress: Callable[[int], None] | None = None
) -> list[Completion]:
    """Draw this process's share, a run of neighbours, which begin alike; the first process gets all shares."""
    requests = draw.requests
    first, end = (len(requests) * rank // world.size for rank in (world.rank, world.rank + 1))
    try:
        share: list[Completion] | Exception = engine.generate(
            requests[first:end], draw.sampling, draw.step, on_progress
        )
    except Exception as error:  # noqa: BLE001 - raised by the first process, which tells the others
        share = error
    shares: list[list[Completion] | Exception] = [[] for _ in range(world.size)]
    dist.gather_object(share, shares if world.is_first else None, dst=0)
    completions: list[Completion] = []
    for part in shares:
        if isinstance(part, Exception):
            raise part
        completions += part
    return completions
