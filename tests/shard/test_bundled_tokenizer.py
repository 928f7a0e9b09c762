import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from pipeline.shard.tokenizers.train import SPECIAL_TOKENS, read_texts, train

FILE = Path(__file__).parents[2] / "pipeline" / "shard" / "tokenizers" / "mathmill-bpe-8k.json"


@pytest.fixture(scope="module")
def bundled() -> Tokenizer:
    return Tokenizer.from_file(str(FILE))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Let $f(x) = \\frac{1}{x^2}$.\n\n",
        "数学 🎲 \u0301e\u200b",
        "\0\t\r\n",
        "  def f():\n    return 1_000",
        "ﬁ ² ½",
    ],
)
def test_every_text_comes_back(bundled: Tokenizer, text: str) -> None:
    assert bundled.decode(bundled.encode(text).ids, skip_special_tokens=False) == text


def test_vocabulary(bundled: Tokenizer) -> None:
    assert bundled.get_vocab_size() == 8192
    assert [bundled.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1]
    assert FILE.stat().st_size < 700_000


def test_golden_tokens(bundled: Tokenizer) -> None:
    encoding = bundled.encode("Find the area of 1234 triangles.")
    assert encoding.tokens == ["F", "ind", "Ġthe", "Ġarea", "Ġof", "Ġ", "1", "2", "3", "4", "Ġtriangles", "."]


def test_training_is_deterministic(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    rows = [{"text": f"the {word} of the {word}s is {n}"} for n, word in enumerate("sum angle area root".split() * 20)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    first, second = (train(read_texts([path]), 300).to_str() for _ in range(2))
    assert first == second
    path.write_text('{"texts": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"texts\.jsonl:1: expected an object"):
        list(read_texts([path]))
