"""Two ranks under FSDP2 do what one process does, in float64 to 1e-9."""

import numpy as np
import pytest
import torch

from support import tiny
from support.steps import train


@pytest.mark.parametrize(
    ("name", "micro_batch", "replicas"),
    [("llama", 1, 1), ("llama", 2, 1), ("llama-tied", 1, 1), ("llama-tied", 2, 2), ("qwen-tied", 1, 1)],
)
def test_two_ranks_equal_one_process(world, two_ranks, name, micro_batch, replicas):
    settings = tiny.settings(name)
    losses, norms, gradients, weights = train(world, settings, micro_batch=5)
    answers = two_ranks.run(train, settings, 5, micro_batch, replicas)
    assert answers[0][0] == answers[1][0]
    np.testing.assert_allclose(answers[0][0], losses, rtol=1e-9)
    np.testing.assert_allclose(answers[0][1], norms, rtol=1e-9)
    for key, gradient in answers[0][2].items():
        np.testing.assert_allclose(gradient, gradients[key], rtol=1e-9, atol=1e-15)
    for key, value in answers[0][3].items():
        np.testing.assert_allclose(value, weights[key], rtol=1e-9, atol=1e-15)


def test_activation_checkpointing_and_compilation_change_nothing(world, two_ranks, monkeypatch):
    """Compiled by a backend that captures and runs the graphs without generating code: seconds, not minutes."""
    plain = train(world, tiny.settings(), 2)
    checkpointed = two_ranks.run(train, tiny.settings(activation_checkpointing=True), 2)[0]
    monkeypatch.setattr(torch.nn.Module, "compile", compile_eagerly)
    compiled = train(world, tiny.settings(compile=True, activation_checkpointing=True), 2)
    for other in (checkpointed, compiled):
        np.testing.assert_allclose(other[0], plain[0], rtol=1e-9)
        np.testing.assert_allclose(other[1], plain[1], rtol=1e-9)


def compile_eagerly(module):
    module._compiled_call_impl = torch.compile(module._call_impl, backend="aot_eager")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_smoke_in_the_types_of_real_runs(world, two_ranks, dtype):
    losses, _, _, weights = two_ranks.run(train, tiny.settings(dtype=dtype), 3)[0]
    alone = train(world, tiny.settings(dtype=dtype), 3)[0]
    np.testing.assert_allclose(losses, alone, rtol=1e-5 if dtype == "float32" else 1e-2)
    wide = train(world, tiny.settings(), 3)[0]
    np.testing.assert_allclose(losses, wide, rtol=1e-5 if dtype == "float32" else 1e-2)
    assert {value.dtype for value in weights.values()} == {np.dtype("float32")}, "weights and sums stay wide"
