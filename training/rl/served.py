"""Rollouts from a vLLM server in an environment of its own, on the same node or another."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import BuildFailed
from pipeline.serving.client import Fixed, ServerClient
from pipeline.serving.limit import AdaptiveLimit
from training.rl.handover import Handover, State, WeightsFolder
from training.rl.noise import request_seed
from training.rl.rollout import Completion, Request, Sampling, Weights, end_tokens
from training.rl.settings import ServedSettings
from training.rl.stops import StopStrings
from training.rl.vllm import PROBE_TEXT, Sample, Vllm
from training.world import World

_TRIES, _DRAW_TRIES = 4, 8
"""Of what every server answers; of an answer, for which a busy one may need a minute."""
_STALE_DRAWS = 4
"""So often a stale answer is drawn anew before the server is given up."""
_REHEARSALS, _REHEARSED = 4, 16
"""Answers of a rehearsal, and tokens of the prompt and at most of each."""
_GAPS = {"bfloat16": 0.5, "float32": 0.01, "float64": 0.01}
"""Largest mean gap of log-probs in a rehearsal; rounding makes a tenth of it, a matrix that stays behind whole nats."""

T = TypeVar("T")


class ServedEngine:
    """A `RolloutEngine` over HTTP.

    What it draws is no function of the seed: a server rounds by what else is in its batch. A completion carries the
    version of the weights that drew it as the server tells it, token by token; of several, the oldest. One that is
    older than the settings allow, or of weights that are not this run's (the server was started anew, or is somebody
    else's too), is dropped, the weights are handed over again where it is needed, and it is drawn anew.

    Args:
        settings: where the server is, and how it is asked.
        weights_folder: of this run alone; the server must see it by the same path.
        config: transformers config of the policy.
        tokenizer: of the policy.
        dtype: of the weights that are handed over.
        longest: tokens of the longest prompt and answer.
        world: the group of processes; each asks for its own answers, the first hands the weights over.

    Raises:
        BadInput: no rollouts can come from this server.
        BuildFailed: it is not there.
    """

    def __init__(
        self,
        settings: ServedSettings,
        weights_folder: Path,
        config: Any,
        tokenizer: Any,
        dtype: str,
        longest: int,
        world: World,
    ) -> None:
        self._settings, self._tokenizer, self._dtype, self._world = settings, tokenizer, dtype, world
        self._ends = sorted(end_tokens(config, tokenizer))
        self._folder = WeightsFolder(weights_folder, config, dtype) if world.is_first else None
        self._held: Handover | None = None
        self._versions: dict[str, int] = {}
        self._restoring: asyncio.Lock | None = None
        world.on_first(lambda: self._check(longest))

    def update_weights(self, weights: Weights, version: int) -> None:
        """Write the weights, have the server read them, and see that it holds them.

        Before the first ones it is given others: the same with their rows in reverse. What it draws from them must have
        their log-probs; a server that goes on computing with anything of what it had before shows here.

        Raises:
            BuildFailed: it does not take them.
        """
        begins = self._held is None
        self._held = self._world.on_first(lambda: self._hand_over(weights, version, rehearse=begins))
        self._versions[self._held.label] = version

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """A completion per request, in order; none is ever left out.

        Raises:
            ValueError: no weights yet.
            BuildFailed: the server is gone, refuses a request, or goes on answering with weights of another version.
        """
        if self._held is None:
            raise ValueError("no weights yet; call update_weights first")
        done: dict[int, Completion] = {}
        stops = StopStrings(self._tokenizer, sampling.stop)

        async def draw_all(server: Vllm) -> None:
            self._restoring = asyncio.Lock()
            await _together([draw_one(server, place) for place in range(len(requests))])

        async def draw_one(server: Vllm, place: int) -> None:
            done[place] = await self._draw(server, requests[place], sampling, step, stops)
            if on_progress is not None:
                on_progress(len(done))

        self._ask(draw_all, _DRAW_TRIES)
        return [done[place] for place in range(len(requests))]

    def close(self) -> None:
        """Remove the weights from the folder; the server keeps its own."""
        if self._folder is not None:
            self._folder.clear()

    async def _draw(
        self, server: Vllm, request: Request, sampling: Sampling, step: int, stops: StopStrings
    ) -> Completion:
        seed = request_seed(sampling.seed, step, request.prompt, request.sample)
        for stale_draws in range(_STALE_DRAWS):
            sample = await server.draw(request.tokens, sampling, seed, self._ends)
            version = self._version(sample)
            if version is not None:
                text = self._tokenizer.decode(sample.tokens, skip_special_tokens=True)
                if sample.stop_reason == "stop_string":
                    text = stops.before(text)
                return Completion(sample.tokens, sample.logprobs, sample.stop_reason, text, version, stale_draws)
            await self._restore()
        raise BuildFailed(
            f"{self._settings.url}: goes on answering with weights {sample.labels[0]!r}, not {self._current.label!r}; "
            "let no other run use this server, then run it again"
        )

    @property
    def _current(self) -> Handover:
        assert self._held is not None
        return self._held

    def _version(self, sample: Sample) -> int | None:
        """The oldest version in a sample; None where it is too old, or no version of this run's."""
        found = [self._versions.get(label) for label in sample.labels]
        known = [version for version in found if version is not None]
        oldest_allowed = self._versions[self._current.label] - self._settings.max_staleness
        if len(known) < len(found) or min(known) < oldest_allowed:
            return None
        return min(known)

    async def _restore(self) -> None:
        """Hand the current weights over again, unless the server holds them by now.

        On a connection apart: while the server is paused, every request that may run at once is an answer's that waits.
        """
        assert self._restoring is not None
        async with self._restoring, self._connected(_TRIES) as server:
            if await server.label() != self._current.label:
                print(f"{self._settings.url}: holds other weights; handed over anew", file=sys.stderr, flush=True)
                await server.load(self._current)

    def _check(self, longest: int) -> None:
        assert self._folder is not None
        names = self._folder.names
        self._ask(lambda server: server.check(self._tokenizer, longest, names))

    def _hand_over(self, weights: Weights, version: int, *, rehearse: bool) -> Handover:
        assert self._folder is not None
        state = self._folder.state(weights)
        if rehearse:
            self._rehearse(self._folder, {name: tensor.flip(0) for name, tensor in state.items()})
        handover = self._folder.write(state, str(version))
        self._ask(lambda server: server.load(handover))
        return handover

    def _rehearse(self, folder: WeightsFolder, state: State) -> None:
        handover = folder.write(state, "rehearsal")
        prompt = tuple(self._tokenizer.encode(PROBE_TEXT, add_special_tokens=False)[:_REHEARSED])
        sampling = Sampling(max_new_tokens=_REHEARSED)

        async def draw(server: Vllm) -> list[Sample]:
            await server.load(handover)
            return [await server.draw(prompt, sampling, seed, self._ends) for seed in range(_REHEARSALS)]

        gaps: list[float] = []
        for sample in self._ask(draw):
            expected = folder.logprobs(state, prompt, sample.tokens)
            gaps += [abs(one - other) for one, other in zip(sample.logprobs, expected, strict=True)]
        gap = sum(gaps) / len(gaps)
        if gap > _GAPS[self._dtype]:
            raise BuildFailed(
                f"{self._settings.url}: does not compute with the weights that it reads: in a rehearsal its log-probs "
                f"were {gap:.2g} from theirs in the mean; take another vLLM, or a model without tied embeddings (vLLM "
                "on CPUs keeps the output matrix of one that has them)"
            )

    def _ask(self, what: Callable[[Vllm], Awaitable[T]], tries: int = _TRIES) -> T:
        """Run requests in an event loop of their own."""

        async def run() -> T:
            async with self._connected(tries) as server:
                return await what(server)

        return asyncio.run(run())

    @asynccontextmanager
    async def _connected(self, tries: int) -> AsyncIterator[Vllm]:
        settings = self._settings
        client = ServerClient(
            Fixed(settings.url.rstrip("/")),
            ("/weight_info", None),
            api_key=None,
            limit=AdaptiveLimit(settings.concurrency, start=settings.concurrency),
            timeout_s=settings.timeout_s,
            give_up_s=settings.give_up_s,
            tries=tries,
        )
        async with client:
            yield Vllm(client)


async def _together(work: Sequence[Awaitable[None]]) -> None:
    """All of it at once; the first error ends the rest."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
