"""The prefix reward against a literal reading of its definition on 100,000 cases, and exact values of its variants."""

import math
import random
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from pipeline.shard.tokenizer import find_tokenizer
from training.rl.next_token import (
    MOST_WRONG,
    conditional_dense_rewards,
    dense_reward,
    first_token_reward,
    prefix_reward,
)
from training.rl.token_bytes import TokenBytes

CASES = 100_000
ALPHABET = [*"ab  \n\t{}\\", "é", "ß", "∑", "∀", "\u00a0", "\u2009", "漢", "𝔽", "e\u0301", "\r\n", "\0"]


def literal(prediction: bytes, continuation: list[bytes | None]) -> float:
    """RPT section 3.2 as it is written: ȳ = x̄[:l] and l ∈ L, over lists."""
    tokens: list[bytes] = []
    for token in continuation:
        if token is None or token == b"":
            break
        tokens.append(token)
    text = b"".join(tokens)
    lengths = {sum(len(token) for token in tokens[:count]) for count in range(1, len(tokens) + 1)}
    equal = [text[place : place + 1] for place in range(len(prediction))] == [bytes([byte]) for byte in prediction]
    return 1.0 if equal and len(prediction) in lengths else 0.0


def cut(rng: random.Random, text: bytes) -> list[bytes | None]:
    """Text in random tokens, cut inside characters too; now and then a special token."""
    edges = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(rng.randrange(8)))})
    tokens: list[bytes | None] = [text[left:right] for left, right in pairwise(edges)]
    if rng.random() < 0.2:
        tokens.insert(rng.randrange(len(tokens) + 1), rng.choice([None, b""]))
    return tokens


def predicted(rng: random.Random, text: bytes, tokens: list[bytes | None]) -> bytes:
    """A prediction that is near to right: at a boundary, beside one, with another space, or with one byte changed."""
    boundary = b"".join(token or b"" for token in tokens[: rng.randrange(len(tokens) + 1)])
    kind = rng.randrange(8)
    if kind < 3:
        return boundary
    if kind == 3:
        return text[: rng.randrange(len(text) + 2)]
    if kind == 4:
        return rng.choice([boundary.strip(), b" " + boundary, boundary + b" ", boundary.lstrip(), boundary + b"\n"])
    if kind == 5 and boundary:
        place = rng.randrange(len(boundary))
        return boundary[:place] + bytes([boundary[place] ^ (1 << rng.randrange(8))]) + boundary[place + 1 :]
    if kind == 6:
        return boundary.replace(b" ", rng.choice([b"\xc2\xa0", b"  ", b"\t", b""]))
    return text + rng.choice([b"", b"a", b" ", b"\x00", b"\xc3"])


def test_the_prefix_reward_is_its_definition_on_100_000_cases() -> None:
    rng, right, split, special = random.Random(8), 0, 0, 0
    for _ in range(CASES):
        text = "".join(rng.choices(ALPHABET, k=rng.randrange(13))).encode()
        tokens = cut(rng, text)
        prediction = predicted(rng, text, tokens)
        found = prefix_reward(prediction, tokens)
        assert found == literal(prediction, tokens), (prediction, tokens)
        right += found == 1.0
        split += found == 1.0 and prediction.decode(errors="ignore").encode() != prediction
        special += found == 0.0 and prediction == text[: len(prediction)] and None in tokens
    # Enough of every kind, so that the comparison means something.
    assert right > 20_000
    assert split > 2_000
    assert special > 1_000


E_ACUTE = [b"caf", b"\xc3", b"\xa9", b" au", b" lait"]


@pytest.mark.parametrize(
    ("prediction", "reward"),
    [
        (b"caf", 1.0),
        ("café".encode(), 1.0),
        ("café au".encode(), 1.0),
        ("café au lait".encode(), 1.0),
        (b"caf\xc3", 1.0),  # a boundary that no text can hit; the definition stands as it is
        (b"", 0.0),
        (b"ca", 0.0),
        ("café ".encode(), 0.0),
        (" café".encode(), 0.0),
        ("cafe\u0301".encode(), 0.0),
        ("Café".encode(), 0.0),
        ("café au lait.".encode(), 0.0),
    ],
)
def test_by_hand(prediction: bytes, reward: float) -> None:
    assert prefix_reward(prediction, E_ACUTE) == reward


