"""Steps read ahead by threads, in order, whatever the number of threads."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from training.data import Batch, MixtureData, slice_rows

T = TypeVar("T")


def read_steps(
    data: MixtureData, first_step: int, sequences_per_step: int, rank: int = 0, world_size: int = 1, workers: int = 0
) -> Iterator[Batch]:
    """The rank's rows of the steps first_step, first_step + 1, …, padding included; it never ends. See `read_ahead`."""

    def read(step: int) -> Batch:
        rows = slice_rows(step, sequences_per_step, rank, world_size)
        return data.sequences(rows.first, rows.count).padded(rows.padding)

    return read_ahead(read, first_step, workers)


def read_ahead(read: Callable[[int], T], first_step: int, workers: int = 0) -> Generator[T, None, None]:
    """`read` of first_step, first_step + 1, …; it never ends.

    `workers` threads read ahead, a step each (0: every step is read when it is asked for). What is read is a function
    of its step, so their number changes nothing but the wait. Close the iterator to end them.
    """
    steps = itertools.count(first_step)
    if not workers:
        yield from map(read, steps)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    try:
        ahead: deque[Future[T]] = deque(pool.submit(read, next(steps)) for _ in range(workers))
        while True:
            found = ahead.popleft().result()
            ahead.append(pool.submit(read, next(steps)))
            yield found
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
