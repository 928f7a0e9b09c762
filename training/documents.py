"""The documents of a token manifest, by ordinal: shard after shard, each in the order of its index."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import BadInput
from training.tokens import DOCUMENT, END, TokenManifest
from training.verified import check_shards

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class DocumentTokens:
    """Token ids of documents, read where they lie. Safe to share between threads.

    Raises:
        BadInput: a shard is missing, or not of the size that the manifest says.
    """

    def __init__(self, manifest: TokenManifest) -> None:
        check_shards(manifest, full=False)
        self.manifest = manifest
        # mmap cannot map an empty file, and nothing is lost with it.
        shards = [shard for shard in manifest.shards if shard.documents]
        self._paths = paths = [str(manifest.folder / shard.path) for shard in shards]
        self.tokens = [_mapped(path, manifest.tokenizer.dtype) for path in paths]
        self.loss = [_mapped(path + ".loss", np.dtype("?")) for path in paths] if manifest.masked else None
        self._ends = [_mapped(path + ".index", END).view(np.int64) for path in paths]
        self._starts = np.cumsum([0, *(shard.documents for shard in shards)])
        self._firsts = np.cumsum([0, *(len(tokens) for tokens in self.tokens)])
        self.documents = int(self._starts[-1])
        """How many there are; ordinals are below it."""

    def read(self, ordinal: int) -> Ints:
        """Ids of a document, BOS and EOS included: [tokens] int64.

        Raises:
            BadInput: there is no such document.
        """
        shard, first, end = self._range(ordinal)
        return self.tokens[shard][first:end].astype(np.int64)

    def trained(self, ordinal: int) -> Bools:
        """Which tokens of a document are learned: [tokens]. Without masks all are, BOS apart."""
        shard, first, end = self._range(ordinal)
        if self.loss is not None:
            return self.loss[shard][first:end].astype(np.bool_)
        trained = np.ones(end - first, np.bool_)
        if self.manifest.tokenizer.bos is not None:
            trained[:1] = False
        return trained

    def at(self, ordinals: Ints, offsets: Ints) -> Ints:
        """The tokens at `offsets` of the documents `ordinals`: [n] int64."""
        return self._gather(self.tokens, ordinals, offsets, np.dtype(np.int64))

    def trained_at(self, ordinals: Ints, offsets: Ints) -> Bools:
        """Whether the tokens at `offsets` of the documents `ordinals` are learned: [n]."""
        if self.loss is None:
            return (offsets > 0) | (self.manifest.tokenizer.bos is None)
        return self._gather(self.loss, ordinals, offsets, np.dtype(np.bool_))

    def place(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Document and offset of tokens by their number in all: shard after shard, document after document."""
        shard = np.searchsorted(self._firsts, numbers, side="right") - 1
        document, offset = (np.empty(len(numbers), np.int64) for _ in range(2))
        for number in np.unique(shard).tolist():
            rows = np.flatnonzero(shard == number)
            ends = self._ends[number]
            at = numbers[rows] - self._firsts[number]
            local = np.searchsorted(ends, at, side="right")
            document[rows] = local + self._starts[number]
            offset[rows] = at - np.where(local > 0, ends[np.maximum(local, 1) - 1], 0)
        return document, offset

    def locate(self, ordinals: Ints) -> tuple[Ints, Ints, Ints]:
        """Shard, first token in the shard and number of tokens of the documents `ordinals`."""
        shard, start, end = (np.empty(len(ordinals), np.int64) for _ in range(3))
        for number, rows, local in self._by_shard(ordinals):
            ends = self._ends[number]
            shard[rows] = number
            end[rows] = ends[local]
            start[rows] = np.where(local > 0, ends[np.maximum(local, 1) - 1], 0)
        return shard, start, end - start

    def lengths(self, ordinals: Ints) -> Ints:
        """Tokens of the documents `ordinals`."""
        return self.locate(ordinals)[2]

    def origins(self, ordinals: Ints) -> npt.NDArray[np.void]:
        """Where the documents `ordinals` came from: records of `DOCUMENT`."""
        found = np.empty(len(ordinals), DOCUMENT)
        for number, rows, local in self._by_shard(ordinals):
            found[rows] = _mapped(self._paths[number] + ".docs", DOCUMENT)[local]
        return found

    def _gather(
        self, shards: Sequence[npt.NDArray[Any]], ordinals: Ints, offsets: Ints, dtype: np.dtype[Any]
    ) -> npt.NDArray[Any]:
        shard, start, _ = self.locate(ordinals)
        found = np.empty(len(ordinals), dtype)
        for number in np.unique(shard).tolist():
            rows = np.flatnonzero(shard == number)
            found[rows] = shards[number][start[rows] + offsets[rows]]
        return found

    def _range(self, ordinal: int) -> tuple[int, int, int]:
        """Shard of a document, its first token there, and the one behind its last."""
        if not 0 <= ordinal < self.documents:
            raise BadInput(f"{self.manifest.folder}: no document {ordinal}; it holds {self.documents:,}, from 0")
        shard = int(np.searchsorted(self._starts, ordinal, side="right")) - 1
        local, ends = ordinal - int(self._starts[shard]), self._ends[shard]
        return shard, int(ends[local - 1]) if local else 0, int(ends[local])

    def _by_shard(self, ordinals: Ints) -> Iterator[tuple[int, Ints | slice, Ints]]:
        """The ordinals by shard: its number, which of them are in it, and their places in it."""
        if len(self._ends) == 1:
            yield 0, slice(None), ordinals
            return
        shard = np.searchsorted(self._starts, ordinals, side="right") - 1
        # Numbers of 16 bits are sorted by radix, many times faster.
        order = np.argsort(shard.astype(np.uint16 if len(self._ends) <= 1 << 16 else np.uint32), kind="stable")
        counts = np.bincount(shard)
        ends = np.cumsum(counts)
        for number in np.flatnonzero(counts).tolist():
            rows = order[ends[number] - counts[number] : ends[number]]
            yield number, rows, ordinals[rows] - self._starts[number]


def _mapped(path: str, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    # A plain array over the mapping: slices of np.memmap cost ten times as much.
    return np.asarray(np.memmap(path, dtype, mode="r"))
