"""Reading ahead changes the wait and nothing else."""

import itertools
import threading

import numpy as np
import pytest

from support.tokens import random_documents, write_mixture, write_tokens
from training.data import open_mixture
from training.loader import read_steps


@pytest.fixture
def data(tmp_path):
    for number, name in enumerate("ab"):
        write_tokens(tmp_path / name, random_documents(number, 200, 50))
    path = write_mixture(tmp_path / "m.yaml", {"a": (tmp_path / "a", 0.7), "b": (tmp_path / "b", 0.3)}, window=50)
    return open_mixture(path)


@pytest.mark.parametrize(("workers", "resumed"), [(0, 0), (2, 2), (0, 2), (2, 0)])
def test_stopped_and_resumed_with_other_workers_reads_the_same(data, workers, resumed):
    first = list(itertools.islice(read_steps(data, 0, 7, workers=workers), 30))
    second = list(itertools.islice(read_steps(data, 30, 7, workers=resumed), 30))
    for step, batch in enumerate([*first, *second]):
        expected = data.sequences(7 * step, 7)
        assert np.array_equal(batch.tokens, expected.tokens)
        assert np.array_equal(batch.loss_mask, expected.loss_mask)


@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_make_equal_shapes(data, workers):
    ranks = [next(read_steps(data, 5, 7, rank, 3, workers)) for rank in range(3)]
    assert [batch.tokens.shape[0] for batch in ranks] == [3, 3, 3]
    assert [int((batch.component < 0).sum()) for batch in ranks] == [0, 1, 1]
    read = np.concatenate([batch.tokens[batch.component >= 0] for batch in ranks])
    assert np.array_equal(read, data.sequences(35, 7).tokens)


def test_closing_ends_the_threads_and_an_error_passes_through(data):
    steps = read_steps(data, 0, 4, workers=2)
    next(steps)
    steps.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
    with pytest.raises(ValueError, match="rank 3 is not below"):
        next(read_steps(data, 0, 4, rank=3, world_size=3, workers=2))
