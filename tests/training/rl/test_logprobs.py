"""Chunked log-probs and entropies are those of the whole logits, and so are their gradients."""

import pytest
import torch
from torch import Tensor

import training.loss
from training.rl.logprobs import token_logprobs


def _inputs(tokens: int = 37, width: int = 12, vocabulary: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(tokens, width, generator=generator, dtype=torch.float64, requires_grad=True)
    head = torch.randn(vocabulary, width, generator=generator, dtype=torch.float64, requires_grad=True)
    return hidden, head, torch.randint(0, vocabulary, (tokens,), generator=generator)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_values_and_gradients(temperature: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training.loss._CHUNK_BYTES, "cpu", 8 * 4 * 50)  # chunks of 8 tokens
    hidden, head, labels = _inputs()
    weights = torch.linspace(-1, 2, len(labels), dtype=torch.float64)
    logprobs, entropies = token_logprobs(hidden, head, labels, temperature)
    found = torch.autograd.grad((logprobs * weights).sum(), (hidden, head))
    whole = torch.log_softmax(hidden @ head.T / temperature, -1)
    expected = torch.autograd.grad((whole.gather(1, labels[:, None])[:, 0] * weights).sum(), (hidden, head))
    torch.testing.assert_close(logprobs, whole.gather(1, labels[:, None])[:, 0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(entropies, -(whole.exp() * whole).sum(-1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    assert not entropies.requires_grad


def test_gradient_by_finite_differences() -> None:
    hidden, head, labels = _inputs(5, 3, 7)
    assert torch.autograd.gradcheck(lambda *inputs: token_logprobs(*inputs, labels, 0.8)[0], (hidden, head))


def test_without_entropies_the_log_probs_are_the_same() -> None:
    hidden, head, labels = _inputs()
    logprobs, entropies = token_logprobs(hidden, head, labels, 0.7, entropy=False)
    assert torch.equal(logprobs, token_logprobs(hidden, head, labels, 0.7)[0])
    assert not entropies.any()


def test_bfloat16_is_computed_in_float32() -> None:
    hidden, head, labels = _inputs()
    narrow = [tensor.detach().bfloat16().requires_grad_() for tensor in (hidden, head)]
    logprobs, entropies = token_logprobs(*narrow, labels, 1.0)
    assert logprobs.dtype == entropies.dtype == torch.float32
    found = torch.autograd.grad(logprobs.sum(), narrow)
    wide = [tensor.detach().double().requires_grad_() for tensor in narrow]
    expected = torch.autograd.grad(token_logprobs(*wide, labels, 1.0)[0].sum(), wide)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == torch.bfloat16
        assert (mine.double() - theirs).norm() < 0.01 * theirs.norm()
