"""Attention to a part of the keys, forward and backward, so that parts can be put together exactly.

Attention to all keys is a mean of the attentions to parts of them, weighted by the sums of each part's exponentials. So
a forward pass gives, beside the output, the logarithm of that sum; and a backward pass that is handed output and
logarithm over *all* keys gives each part's true gradients, since it computes the weights anew from that logarithm
(FlashAttention, arXiv 2205.14135; Ring Attention, arXiv 2310.01889, rests on the same).
"""

import torch
from torch import Tensor

_SCORES = 1 << 24
"""Scores of one chunk of queries, where no fused kernel is used."""


def attend(query: Tensor, key: Tensor, value: Tensor, causal: bool, scale: float) -> tuple[Tensor, Tensor]:
    """Attention of some queries to some keys.

    Args:
        query: [heads, n, dim], n at least 1.
        key: [key heads, m, dim], m at least 1; each key head serves heads / key heads neighbouring heads.
        value: [key heads, m, dim].
        causal: query i sees keys 0..i; n is m then.
        scale: of the scores.

    Returns:
        Output [heads, n, dim], and the log of the sum of exponentials [heads, n], float32 at least.
    """
    if query.device.type != "cpu":
        return attend_in_chunks(query, key, value, causal, scale)
    output, logsum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query[None], key[None], value[None], 0.0, causal, scale=scale
    )
    return output[0], logsum[0]


def attend_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    logsum: Tensor,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries, keys and values of one part.

    Args:
        grad: of the output over all keys, [heads, n, dim].
        query: as in `attend`.
        key: as in `attend`.
        value: as in `attend`.
        output: over all keys, [heads, n, dim].
        logsum: over all keys, [heads, n].
        causal: as in `attend`.
        scale: as in `attend`.
    """
    if query.device.type != "cpu":
        return attend_in_chunks_backward(grad, query, key, value, output, logsum, causal, scale)
    grads = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
        grad[None], query[None], key[None], value[None], output[None], logsum[None], 0.0, causal, scale=scale
    )
    return grads[0][0], grads[1][0], grads[2][0]


def attend_in_chunks(query: Tensor, key: Tensor, value: Tensor, causal: bool, scale: float) -> tuple[Tensor, Tensor]:
    """`attend` by matrix products, a chunk of queries at a time: for any device and type."""
    output = torch.empty_like(query)
    logsum = query.new_empty(query.shape[:2], dtype=wide(query.dtype))
    for first, end, seen in _chunks(query, key, causal):
        scores = _scores(query[:, first:end], key[:, :seen], first, causal, scale)
        logsum[:, first:end] = torch.logsumexp(scores, -1)
        weights = torch.exp(scores - logsum[:, first:end, None]).to(query.dtype)
        output[:, first:end] = _unfold(torch.bmm(_fold(weights, key), value[:, :seen]), query)
    return output, logsum


def attend_in_chunks_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    logsum: Tensor,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`attend_backward` by matrix products; keys' and values' gradients are summed over chunks in float32 at least."""
    type_ = wide(query.dtype)
    grad_query = torch.empty_like(query)
    grad_key, grad_value = (torch.zeros_like(tensor, dtype=type_) for tensor in (key, value))
    inner = (grad.to(type_) * output).sum(-1)
    for first, end, seen in _chunks(query, key, causal):
        rows = slice(first, end)
        scores = _scores(query[:, rows], key[:, :seen], first, causal, scale)
        weights = torch.exp(scores - logsum[:, rows, None])
        folded = _fold(grad[:, rows], key)
        grad_value[:, :seen] += torch.bmm(_fold(weights.to(query.dtype), key).mT, folded)
        grad_weights = _unfold(torch.bmm(folded, value[:, :seen].mT), query)
        grad_scores = (weights * (grad_weights - inner[:, rows, None])).to(query.dtype)
        folded = _fold(grad_scores, key)
        grad_query[:, rows] = _unfold(torch.bmm(folded, key[:, :seen]), query) * scale
        grad_key[:, :seen] += torch.bmm(folded.mT, _fold(query[:, rows], key)) * scale
    return grad_query, grad_key, grad_value


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type of sums over tensors of a type: float64 for float64, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def _chunks(query: Tensor, key: Tensor, causal: bool) -> list[tuple[int, int, int]]:
    """(first query, end, keys that they may see) of each chunk."""
    heads, num_queries, _ = query.shape
    size = max(1, _SCORES // (heads * key.shape[1]))
    pieces = [(first, min(first + size, num_queries)) for first in range(0, num_queries, size)]
    return [(first, end, end if causal else key.shape[1]) for first, end in pieces]


def _scores(query: Tensor, key: Tensor, first: int, causal: bool, scale: float) -> Tensor:
    """[heads, n, m] in the wide type; −inf where a query does not see a key."""
    scores = _unfold(torch.bmm(_fold(query, key), key.mT), query).to(wide(query.dtype)) * scale
    if causal:
        hidden = torch.ones(scores.shape[1:], dtype=torch.bool, device=scores.device).triu(first + 1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores


def _fold(tensor: Tensor, key: Tensor) -> Tensor:
    """[heads, n, x] to [key heads, heads / key heads × n, x]: queries that share keys, in one product."""
    return tensor.reshape(key.shape[0], -1, tensor.shape[-1])


def _unfold(tensor: Tensor, query: Tensor) -> Tensor:
    return tensor.reshape(query.shape[0], -1, tensor.shape[-1])
