"""Positions: places in documents at which a model is asked what comes next; and the folder of measured ones.

A position is (document, offset): the context is `ids[:offset]`, the target `ids[offset]`. A position folder holds
`positions.json`, whose JSON Schema is manifests/schema/positions.schema.json, and Parquet files of the positions whose
entropy is at least a floor, in the order of documents and offsets. It names the proxy model, so that measuring once
serves many runs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.files import Output, digest, file_digest
from pipeline.frozen import Frozen
from pipeline.manifest_file import ManifestFile
from training.documents import DocumentTokens, Ints
from training.tokens import MANIFEST as TOKENS
from training.tokens import Tokenizer, TokenManifest

MANIFEST = "positions.json"
SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        ("offset", pa.int64()),
        ("entropy", pa.float32()),
        ("full_entropy", pa.float32()),
        ("logprob", pa.float32()),
        ("correct", pa.bool_()),
    ]
)
"""A measured position. `document` is the ordinal in the token manifest, `entropy` over the renormalised likeliest
tokens, `full_entropy` over all, `logprob` that of the target, all in nats; `correct`: the target is the likeliest."""
BIN = 0.01
"""Nats of a histogram's bin."""

Floats = npt.NDArray[np.float32]
Measure = Literal["top16", "full"]


class Histogram(Frozen):
    """`counts[i]` positions have an entropy from i × `width` nats up to, and not including, the next bin's."""

    width: float
    counts: tuple[int, ...]

    def at_least(self, entropy: float) -> int:
        """Positions of at least `entropy`, which is the edge of a bin."""
        return sum(self.counts[round(entropy / self.width) :])


class ProxyIdentity(Frozen):
    """The model that measured: `xxh3_128` is over its weights and its config, `dtype` what it computed in."""

    name: str
    xxh3_128: str
    parameters: int
    dtype: str


class TokensIdentity(Frozen):
    """The token manifest: its digest, and its folder relative to the position folder, which is part of no digest."""

    name: str
    xxh3_128: str
    location: str


class PositionTotals(Frozen):
    """`positions` counts all that were measured, `stored` those in the files; means are over all of them."""

    documents: int
    tokens: int
    positions: int
    stored: int
    correct: int
    """Positions whose likeliest token is the target: plain next-token accuracy of the proxy × positions."""
    mean_entropy: float
    mean_full_entropy: float
    loss: float
    """Mean of -logprob: the proxy's loss on these tokens."""


class PositionManifest(ManifestFile):
    """A folder of measured positions."""

    FILE = MANIFEST
    TITLE = "position manifest"
    MISSING = "make it with `mathmill positions`"
    AGAIN = "measure the positions again"

    schema_version: Literal[1]
    name: str
    tokens: TokensIdentity
    tokenizer: Tokenizer
    proxy: ProxyIdentity
    top: int
    """Likeliest tokens that `entropy` is over."""
    context: int
    """Tokens that the proxy saw at once; longer documents were measured in windows of it that overlap by half."""
    floor: float
    """Least `entropy` of a stored position, in nats."""
    totals: PositionTotals
    entropy: Histogram
    """Of all measured positions, the stored ones among them."""
    full_entropy: Histogram
    files: tuple[Output, ...]
    """Parquet files, in the order of the documents."""
    samples: Output
    """Positions to look at, with their texts."""

    def describe(self) -> str:
        """What it holds, in a line."""
        totals = self.totals
        return (
            f"{self.name}: {totals.positions:,} positions of {totals.documents:,} documents measured by "
            f"{self.proxy.name}, mean entropy {totals.mean_entropy:.3f} nats, {totals.stored:,} stored from "
            f"{self.floor:g} nats"
        )

    @property
    def digest(self) -> str:
        """32 hex digits over everything but where the tokens are."""
        content = self.model_dump(mode="json")
        del content["tokens"]["location"]
        return digest(content)

    def verify(self, full: bool = False) -> list[str]:
        """Problems found, one line each, naming the file; none means whole. Sizes always, digests with `full`."""
        return [problem for file in (*self.files, self.samples) if (problem := self._check(file, full))]

    def _check(self, file: Output, full: bool) -> str | None:
        path = self.folder / file.path
        if not path.is_file():
            return f"{path}: missing"
        if (size := path.stat().st_size) != file.bytes:
            return f"{path}: {size} bytes, the manifest says {file.bytes}"
        if full and file_digest(path) != file.xxh3_128:
            return f"{path}: xxh3_128 does not match the manifest"
        return None

    def open_tokens(self) -> DocumentTokens:
        """The documents that the positions are in.

        Raises:
            BadInput: the tokens are not there any more, or they are others.
        """
        folder = self.folder / self.tokens.location
        if not (folder / TOKENS).is_file():
            raise BadInput(
                f"{self.folder / MANIFEST}: tokens.location: {self.tokens.location!r}: no {TOKENS} in {folder}; "
                "restore the tokens, or correct the location"
            )
        manifest = TokenManifest.load(folder)
        if manifest.digest != self.tokens.xxh3_128:
            raise BadInput(
                f"{folder}: its digest is {manifest.digest}, the positions in {self.folder} are of "
                f"{self.tokens.xxh3_128}; restore the tokens, or measure the positions again"
            )
        return DocumentTokens(manifest)


@dataclass(frozen=True)
class Positions:
    """Positions in an order. Figures are those of `SCHEMA`, NaN where nothing was measured."""

    document: Ints
    offset: Ints
    entropy: Floats
    full_entropy: Floats
    logprob: Floats

    def __len__(self) -> int:
        return len(self.document)

    def take(self, places: npt.NDArray[Any]) -> "Positions":
        """Some of them: indices in any order, or a mask."""
        return Positions(*(values[places] for values in self._columns()))

    def moved(self, offset: Ints) -> "Positions":
        """The same at other offsets."""
        return Positions(self.document, offset, self.entropy, self.full_entropy, self.logprob)

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.document, self.offset, self.entropy, self.full_entropy, self.logprob


def unmeasured(document: Ints, offset: Ints) -> Positions:
    """Positions without figures."""
    nothing = np.full(len(document), np.nan, np.float32)
    return Positions(document, offset, nothing, nothing, nothing)


def open_positions(path: str | Path) -> PositionManifest:
    """The manifest of a position folder, every file there in its size.

    Raises:
        BadInput: there is none, or a file is not whole.
    """
    manifest = PositionManifest.load(path)
    if problems := manifest.verify():
        raise BadInput(f"{problems[0]}; restore the file, or {PositionManifest.AGAIN}")
    return manifest


def read_positions(manifest: PositionManifest, measure: Measure, low: float, high: float) -> Positions:
    """Stored positions with low <= entropy < high, in the order of documents and offsets.

    Args:
        manifest: from `open_positions`.
        measure: which entropy.
        low: in nats.
        high: in nats.
    """
    column = "entropy" if measure == "top16" else "full_entropy"
    names = ["document", "offset", "entropy", "full_entropy", "logprob"]
    parts = []
    for file in manifest.files:
        table = pq.read_table(manifest.folder / file.path, columns=names)
        arrays = [table[name].to_numpy() for name in names]
        values = table[column].to_numpy()
        # In float64: a limit of 1.1 is not the float32 that is next to it.
        kept = (values.astype(np.float64) >= low) & (values.astype(np.float64) < high)
        parts.append([array[kept] for array in arrays])
    if not parts:
        none = np.empty(0, np.int64)
        return unmeasured(none, none)
    return Positions(*(np.concatenate(column) for column in zip(*parts, strict=True)))
