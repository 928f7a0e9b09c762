"""BOS, EOS and masks as the tokenizer's configuration says."""

import pytest

from pipeline.errors import BadInput
from support.tokenizers import write_tokenizer
from training.tokenize.encoder import open_encoder
from training.tokenize.formats import Text, layout

SPECIAL = {"bos_token": {"content": "<s>"}, "eos_token": "</s>"}


def ids(encoder, text):
    [(found, _)] = encoder.encode([Text(text, ((0, len(text)),))], False)
    return found.tolist()


@pytest.mark.parametrize(
    ("post_processor", "config", "bos"),
    [
        (False, SPECIAL, None),
        (True, SPECIAL, 0),
        (False, SPECIAL | {"add_bos_token": True}, 0),
        (True, SPECIAL | {"add_bos_token": False}, None),
    ],
)
def test_bos_is_prepended_when_the_configuration_says_so(tmp_path, post_processor, config, bos):
    encoder = open_encoder(str(write_tokenizer(tmp_path, post_processor=post_processor, **config)))
    assert (encoder.tokenizer.bos, encoder.tokenizer.eos, encoder.tokenizer.vocab_size) == (bos, 1, 300)
    found = ids(encoder, "Let $x$")
    assert found[-1] == 1
    assert (found[0] == 0) == (bos == 0)
    assert encoder.backend.decode(found) == "Let $x$"


def test_special_tokens_in_a_text_are_plain_text(tmp_path):
    encoder = open_encoder(str(write_tokenizer(tmp_path, **SPECIAL)))
    found = ids(encoder, "a</s>b")
    assert found.count(1) == 1
    assert encoder.backend.decode(found[:-1]) == "a</s>b"


def test_every_token_with_a_trained_character_is_trained(tmp_path):
    encoder = open_encoder(str(write_tokenizer(tmp_path, **SPECIAL, add_bos_token=True)))
    turns = [("user", "Hi ∑"), ("assistant", "Hello ∫"), ("user", "Hi"), ("assistant", "hello!")]
    made = layout("chat", ()).text({"messages": [{"role": role, "content": content} for role, content in turns]})
    [(found, trained)] = encoder.encode([made], True)
    assert len(found) == len(trained)
    assert not trained[0]
    assert trained[-1]
    runs, piece = [], []
    for token, learned in zip(found[:-1].tolist(), trained.tolist(), strict=False):
        if learned:
            piece.append(token)
        elif piece:
            runs, piece = [*runs, encoder.backend.decode(piece)], []
    assert [*runs, encoder.backend.decode(piece)] == [" Hello ∫", " hello!"]
    [(plain, none)] = encoder.encode([made], False)
    assert none is None
    assert plain.tolist() == found.tolist(), "a mask changes no id"


def test_eos_is_not_trained_behind_an_untrained_end(tmp_path):
    encoder = open_encoder(str(write_tokenizer(tmp_path, **SPECIAL)))
    turns = [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]
    [(_, trained)] = encoder.encode([layout("chat", ()).text({"messages": turns})], True)
    assert trained[1:].any()
    assert not trained[-1]


def test_the_bundled_tokenizer_ends_with_its_end_of_text():
    encoder = open_encoder("mathmill-bpe-8k")
    assert (encoder.tokenizer.eos, encoder.tokenizer.bos, encoder.tokenizer.dtype) == (0, None, "<u2")
    assert ids(encoder, "hi")[-1] == 0
    assert open_encoder("mathmill-bpe-8k", eos="<|pad|>").tokenizer.eos == 1


def test_without_an_eos_or_a_tokenizer_it_is_refused(tmp_path):
    folder = write_tokenizer(tmp_path / "bare")
    with pytest.raises(BadInput, match=r"no token <\|endoftext\|> to end documents with; name one with --eos TOKEN"):
        open_encoder(str(folder))
    assert open_encoder(str(folder / "tokenizer.json"), eos="</s>").tokenizer.eos == 1
    with pytest.raises(BadInput, match=r"no such file: .*tokenizer\.json; correct the path"):
        open_encoder(str(tmp_path))
    write_tokenizer(tmp_path / "odd", eos_token="</s>", add_bos_token=True)
    with pytest.raises(BadInput, match="add_bos_token is set, but bos_token None is no token"):
        open_encoder(str(tmp_path / "odd"))
