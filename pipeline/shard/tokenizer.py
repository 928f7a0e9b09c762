"""The tokenizer that counts tokens: bundled, by path, or by Hub name; always with a name, a revision and a digest."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.errors import BadInput
from pipeline.files import file_digest
from pipeline.frozen import Frozen
from pipeline.recipe import LoadedRecipe

BUNDLED = Path(__file__).parent / "tokenizers"
_BATCH_CHARS = 1 << 20


class TokenizerIdentity(Frozen):
    """Which tokenizer counted: `revision` is the Hub commit (null elsewhere), `xxh3_128` the digest of its JSON."""

    name: str
    revision: str | None
    xxh3_128: str


class TokenCounter:
    """Counts tokens without special tokens."""

    def __init__(self, tokenizer: Tokenizer, identity: TokenizerIdentity) -> None:
        self._tokenizer, self.identity = tokenizer, identity
        # A tokenizer.json may ask for truncation or padding: a count must be of the whole text.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        counts: list[int] = []
        batch: list[str] = []
        chars = 0
        for text in texts:
            batch.append(text)
            chars += len(text)
            if chars >= _BATCH_CHARS:
                counts += self._count(batch)
                batch, chars = [], 0
        return counts + self._count(batch)

    def _count(self, texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def load_tokenizer(loaded: LoadedRecipe) -> TokenCounter:
    """The tokenizer that the recipe names.

    Raises:
        BadInput: the file is no tokenizer, or there is neither such a file nor such a Hub repository in reach.
    """
    name = loaded.recipe.shard.tokenizer
    where = f"{loaded.path}: shard.tokenizer: {name!r}"
    bundled, path = BUNDLED / f"{name}.json", loaded.resolve(name)
    if bundled.is_file() or path.is_file():
        path = bundled if bundled.is_file() else path
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise BadInput(f"{where}: not a tokenizer.json: {error}; export one with save_pretrained") from error
        return TokenCounter(tokenizer, TokenizerIdentity(name=path.stem, revision=None, xxh3_128=file_digest(path)))
    if name.endswith(".json") or name.count("/") > 1:
        raise BadInput(f"{where}: no such file: {path}; correct the path")
    return _from_hub(name, where)


def _from_hub(name: str, where: str) -> TokenCounter:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(hf_hub_download(name, "tokenizer.json"))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"{where}: not bundled, no file, not on the Hub ({reason}); correct the name") from error
    identity: dict[str, Any] = {"name": name, "revision": path.parent.name, "xxh3_128": file_digest(path)}
    return TokenCounter(Tokenizer.from_file(str(path)), TokenizerIdentity(**identity))
