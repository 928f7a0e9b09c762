"""The tokenizer that counts tokens: bundled, by path, or by Hub name; always with a name, a revision and a digest."""

import contextlib
from pathlib import Path

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
    tokenizer, identity, _ = find_tokenizer(name, loaded.resolve(name), f"{loaded.path}: shard.tokenizer: {name!r}")
    return TokenCounter(tokenizer, identity)


def find_tokenizer(name: str, path: Path, where: str) -> tuple[Tokenizer, TokenizerIdentity, Path]:
    """The tokenizer called `name`, and its tokenizer.json, with the tokenizer_config.json beside it if there is one.

    `name` is a bundled tokenizer, a tokenizer.json or its folder (`path` is where that would stand), or a Hub name,
    with `@revision` if need be. `where` begins the message of an error.

    Raises:
        BadInput: the file is no tokenizer, or there is neither such a file nor such a Hub repository in reach.
    """
    bundled, inside = BUNDLED / f"{name}.json", path / "tokenizer.json"
    revision = None
    if bundled.is_file() or path.is_file() or inside.is_file():
        found = next(file for file in (bundled, path, inside) if file.is_file())
        stem = path.name if found == inside else found.stem
    elif name.endswith(".json") or name.count("/") > 1 or path.is_dir():
        raise BadInput(f"{where}: no such file: {inside if path.is_dir() else path}; correct the path")
    else:
        found = _from_hub(name, where)
        stem, revision = name.partition("@")[0], found.parent.name
    try:
        tokenizer = Tokenizer.from_file(str(found))
    except Exception as error:
        raise BadInput(f"{where}: not a tokenizer.json: {error}; export one with save_pretrained") from error
    return tokenizer, TokenizerIdentity(name=stem, revision=revision, xxh3_128=file_digest(found)), found


def _from_hub(name: str, where: str) -> Path:
    """The tokenizer.json of a Hub repository, in the local cache."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        path = Path(hf_hub_download(repository, "tokenizer.json", revision=revision or None))
        with contextlib.suppress(EntryNotFoundError):
            hf_hub_download(repository, "tokenizer_config.json", revision=path.parent.name)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"{where}: not bundled, no file, not on the Hub ({reason}); correct the name") from error
    return path
