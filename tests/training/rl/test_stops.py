"""Stop strings are seen at the token that completes them, as if the text were decoded each time."""

import random
from collections.abc import Sequence

from tokenizers import ByteLevelBPETokenizer

from training.rl.stops import StopStrings


class Bytes:
    """A tokenizer whose token is a byte, decoded as transformers does: what is no character becomes U+FFFD."""

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        return bytes(token for token in tokens if token < 256).decode(errors="replace")


class Stripping(Bytes):
    """The same, without the space at the start, as sentencepiece vocabularies do."""

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        return super().decode(tokens).removeprefix(" ")


def _end(tokenizer: Bytes, text: bytes, stops: tuple[str, ...]) -> int | None:
    found = StopStrings(tokenizer, stops)
    return next((size for size in range(1, len(text) + 1) if found.ends(tuple(text[:size]))), None)


def test_a_stop_string_ends_at_its_last_character() -> None:
    assert _end(Bytes(), b"so 4.\nUser: what", ("\nUser:", "Question")) == len(b"so 4.\nUser:")
    assert _end(Bytes(), b"no such thing", ("\nUser:",)) is None
    assert _end(Bytes(), b"anything", ()) is None


def test_a_character_of_several_bytes_ends_one() -> None:
    assert _end(Bytes(), "x = 5 ∎ and on".encode(), ("∎",)) == len("x = 5 ∎".encode())


def test_a_stop_string_may_end_in_a_space_that_decoding_alone_would_hide() -> None:
    assert _end(Stripping(), b"go on, User: yes", ("User: ",)) == len(b"go on, User: ")


def test_no_token_is_passed_over() -> None:
    words = ["User", "Us", "er", ":", "\n", " ", "a", "stop", "∎", "é"]
    rng = random.Random(0)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([" ".join(words) * 20], vocab_size=320, show_progress=False)
    stops = ("User:", "∎", "op\n")
    for _ in range(200):
        tokens = tokenizer.encode("".join(rng.choices(words, k=30))).ids
        found = StopStrings(tokenizer, stops)
        for size in range(1, len(tokens) + 1):
            text = tokenizer.decode(tokens[:size])
            if any(stop in text for stop in stops):
                assert found.ends(tokens[:size])
                break
            assert not found.ends(tokens[:size])


def test_text_ends_before_the_first_stop_string() -> None:
    assert StopStrings(Bytes(), ("b", "cd")).before("acdb") == "a"
    assert StopStrings(Bytes(), ("x",)).before("acdb") == "acdb"
