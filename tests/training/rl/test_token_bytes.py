"""Token bytes: a text's tokens add up to its bytes, for every kind of vocabulary; half characters stay half."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE, Unigram, WordLevel, WordPiece

from benchmarks.rl_sums import DIGITS
from pipeline.errors import BadInput
from pipeline.shard.tokenizer import find_tokenizer
from training.rl.token_bytes import TokenBytes, byte_level_map

TEXTS = ["the theorem of the other", "théorème — ∑ x² ≤ 𝔽", "  two  spaces\n\n\tand lines", "∀ε>0 ∃δ \\frac{1}{2}"] * 5
FALLBACK = {f"<0x{byte:02X}>": byte for byte in range(256)}


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet))
    return tokenizer


def pieces() -> list[str]:
    return ["<unk>", "<s>", "</s>", *FALLBACK, "▁", *"theormiofxyz ∑²"]


def llama_2() -> Tokenizer:
    """As the tokenizer.json of Llama-2: normaliser and decoder, no pre-tokenizer."""
    names = [piece for piece in pieces() if piece != " "] + ["▁t", "▁th", "▁the", "or"]
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("o", "r")]
    model = BPE({name: place for place, name in enumerate(names)}, merges, unk_token="<unk>", byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def unigram() -> Tokenizer:
    """As newer sentencepiece conversions: a Metaspace pre-tokenizer."""
    names = [(piece, -1.0) for piece in pieces() if piece != " "] + [("▁the", -0.5), ("or", -0.5)]
    tokenizer = Tokenizer(Unigram(names, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first", split=False)]
    )
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def characters() -> Tokenizer:
    """As benchmarks/rl_sums.py makes it."""
    vocabulary = {"<pad>": 0, "<eos>": 1, **{letter: place + 2 for place, letter in enumerate(DIGITS)}}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<eos>"])
    return tokenizer


def shipped() -> Tokenizer:
    return find_tokenizer("mathmill-bpe-8k", Path(), "tokenizer")[0]


def gemma() -> Tokenizer:
    """As the tokenizer.json of Gemma: no dummy space; runs of spaces and line breaks are added tokens too."""
    names = ["<unk>", "<s>", "</s>", *FALLBACK, "▁", "▁▁", "\n", "\n\n", *"theormiofxyz∑²"]
    model = BPE({name: place for place, name in enumerate(names)}, [("▁", "▁")], unk_token="<unk>", byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.add_tokens([AddedToken(run, normalized=False) for run in ("▁▁", "\n\n")])
    return tokenizer


def qwen() -> Tokenizer:
    """As the tokenizer.json of Qwen-2: a pattern of its own before the byte level."""
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


@cache
def made(make: Any) -> tuple[Tokenizer, TokenBytes]:
    tokenizer = make()
    return tokenizer, TokenBytes.from_tokenizer(tokenizer)


def joined(make: Any, text: str) -> bytes:
    tokenizer, token_bytes = made(make)
    found = token_bytes.of(tokenizer.encode(text, add_special_tokens=False).ids)
    assert None not in found
    return b"".join(token or b"" for token in found)


@pytest.mark.parametrize("make", [byte_level, shipped])
@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(text=st.text())
def test_byte_level_tokens_add_up_to_the_text(make: Any, text: str) -> None:
    assert joined(make, text) == text.encode()


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(text=st.text())
def test_tokens_add_up_to_the_normalised_text(text: str) -> None:
    assert joined(qwen, text) == unicodedata.normalize("NFC", text).encode()


@pytest.mark.parametrize("make", [llama_2, unigram, gemma])
@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(text=st.text(st.characters(exclude_characters="▁", exclude_categories=["Cs"]), min_size=1))
def test_sentencepiece_tokens_add_up_to_the_text_behind_their_dummy_space(make: Any, text: str) -> None:
    """Literal `<unk>` and the like in a text are special tokens to any tokenizer; the strategy does not write them."""
    found = joined(make, text)
    # Metaspace puts none where there is one, and Gemma none at all.
    dummy = make is not gemma and not (make is unigram and text.startswith(" "))
    assert found == (b" " if dummy else b"") + text.encode()


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(text=st.text(DIGITS))
def test_characters_add_up_to_the_text(text: str) -> None:
    assert joined(characters, text) == text.encode()


def test_the_byte_map_is_gpt_2s() -> None:
    found = byte_level_map()
    assert sorted(found.values()) == list(range(256))
    assert set(found) == set(pre_tokenizers.ByteLevel.alphabet())
    assert [found[character] for character in "AĠĊ¡Ń"] == [0x41, 0x20, 0x0A, 0xA1, 0xAD]


def test_half_characters_stay_half() -> None:
    """`é` is C3 A9; byte fallback and single byte-level tokens are no text by themselves."""
    tokenizer, token_bytes = made(llama_2)
    assert token_bytes.of(tokenizer.encode("thé").ids) == [b" th", b"\xc3", b"\xa9"]
    _, token_bytes = made(shipped)
    assert token_bytes.of([shipped().token_to_id("Ã"), shipped().token_to_id("©")]) == [b"\xc3", b"\xa9"]


def test_special_tokens_stand_for_nothing_and_added_ones_for_their_text() -> None:
    tokenizer = byte_level()
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.add_tokens(["</think>", AddedToken("Ġ∑", normalized=False)])
    token_bytes = TokenBytes.from_tokenizer(tokenizer)
    ids = tokenizer.encode("x</think> the Ġ∑<|end|>").ids
    found = token_bytes.of(ids)
    assert found[:2] == [b"x", b"</think>"]
    assert found[-2:] == ["Ġ∑".encode(), None]
    assert token_bytes.response(ids) == "x</think> the Ġ∑<|end|>".encode()
    assert token_bytes.response([ids[0], 1_000_000]) == b"x"


def test_added_runs_of_spaces_are_spaces() -> None:
    tokenizer, token_bytes = made(gemma)
    assert token_bytes.of(tokenizer.encode("t  h\n\no", add_special_tokens=False).ids) == [
        b"t", b"  ", b"h", b"\n\n", b"o"
    ]  # fmt: skip


def test_the_unknown_token_stands_for_nothing() -> None:
    tokenizer, token_bytes = made(characters)
    assert token_bytes.of(tokenizer.encode("1é+").ids) == [b"1", None, b"+"]


def test_a_transformers_tokenizer_is_read_through_its_backend() -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=characters(), eos_token="<eos>", pad_token=".")
    token_bytes = TokenBytes.from_tokenizer(tokenizer)
    assert token_bytes.of(tokenizer.encode("1+1;.")) == [b"1", b"+", b"1", b";", None]


def test_an_id_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(BadInput, match=r"token id 999 is not in the tokenizer's vocabulary of 21; take"):
        made(characters)[1].of([2, 999])


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def suffixed() -> Tokenizer:
    return Tokenizer(BPE({"a": 0, "a</w>": 1}, [], end_of_word_suffix="</w>"))


def dropping() -> Tokenizer:
    tokenizer = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits()])
    return tokenizer


def mixed() -> Tokenizer:
    tokenizer = byte_level()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def stray() -> Tokenizer:
    tokenizer = Tokenizer(BPE({"a": 0, "∑": 1}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (wordpiece, "WordPiece with continuing_subword_prefix '##'"),
        (suffixed, "BPE with end_of_word_suffix '</w>'"),
        (dropping, "its pre-tokenizer Whitespace drops text"),
        (mixed, "both byte-level and with '▁' for spaces"),
        (stray, r"token '∑' \(id 1\) of a byte-level vocabulary holds '∑'"),
        (dict, "dict holds no tokenizers.Tokenizer"),
    ],
)
def test_what_has_no_byte_map_is_refused(make: Any, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        TokenBytes.from_tokenizer(make())
