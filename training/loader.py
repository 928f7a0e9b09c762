"""The steps of a rank, one batch after the other, read ahead by threads."""

import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from training.data import Batch, MixtureData, slice_rows


def read_steps(
    data: MixtureData, first_step: int, sequences_per_step: int, rank: int = 0, world_size: int = 1, workers: int = 0
) -> Iterator[Batch]:
    """The rank's rows of the steps first_step, first_step + 1, …, padding included; it never ends.

    `workers` threads read ahead, a step each (0: every step is read when it is asked for). A batch is a function of
    its step, so their number changes nothing but the wait. Close the iterator to end them.
    """

    def read(step: int) -> Batch:
        rows = slice_rows(step, sequences_per_step, rank, world_size)
        return data.sequences(rows.first, rows.count).padded(rows.padding)

    steps = itertools.count(first_step)
    if not workers:
        yield from map(read, steps)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    try:
        ahead: deque[Future[Batch]] = deque(pool.submit(read, next(steps)) for _ in range(workers))
        while True:
            batch = ahead.popleft().result()
            ahead.append(pool.submit(read, next(steps)))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
