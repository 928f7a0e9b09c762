"""Decoding steps at fixed addresses, recorded once for each length and replayed.

A decoding step of a small model is hundreds of kernels that take less time than launching them does. As a CUDA graph
they are launched together; for that, what a step reads and writes must lie at the same places each time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from training.rl.decode import Decode, KeyValueStore

STRIDE = 256
"""Tokens between the lengths that are recorded: a step looks at up to so many keys too many."""

Step = Callable[[], Tensor]
"""Does one step on what lies in its inputs, and returns where its output lies."""


class Recorder(Protocol):
    """Turns a step into one that does the same on the same memory, faster."""

    def __call__(self, step: Step) -> Step:
        """The step, recorded."""
        ...


class CudaGraphs:
    """A `Recorder` by CUDA graphs. They share their memory, so an output holds until the next replay of any of them."""

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, step: Step) -> Step:
        """Run the step once aside, where libraries choose kernels and take their workspaces, then record it."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            output = step()
        self._pool = graph.pool()

        def replay() -> Tensor:
            graph.replay()
            return output

        return replay


class RecordedSteps:
    """Decoding steps of all slots of a store.

    Args:
        store: keys and values; what they are made like must have been seen before the first step, by a prefill.
        forward: (tokens [1, slots], positions [1, slots], purpose) to logits [slots, vocabulary].
        recorder: how a step is recorded.
        device: of the store.
    """

    def __init__(
        self,
        store: KeyValueStore,
        forward: Callable[[Tensor, Tensor, Decode], Tensor],
        recorder: Recorder,
        device: torch.device,
    ) -> None:
        self._store, self._forward, self._recorder = store, forward, recorder
        self._slots = torch.arange(store.slots, device=device)
        self._tokens = torch.zeros(store.slots, dtype=torch.int64, device=device)
        self._positions = torch.zeros_like(self._tokens)
        self._recorded: dict[int, Step] = {}

    def __call__(self, tokens: Sequence[int], positions: Sequence[int]) -> Tensor:
        """Logits [slots, vocabulary] behind a token of each slot; they hold until the next call."""
        self._tokens.copy_(torch.tensor(tokens))
        self._positions.copy_(torch.tensor(positions))
        length = min(-(-(max(positions) + 1) // STRIDE) * STRIDE, self._store.length)
        if length not in self._recorded:
            self._recorded[length] = self._recorder(partial(self._step, length))
        return self._recorded[length]()

    def _step(self, length: int) -> Tensor:
        purpose = Decode(self._store, self._slots, self._positions, length)
        return self._forward(self._tokens[None], self._positions[None], purpose)