@pytest.mark.parametrize(
    ("prediction", "reward"),
    [(" x", 1), (" x²", 1), ("x", 0), (" x² ", 0), (" x² ∈", 1), (" x² ∈ 𝔽", 1), (" x² ∈ 𝔽 an", 0), ("", 0)],
)
def test_the_example_of_the_documentation(prediction: str, reward: int) -> None:
    tokenizer = find_tokenizer("mathmill-bpe-8k", Path(), "tokenizer")[0]
    tokens = TokenBytes.from_tokenizer(tokenizer).of(tokenizer.encode(" x² ∈ 𝔽 and").ids)
    assert list(accumulate(len(token or b"") for token in tokens)) == [2, 4, 7, 8, 9, 10, 11, 12, 13, 17]
    assert prefix_reward(prediction.encode(), tokens) == reward


@pytest.mark.parametrize("special", [None, b""])
def test_a_special_token_ends_the_continuation_and_adds_no_boundary(special: bytes | None) -> None:
    assert prefix_reward(b"a", [b"a", special, b"b"]) == 1.0
    assert prefix_reward(b"ab", [b"a", special, b"b"]) == 0.0
    assert prefix_reward(b"", [special, b"b"]) == 0.0
    assert prefix_reward(b"b", [special, b"b"]) == 0.0
    assert prefix_reward(b"", []) == prefix_reward(b"a", []) == 0.0
    assert first_token_reward([b"b"], [special, b"b"]) == 0.0


def test_text_instead_of_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match=r"prediction is str; give bytes"):
        prefix_reward("a", [b"a"])
    with pytest.raises(TypeError, match=r"continuation is bytes; give a list"):
        prefix_reward(b"a", b"abc")
    with pytest.raises(TypeError, match=r"continuation holds str 'b'"):
        prefix_reward(b"a", [b"a", "b"])
    with pytest.raises(TypeError, match=r"continuation is NoneType"):
        prefix_reward(b"a", None)


def test_the_first_token_decides_alone() -> None:
    following = [b" the", b" orem"]
    assert first_token_reward([b" the", b" wrong"], following) == 1.0
    assert first_token_reward([b" theorem"], following) == 0.0
    assert first_token_reward([b" t", b"he"], following) == 1.0  # the same bytes, cut up otherwise
    assert first_token_reward([b" t", b"he", b" orem"], following) == 0.0
    assert first_token_reward([], following) == first_token_reward([], []) == 0.0


def test_dense_is_one_or_the_probability_of_what_was_predicted() -> None:
    assert dense_reward(1.0, math.log(0.1)) == 1.0
    assert dense_reward(1.0, None) == 1.0
    assert dense_reward(0.0, math.log(0.25)) == pytest.approx(0.25, abs=1e-15)
    assert dense_reward(0.0, None) == dense_reward(0.0, -math.inf) == 0.0
    assert dense_reward(0.0, 0.0) == dense_reward(0.0, 1e-7) == MOST_WRONG < 1.0
    for logprob in (math.nan, 0.5, math.inf):
        with pytest.raises(ValueError, match="is of no probability"):
            dense_reward(0.0, logprob)


def test_conditional_dense_needs_a_right_answer_in_the_group() -> None:
    half = math.log(0.5)
    assert conditional_dense_rewards([0.0, 1.0, 0.0], [half, half, None]) == pytest.approx([0.5, 1.0, 0.0])
    assert conditional_dense_rewards([0.0, 0.0, 0.0], [half, half, None]) == [0.0, 0.0, 0.0]
    assert conditional_dense_rewards([], []) == []
