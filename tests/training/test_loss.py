"""The summed loss and its gradients, in one chunk and in many."""

import pytest
import torch
from torch.nn import functional

import training.loss
from training import loss
from training.loss import IGNORE, chunk_rows, summed_cross_entropy


def inputs(dtype, tokens=37, seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, 16, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    head = torch.randn(53, 16, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    labels = torch.randint(0, 53, (tokens,), generator=generator)
    labels[::5] = IGNORE
    return hidden, head, labels


def reference(hidden, head, labels, weights=None):
    losses = functional.cross_entropy(hidden @ head.T, labels, reduction="none", ignore_index=IGNORE)
    return (losses if weights is None else losses * weights).sum()


@pytest.fixture(params=["one chunk", "many"], autouse=True)
def _chunks(request, monkeypatch):
    size = 1 << 22 if request.param == "one chunk" else 4 * 53 * 9  # chunks of 8 tokens
    monkeypatch.setattr(loss, "_CHUNK_BYTES", {"cpu": size, "cuda": 1 << 29})


def test_loss_and_gradients_equal_those_of_whole_logits():
    hidden, head, labels = inputs(torch.float64)
    expected = torch.autograd.grad(reference(hidden, head, labels) / 7, (hidden, head))
    total = summed_cross_entropy(hidden, head, labels)
    torch.testing.assert_close(total, reference(hidden, head, labels), rtol=1e-12, atol=0)
    for got, wanted in zip(torch.autograd.grad(total / 7, (hidden, head)), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-14)


def test_weights_multiply_the_losses():
    hidden, head, labels = inputs(torch.float64)
    weights = torch.linspace(-1, 2, 37, dtype=torch.float64)
    total = summed_cross_entropy(hidden, head, labels, weights)
    expected = reference(hidden, head, labels, weights)
    torch.testing.assert_close(total, expected, rtol=1e-12, atol=0)
    for got, wanted in zip(
        torch.autograd.grad(total, (hidden, head)), torch.autograd.grad(expected, (hidden, head)), strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-14)


def test_rows_without_labels_give_zero_loss_and_zero_gradients():
    hidden, head, labels = inputs(torch.float64)
    total = summed_cross_entropy(hidden, head, torch.full_like(labels, IGNORE))
    assert total.item() == 0
    for gradient in torch.autograd.grad(total, (hidden, head)):
        assert not gradient.any()


def test_sixteen_bit_inputs_keep_a_wide_loss():
    hidden, head, labels = inputs(torch.bfloat16, tokens=400)
    total = summed_cross_entropy(hidden, head, labels)
    assert total.dtype == torch.float32
    logits = hidden @ head.T  # rounded to 16 bits, as on every path
    wanted = functional.cross_entropy(logits.double(), labels, reduction="sum", ignore_index=IGNORE)
    assert total.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_no_gradient_is_computed_where_none_is_needed(monkeypatch):
    hidden, head, labels = inputs(torch.float64)
    asked = []
    real = training.loss._loss_and_gradient
    monkeypatch.setattr(training.loss, "_loss_and_gradient", lambda *args: asked.append(args[-1]) or real(*args))
    with torch.no_grad():
        total = summed_cross_entropy(hidden, head, labels)
    assert not any(asked)
    torch.testing.assert_close(total, reference(hidden, head, labels).detach(), rtol=1e-12, atol=0)


def test_chunks_are_powers_of_two_and_not_larger_than_the_input():
    assert chunk_rows(1 << 20, 128_256) == 1024
    assert chunk_rows(100, 8192) == 100
    assert chunk_rows(0, 8192) == 1


@pytest.mark.skipif(not hasattr(torch.nn, "LinearCrossEntropyOptions"), reason="torch before 2.13 has no such operator")
def test_torchs_own_operator_agrees():
    hidden, head, labels = inputs(torch.float64)
    total = summed_cross_entropy(hidden, head, labels)
    options = torch.nn.LinearCrossEntropyOptions()
    other = functional.linear_cross_entropy(hidden, head, labels, reduction="sum", options=options)
    torch.testing.assert_close(total, other, rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(each, (hidden, head)) for each in (total, other)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-14)
