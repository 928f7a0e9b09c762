"""A token is the inverse of the cumulative distribution, whatever the vocabulary's size and the logits' type."""

import pytest
import torch
from torch import Tensor

from training.rl.choose import choose


def _logits(rows: int, vocabulary: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 3 * torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(vocabulary), dtype=dtype)


@pytest.mark.parametrize("vocabulary", [1, 2, 127, 128, 129, 1000])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_the_first_token_whose_cumulative_probability_is_above_the_number(vocabulary: int, temperature: float) -> None:
    logits = _logits(200, vocabulary)
    noise = torch.rand(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tokens, logprobs = choose(logits, temperature, noise)
    expected = torch.log_softmax(logits / temperature, -1)
    above = expected.exp().cumsum(-1) > noise[:, None]
    assert tokens.tolist() == above.int().argmax(-1).tolist()
    torch.testing.assert_close(logprobs, expected.gather(-1, tokens[:, None])[:, 0], rtol=1e-12, atol=1e-12)


def test_temperature_0_takes_the_likeliest_with_its_log_prob() -> None:
    logits = _logits(20, 300)
    tokens, logprobs = choose(logits, 0, None)
    assert tokens.tolist() == logits.argmax(-1).tolist()
    torch.testing.assert_close(logprobs, torch.log_softmax(logits, -1).amax(-1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_has_no_probability_is_never_drawn(dtype: torch.dtype) -> None:
    logits = _logits(4000, 500, dtype)
    possible = torch.rand(500, generator=torch.Generator().manual_seed(2)) < 0.05
    logits[:, ~possible] = -torch.inf
    edges = torch.tensor([0.0, 2.0**-53, 0.5, 1 - 2.0**-53], dtype=torch.float64).repeat(1000)
    tokens, logprobs = choose(logits, 1.0, edges)
    assert bool(possible[tokens].all())
    assert bool(logprobs.isfinite().all())
    first, last = possible.nonzero()[[0, -1], 0].tolist()
    assert set(tokens[0::4].tolist()) == {first}
    assert set(tokens[3::4].tolist()) == {last}


def test_float32_draws_what_float64_draws_but_at_the_edges() -> None:
    logits, noise = _logits(5000, 2000), torch.rand(5000, generator=torch.Generator().manual_seed(3)).double()
    wide, _ = choose(logits, 1.0, noise)
    narrow, _ = choose(logits.float(), 1.0, noise)
    assert (wide == narrow).double().mean() > 0.999
