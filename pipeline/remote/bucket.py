"""A token bucket: a rate that holds over time and lets a second's worth through at once."""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Tokens flow in at `rate` a second, up to a second's worth. Safe to share between threads."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._capacity = max(rate, 1.0)
        self._tokens, self._at = self._capacity, clock()
        self._lock = threading.Lock()

    def take(self, count: float) -> None:
        """Take `count` tokens, and wait until they have flowed in. More than a second's worth may be taken."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate) - count
            self._at = now
            wait_s = -self._tokens / self._rate
        if wait_s > 0:
            self._sleep(wait_s)
