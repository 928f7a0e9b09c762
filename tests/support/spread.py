"""Draws led by the first of two processes, for ranks to run."""

from collections.abc import Callable, Sequence

from training.rl.rollout import Completion, Request, RolloutEngine, Sampling
from training.rl.spread import lead
from training.world import World


class Echo:
    """An engine that answers with the prompt; on one rank it may fail."""

    def __init__(self, fails: bool) -> None:
        self.fails, self.asked = fails, list[int]()

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        if self.fails:
            raise ValueError("no memory for keys and values")
        self.asked += [request.prompt for request in requests]
        if on_progress is not None:
            on_progress(len(requests))
        return [Completion(request.tokens, (0.0,), "stop", "", 0) for request in requests]


def led(world: World, counts: list[int], failing_rank: int | None = None, work_fails: bool = False) -> object:
    """What each rank was asked for, and what the work found; or the error that this rank was told."""
    engine, told = Echo(world.rank == failing_rank), list[int]()

    def work(spread: RolloutEngine) -> list[int]:
        if work_fails:
            raise ValueError("no such task")
        found = []
        for count in counts:
            requests = [Request((place,), place) for place in range(count)]
            found += [drawn.tokens[0] for drawn in spread.generate(requests, Sampling(), 0, told.append)]
        return found

    try:
        return lead(engine, world, work), engine.asked, told
    except ValueError as error:
        return str(error)
