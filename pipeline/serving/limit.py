"""How many requests may run at once: more while the server takes them, fewer when it pushes back."""

import asyncio
from collections import deque
from types import TracebackType

_START = 8
_SHRINK = 0.7


class AdaptiveLimit:
    """An asynchronous gate whose width follows the server (additive increase, multiplicative decrease).

    It starts at `start` and grows by one for every answer, so it doubles in the time of one; after a first push-back it
    grows by one per round. A push-back shrinks it to 0.7 of its width, once per round. Who waits longest goes first.
    """

    def __init__(self, most: int, start: int = _START) -> None:
        self.most = most
        self.running = 0
        self.width = float(min(start, most))
        self._doubling = True
        self._left_of_round = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def full(self) -> bool:
        """Whether as many run as may."""
        return self.running >= int(self.width)

    async def __aenter__(self) -> None:
        if self._waiters or self.full:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():  # it was let in at the same moment
                    self.running -= 1
                    self._admit()
                raise
        else:
            self.running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.running -= 1
        self._admit()

    def answered(self) -> None:
        """The server took a request and answered it. Only a width that is in use grows."""
        self._left_of_round -= 1
        if self.full:
            self.width = min(self.most, self.width + (1 if self._doubling else 1 / self.width))
            self._admit()

    def pushed_back(self) -> None:
        """The server said that it has too much to do, or did not answer in time."""
        self._doubling = False
        self._left_of_round -= 1
        if self._left_of_round <= 0:
            self.width = max(1.0, self.width * _SHRINK)
            self._left_of_round = int(self.width)

    def _admit(self) -> None:
        while self._waiters and not self.full:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.running += 1
                waiter.set_result(None)
