"""Two ranks under FSDP2 do what one process does, in float64 to 1e-9."""

import numpy as np
import pytest

from support import tiny
from support.steps import train


@pytest.mark.parametrize("name", sorted(tiny.CONFIGS))
@pytest.mark.parametrize("micro_batch", [1, 2])
def test_two_ranks_equal_one_process(world, two_ranks, name, micro_batch):
    settings = tiny.settings(name)
    losses, norms, gradients, weights = train(world, settings, micro_batch=5)
    answers = two_ranks.run(train, settings, 5, micro_batch)
    assert answers[0][0] == answers[1][0]
    np.testing.assert_allclose(answers[0][0], losses, rtol=1e-9)
    np.testing.assert_allclose(answers[0][1], norms, rtol=1e-9)
    for key, gradient in answers[0][2].items():
        np.testing.assert_allclose(gradient, gradients[key], rtol=1e-9, atol=1e-15)
    for key, value in answers[0][3].items():
        np.testing.assert_allclose(value, weights[key], rtol=1e-9, atol=1e-15)
