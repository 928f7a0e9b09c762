"""The corpus manifest: what a corpus holds, where it came from, and how to check that it is whole.

A reader refuses an unknown schema version, a shard that is missing or of another size, and (with `full`) one whose
bytes changed; it names the shard. The JSON Schema is manifests/schema/corpus-manifest.schema.json.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pipeline.files import CHUNK, file_digest
from pipeline.frozen import Frozen
from pipeline.manifest_file import ManifestFile
from pipeline.shard.mask import Masked
from pipeline.shard.tokenizer import TokenizerIdentity


class Shard(Frozen):
    """One Parquet file of documents, ordered by id; `path` is relative to the manifest's folder."""

    path: str
    rows: int
    tokens: int
    bytes: int
    xxh3_128: str
    sha256: str
    first_id: str | None
    last_id: str | None


class Totals(Frozen):
    """Sums over all shards; `bytes` are UTF-8 bytes of text."""

    documents: int
    tokens: int
    bytes: int
    formulas: int


class StageSummary(Frozen):
    """A stage of the build: its folder, fingerprint and ledger totals (`in == kept + Σ dropped`)."""

    name: str
    folder: str
    fingerprint: str
    ledger: dict[str, Any]


class Refinement(Frozen):
    """Who rewrote the documents. With just these answers the corpus is a function of its inputs and its recipe.

    So two builds over one cache of answers are equal, whatever the model would say today.
    """

    refiner: str
    """What the documents say: model@prompt digest, or the editor with its version."""
    prompt: str | None
    """Name and version of the prompt; null for the editor."""
    answers: int
    """Answers of the model that documents were made of, tries that were refused included."""
    answers_xxh3_128: str
    """Digest over them."""
    prompt_tokens: int
    """As the server counted them, of those answers."""
    completion_tokens: int
    """The same, of what it wrote."""
    verdicts: dict[str, int]
    """Documents by verdict: accept, keep_original, drop."""


class Listing(Frozen):
    """A Parquet list beside the manifest: the input files, or the ledger of every part."""

    path: str
    rows: int
    xxh3_128: str


class RecipeIdentity(Frozen):
    """The recipe as it was built, overrides included, and the xxh3_128 of it as canonical JSON."""

    settings: dict[str, Any]
    xxh3_128: str


class Manifest(ManifestFile):
    """A corpus. Two builds of the same input by the same versions differ in `created` alone."""

    FILE = "manifest.json"
    TITLE = "corpus manifest"
    MISSING = "give a finished corpus folder or its manifest.json"
    AGAIN = "build the corpus again"

    schema_version: Literal[1]
    name: str
    created: str
    code_version: str
    recipe: RecipeIdentity
    tokenizer: TokenizerIdentity
    totals: Totals
    shards: tuple[Shard, ...]
    stages: tuple[StageSummary, ...]
    inputs: Listing
    ledgers: Listing
    nondeterministic: tuple[str, ...]
    """Ids of pages that timed out or crashed the extractor twice: on another machine they may come through."""
    masked: Masked = Masked()
    """Addresses that were replaced in the texts, as `shard.mask` asked."""

    refinement: Refinement | None = None
    """Null where documents are as they were extracted."""

    def shard_paths(self) -> list[Path]:
        """The shards' files, in order."""
        return [self.folder / shard.path for shard in self.shards]

    def verify(self, full: bool = False) -> list[str]:
        """Problems found, one line each, naming the file; none means whole. Sizes always, digests with `full`."""
        problems = [problem for shard in self.shards if (problem := self._check(shard, full))]
        for listing in (self.inputs, self.ledgers):
            path = self.folder / listing.path
            if not path.is_file():
                problems.append(f"{listing.path}: missing")
            elif full and file_digest(path) != listing.xxh3_128:
                problems.append(f"{listing.path}: xxh3_128 does not match the manifest")
        return problems

    def _check(self, shard: Shard, full: bool) -> str | None:
        path = self.folder / shard.path
        if not path.is_file():
            return f"{shard.path}: missing"
        if (size := path.stat().st_size) != shard.bytes:
            return f"{shard.path}: {size} bytes, the manifest says {shard.bytes}"
        if full:
            if file_digest(path) != shard.xxh3_128:
                return f"{shard.path}: xxh3_128 does not match the manifest"
            if sha256(path) != shard.sha256:
                return f"{shard.path}: sha256 does not match the manifest"
        return None


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
