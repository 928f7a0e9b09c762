"""Token shards and their manifest, tokens.json: what a folder of tokens holds, where it came from, how to check it.

A shard is four files: `X.ds` (token ids, little-endian, as datatrove writes them), `X.ds.index` (the end of each
document in tokens, uint64), `X.ds.docs` (where each document came from, `DOCUMENT`) and, of a format with an untrained
part, `X.ds.loss` (a byte per token, 1 when it is trained). The JSON Schema is manifests/schema/tokens.schema.json.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from pipeline.frozen import Frozen
from pipeline.manifest_file import ManifestFile

MANIFEST = "tokens.json"
DOCUMENT = np.dtype([("id", "V16"), ("file", "<u4"), ("row", "<u4")])
"""A document's origin: its 16-byte id, the index of its file in `source.files`, its row there. 24 bytes."""
END = np.dtype("<u8")
Format = Literal["text", "qa", "chat", "cot"]


class Tokenizer(Frozen):
    """Which tokenizer made the ids: `revision` is the Hub commit, `xxh3_128` the digest of its tokenizer.json.

    `eos` ends every document; `bos` begins every document, null when the tokenizer's configuration asks for none.
    """

    name: str
    revision: str | None
    xxh3_128: str
    vocab_size: int
    eos: int
    bos: int | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the ids on disk: 16 bits where the vocabulary fits, else 32."""
        return np.dtype("<u2" if self.vocab_size <= 1 << 16 else "<u4")


class SourceFile(Frozen):
    """A file that documents came from, and the digest of its bytes."""

    path: str
    rows: int
    xxh3_128: str


class Source(Frozen):
    """What was tokenised: a corpus, local files, a Hub data set, or stored answers; `files` are relative to `location`.

    `location` is a path relative to the folder of the token manifest, or a Hub name; it is part of no digest.
    `revision` is the Hub commit, `manifest_xxh3_128` the digest of the corpus manifest; null where there is none.
    """

    kind: Literal["corpus", "files", "hub", "rollouts"]
    name: str
    location: str
    revision: str | None
    manifest_xxh3_128: str | None
    files: tuple[SourceFile, ...]


class TokenShard(Frozen):
    """One `.ds` with the files beside it; `xxh3_128` by suffix (`.ds`, `.ds.index`, `.ds.docs`, `.ds.loss`)."""

    path: str
    documents: int
    tokens: int
    trained: int
    xxh3_128: dict[str, str]

    def sizes(self, dtype: np.dtype[Any]) -> dict[str, int]:
        """Bytes of each file by its path; ids are of `dtype`."""
        sizes = {
            ".ds": self.tokens * dtype.itemsize,
            ".ds.index": self.documents * END.itemsize,
            ".ds.docs": self.documents * DOCUMENT.itemsize,
            ".ds.loss": self.tokens,
        }
        return {self.path.removesuffix(".ds") + suffix: sizes[suffix] for suffix in self.xxh3_128}


class TokenTotals(Frozen):
    """Sums over all shards; `trained` counts tokens that are learned as labels, BOS and masked ones left out."""

    documents: int
    tokens: int
    trained: int


class TokenManifest(ManifestFile):
    """A folder of token shards. `rows` of the source = documents + the rows that `dropped` counts by reason."""

    FILE = MANIFEST
    TITLE = "token manifest"
    MISSING = "make it with `mathmill tokenize`"
    AGAIN = "tokenize again"

    schema_version: Literal[1]
    name: str
    format: Format
    masked: bool
    tokenizer: Tokenizer
    rows: int
    dropped: dict[str, int]
    totals: TokenTotals
    shards: tuple[TokenShard, ...]
    source: Source

    def describe(self) -> str:
        """What it holds, in a line."""
        return f"{self.name}: {len(self.shards)} token shards, {self.totals.tokens:,} tokens"

    @property
    def digest(self) -> str:
        """32 hex digits over everything but the source's location: moving the files changes nothing."""
        from pipeline.files import digest

        content = self.model_dump(mode="json")
        del content["source"]["location"]
        return digest(content)

    def files(self, shard: TokenShard) -> Iterator[tuple[str, int, str]]:
        """Path, bytes and digest of each file of a shard."""
        sizes = shard.sizes(self.tokenizer.dtype)
        for (path, size), digest in zip(sizes.items(), shard.xxh3_128.values(), strict=True):
            yield path, size, digest

    def verify(self, full: bool = False) -> list[str]:
        """Problems found, one line each, naming the file; none means whole. Sizes always, digests with `full`."""
        files = (file for shard in self.shards for file in self.files(shard))
        return [problem for file in files if (problem := self.check(*file, full))]

    def check(self, path: str, size: int, digest: str, full: bool) -> str | None:
        """What is wrong with one file of a shard; None when nothing is."""
        file = self.folder / path
        if not file.is_file():
            return f"{file}: missing"
        if (found := file.stat().st_size) != size:
            return f"{file}: {found} bytes, the manifest says {size}"
        if full:
            from pipeline.files import file_digest

            if file_digest(file) != digest:
                return f"{file}: xxh3_128 does not match the manifest"
        return None
