"""Rewards of a predicted continuation: bytes against the bytes of the text that follows (RPT, arXiv 2506.08007).

A continuation is a list of the bytes of its tokens, from the stored ids (`training.rl.token_bytes`), never from a
tokenisation of decoded text: the boundaries would be others. A special token, None or b"", ends a continuation: it
stands for no text, so there is nothing to predict behind it, and it adds no boundary.

A boundary inside a UTF-8 character counts like any other. No prediction that is text can hit it; a prediction that
goes on to a later boundary can be right all the same.
"""

import math
from collections.abc import Sequence

MOST_WRONG = 1.0 - 2.0**-24
"""The most that a wrong prediction may be worth: the largest float32 below 1."""


def prefix_reward(prediction: bytes, continuation: Sequence[bytes | None]) -> float:
    """RPT's prefix-matching reward (arXiv 2506.08007 section 3.2): 1.0 or 0.0.

    1 when the prediction equals the first bytes of the continuation and its length is the length of the first token,
    of the first two, of the first three, and so on. Spaces count like any byte. An empty prediction is wrong.

    Args:
        prediction: bytes of the predicted text.
        continuation: bytes of the tokens that follow, in order; None or b"" (a special token) ends them.

    Raises:
        TypeError: text instead of bytes, or a continuation that is not a list of tokens.
    """
    _check(prediction, continuation)
    place = 0
    for token in continuation:
        if not token or not prediction.startswith(token, place):
            break
        place += len(token)
        if place == len(prediction):
            return 1.0
    return 0.0


def first_token_reward(prediction: Sequence[bytes], continuation: Sequence[bytes | None]) -> float:
    """RPT's first-token reward (its ablation of rewards): 1.0 or 0.0.

    1 when the first token of the prediction is the first of the continuation, whatever follows it. Tokens are compared
    by their bytes, and a prediction that is the first token as a whole is right even if a tokenizer would cut it up.

    Args:
        prediction: bytes of the prediction's tokens; empty: no prediction.
        continuation: as in `prefix_reward`.
    """
    whole = b"".join(prediction)
    _check(whole, continuation)
    first = continuation[0] if continuation else None
    return float(bool(first) and first in (whole, *prediction[:1]))


def dense_reward(right: float, logprob: float | None) -> float:
    """RPT's dense reward (its ablation of rewards), in 0..1.

    1 when the prediction is right; otherwise the probability of the predicted token, which is the first token of the
    prediction, under the current policy after the context alone, without thought. A wrong prediction stays below 1
    (`MOST_WRONG`), however sure the policy is of it.

    Args:
        right: the prefix reward, 1.0 or 0.0.
        logprob: in nats; None where the prediction has no token (empty, or no text): it is worth 0 then.

    Raises:
        ValueError: a log-prob that is no number, or above 0 by more than rounding.
    """
    if right == 1.0:
        return 1.0
    if logprob is None:
        return 0.0
    if math.isnan(logprob) or logprob > 1e-3:
        raise ValueError(f"logprob {logprob} is of no probability; give a number of at most 0")
    return min(math.exp(min(logprob, 0.0)), MOST_WRONG)


def conditional_dense_rewards(right: Sequence[float], logprobs: Sequence[float | None]) -> list[float]:
    """RPT's conditional dense rewards of one group (its ablation): dense where an answer is right, otherwise all 0.

    Args:
        right: prefix rewards of the group's answers.
        logprobs: as in `dense_reward`, one for each.
    """
    if 1.0 not in right:
        return [0.0] * len(right)
    return [dense_reward(*item) for item in zip(right, logprobs, strict=True)]


def _check(prediction: object, continuation: object) -> None:
    if not isinstance(prediction, bytes):
        raise TypeError(f"prediction is {type(prediction).__name__}; give bytes, as in text.encode()")
    if isinstance(continuation, bytes | str) or not isinstance(continuation, Sequence):
        raise TypeError(f"continuation is {type(continuation).__name__}; give a list with the bytes of each token")
    for token in continuation:
        if token is not None and not isinstance(token, bytes):
            raise TypeError(
                f"continuation holds {type(token).__name__} {token!r}; give the bytes of each token, or None for a "
                "special one"
            )
