"""The summed loss and its gradients, on torch's operator and on the fallback that older torch takes."""

import pytest
import torch
from torch.nn import functional

from training import compat


def inputs(dtype, tokens=37, seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, 16, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    head = torch.randn(53, 16, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    labels = torch.randint(0, 53, (tokens,), generator=generator)
    labels[::5] = compat.IGNORE
    return hidden, head, labels


def reference(hidden, head, labels, weights=None):
    losses = functional.cross_entropy(hidden @ head.T, labels, reduction="none", ignore_index=compat.IGNORE)
    return (losses if weights is None else losses * weights).sum()


@pytest.fixture(params=["operator", "fallback"])
def path(request, monkeypatch):
    if request.param == "fallback":
        monkeypatch.setattr(compat, "FALLBACKS", {"linear_cross_entropy"})
        monkeypatch.setattr(compat, "_CHUNK_BYTES", 4 * 53 * 9)  # chunks of 8 tokens
        assert not compat.has_linear_cross_entropy()
    return request.param


def test_loss_and_gradients_equal_those_of_whole_logits(path):
    hidden, head, labels = inputs(torch.float64)
    expected = torch.autograd.grad(reference(hidden, head, labels) / 7, (hidden, head))
    loss = compat.summed_cross_entropy(hidden, head, labels)
    torch.testing.assert_close(loss, reference(hidden, head, labels), rtol=1e-12, atol=0)
    for got, wanted in zip(torch.autograd.grad(loss / 7, (hidden, head)), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-14)


def test_weights_multiply_the_losses():
    hidden, head, labels = inputs(torch.float64)
    weights = torch.linspace(-1, 2, 37, dtype=torch.float64)
    loss = compat.summed_cross_entropy(hidden, head, labels, weights)
    expected = reference(hidden, head, labels, weights)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    for got, wanted in zip(
        torch.autograd.grad(loss, (hidden, head)), torch.autograd.grad(expected, (hidden, head)), strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-14)


def test_rows_without_labels_give_zero_loss_and_zero_gradients(path):
    hidden, head, labels = inputs(torch.float64)
    loss = compat.summed_cross_entropy(hidden, head, torch.full_like(labels, compat.IGNORE))
    assert loss.item() == 0
    for gradient in torch.autograd.grad(loss, (hidden, head)):
        assert not gradient.any()


def test_sixteen_bit_inputs_keep_a_wide_loss():
    hidden, head, labels = inputs(torch.bfloat16, tokens=400)
    loss = compat.summed_cross_entropy(hidden, head, labels)
    assert loss.dtype == torch.float32
    logits = hidden @ head.T  # rounded to 16 bits, as on every path
    wanted = functional.cross_entropy(logits.double(), labels, reduction="sum", ignore_index=compat.IGNORE)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_no_gradient_is_computed_where_none_is_needed(path):
    hidden, head, labels = inputs(torch.float64)
    with torch.no_grad():
        loss = compat.summed_cross_entropy(hidden, head, labels)
    torch.testing.assert_close(loss, reference(hidden, head, labels).detach(), rtol=1e-12, atol=0)


def test_chunks_are_powers_of_two_and_not_larger_than_the_input():
    assert compat.chunk_rows(1 << 20, 128_256) == 1024
    assert compat.chunk_rows(100, 8192) == 100
    assert compat.chunk_rows(0, 8192) == 1
