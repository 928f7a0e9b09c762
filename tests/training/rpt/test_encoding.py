"""Text in the middle of another one, for tokenizers with and without a dummy space."""

import pytest
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

from pipeline.errors import BadInput
from training.rpt.encoding import Encoder

FALLBACK = [f"<0x{byte:02X}>" for byte in range(256)]


def sentencepiece(modern: bool) -> Tokenizer:
    names = ["<unk>", "<s>", "</s>", *FALLBACK, "▁", *"theo.|", "▁t", "▁th", "▁the", "</think>"]
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e")]
    tokenizer = Tokenizer(
        BPE({name: place for place, name in enumerate(names)}, merges, unk_token="<unk>", byte_fallback=True)
    )
    if modern:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "</think>"])
    return tokenizer


def byte_level(normaliser: normalizers.Normalizer | None = None) -> Tokenizer:
    names = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE({name: place for place, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if normaliser is not None:
        tokenizer.normalizer = normaliser
    tokenizer.add_special_tokens(["<s>", "</s>", "</think>"])
    return tokenizer


MADE = [Encoder(sentencepiece(False)), Encoder(sentencepiece(True)), Encoder(byte_level())]


@pytest.mark.parametrize("encoder", MADE)
@pytest.mark.parametrize("text", ["the", " the", "\nthe", "\n\n|", "é", "", " ", "  the", ".", "a.\n", "e</think> t"])
def test_inside_is_exactly_the_text(encoder: Encoder, text: str) -> None:
    assert encoder.token_bytes.response(encoder.inside(text)) == text.encode()


def test_a_dummy_space_is_not_inside() -> None:
    encoder = MADE[0]
    assert encoder.token_bytes.of(encoder.opening("the")) == [b" the"]
    assert encoder.token_bytes.of(encoder.inside("the")) == [b"t", b"h", b"e"]
    assert encoder.token_bytes.of(encoder.inside(" the")) == [b" the"]


def test_what_a_normaliser_changes_is_refused() -> None:
    encoder = Encoder(byte_level(normalizers.NFC()))
    assert encoder.inside("é") == encoder.prediction("é".encode())
    with pytest.raises(BadInput, match="tokenizer: says 'e\u0301' as b'\\\\xc3\\\\xa9'; write it without"):
        encoder.inside("e\u0301")
    assert encoder.prediction("e\u0301".encode()) == ()


def test_predictions_that_are_no_text_have_no_tokens() -> None:
    for encoder in MADE:
        assert encoder.prediction(b"\xc3") == encoder.prediction(b"") == encoder.prediction(b"t</s>") == ()
        assert encoder.token_bytes.of(encoder.prediction(b"the"))[0] == b"t"


def test_responses_lose_the_special_tokens_that_end_them() -> None:
    for encoder in MADE:
        thought = encoder.inside("th") + encoder.inside("</think>")
        answer = (*thought, *encoder.inside(" e"), *encoder.inside("</s></s>"))
        assert encoder.response(answer, "</think>") == b"th</think> e"
        assert encoder.response(thought, "</think>") == b"th</think>"
        assert encoder.response(thought, None) == b"th"
        assert encoder.before(answer, b"</think>") == encoder.inside("th")
        assert encoder.before(answer, b"") == encoder.before(answer, b"none") == answer[:-2]
        assert encoder.before((), b"</think>") == ()
        assert encoder.before(encoder.inside("</s>"), b"") == ()


def test_a_token_across_the_tag_is_left_out() -> None:
    tokenizer = byte_level()
    tokenizer.add_tokens(["e</th"])
    encoder = Encoder(tokenizer)
    drawn = (*encoder.inside("the</th"), *encoder.inside("ink> x"))
    assert encoder.before(drawn, b"</think>") == encoder.inside("th")
