"""Which token is drawn: the inverse of the cumulative distribution at a number in [0, 1), for many rows at once.

The vocabulary is walked over twice, once for exp and once for the sums of blocks; the search looks at the sums, then
into one block. So a draw costs about what softmax does.
"""

import torch
from torch import Tensor

_BLOCK = 128


def choose(logits: Tensor, temperature: float, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """A token of each row and its log-prob.

    Args:
        logits: [rows, vocabulary], float32 or float64.
        temperature: logits are divided by it; at 0 the likeliest token is taken, with its log-prob at 1.
        noise: [rows] float64 in [0, 1); None at temperature 0.

    Returns:
        Tokens [rows] int64 and their log-probs [rows], of the logits' type. A token of probability 0 is never drawn.
    """
    scaled = logits if temperature in (0, 1) else logits / temperature
    top = scaled.amax(-1, keepdim=True)
    weights = (scaled - top).exp_()
    blocks = _block_sums(weights)
    cumulative = blocks.cumsum(-1)
    tokens = scaled.argmax(-1) if noise is None else _search(weights, blocks, cumulative, noise)
    logprobs = scaled.gather(-1, tokens[:, None]) - top - cumulative[:, -1:].log().to(scaled.dtype)
    return tokens, logprobs[:, 0]


def _block_sums(weights: Tensor) -> Tensor:
    """Sums of `_BLOCK` neighbours, [rows, blocks] float64; the last block may be shorter."""
    whole = weights.shape[-1] // _BLOCK * _BLOCK
    sums = weights[:, :whole].unflatten(-1, (-1, _BLOCK)).sum(-1)
    return torch.cat([sums, weights[:, whole:].sum(-1, keepdim=True)], -1).double()


def _search(weights: Tensor, blocks: Tensor, cumulative: Tensor, noise: Tensor) -> Tensor:
    """The first token whose cumulative weight is above noise × total."""
    target = noise[:, None] * cumulative[:, -1:]
    block = _first_above(cumulative, target)
    inside = target - (cumulative - blocks).gather(-1, block)
    # A block's sum was taken in the weights' type, its tokens are summed in float64: the share of the block is kept.
    share = inside / blocks.gather(-1, block)
    places = block * _BLOCK + torch.arange(_BLOCK, device=weights.device)
    size = weights.shape[-1]
    members = weights.gather(-1, places.clamp(max=size - 1)).double() * (places < size)
    sums = members.cumsum(-1)
    return (block * _BLOCK + _first_above(sums, share.clamp(min=0) * sums[:, -1:]))[:, 0]


def _first_above(sums: Tensor, target: Tensor) -> Tensor:
    """[rows, 1]: the first entry above the target, held below the last one, to which rounding may lift it."""
    highest = torch.nextafter(sums[:, -1:], sums.new_zeros(()))
    return torch.searchsorted(sums, torch.minimum(target, highest), right=True)
