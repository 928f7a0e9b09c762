"""Token shards to batches: the training order is a pure function of the mixture and the index of a sequence.

Numpy alone; no state but caches. World size, workers and micro-batch choose which rows are read where, never which
tokens a row holds, so a resume is arithmetic: go on at the next index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import BadInput
from training import packing
from training.component import ComponentData, Order, Window
from training.ledger import ComponentLedger, Ledger
from training.mixture import LoadedMixture, load_mixture
from training.plan import cache_folder
from training.shares import Shares
from training.tokens import MANIFEST, Tokenizer, TokenManifest
from training.verified import check_shards

ORDER_VERSION = 1
"""Raised whenever equal mixtures would give another order; part of the order digest."""

Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Rows of packed documents. Labels are `tokens[:, 1:]`, counted where `loss_mask` is true."""

    tokens: Ints
    """[count, length + 1]. The last is the label of the last input alone; EOS where its document has ended."""
    loss_mask: Bools
    """[count, length]: false for the label that crosses a document's end, and for untrained labels."""
    cu_seqlens: list[Int32s]
    """For each row the bounds of its segments, 0 first and length last: attention and positions start anew at each."""
    documents: list[Ints]
    """For each row the ordinal of each segment's document in the component."""
    offsets: list[Ints]
    """For each row the first token of each segment in its document; above 0 where a document goes on."""
    component: Int32s
    """[count], an index into `MixtureData.components`; -1 in rows of padding."""

    def padded(self, rows: int) -> "Batch":
        """The batch with `rows` rows more that count in no loss: one segment of zeros each."""
        length = self.loss_mask.shape[1]
        bounds, none = np.array([0, length], np.int32), np.zeros(1, np.int64)
        return Batch(
            np.concatenate([self.tokens, np.zeros((rows, length + 1), np.int64)]),
            np.concatenate([self.loss_mask, np.zeros((rows, length), np.bool_)]),
            self.cu_seqlens + [bounds] * rows,
            self.documents + [none] * rows,
            self.offsets + [none] * rows,
            np.concatenate([self.component, np.full(rows, -1, np.int32)]),
        )


@dataclass(frozen=True)
class RowSlice:
    """The rows of a rank: `count` sequences from index `first`, then `padding` rows of weight zero."""

    first: int
    count: int
    padding: int


def slice_rows(step: int, sequences_per_step: int, rank: int, world_size: int) -> RowSlice:
    """The rank's consecutive share of a step (from 0); every rank gets the same number of rows, padding included."""
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not below the world size {world_size}")
    share, more = divmod(sequences_per_step, world_size)
    count = share + (rank < more)
    first = step * sequences_per_step + rank * share + min(rank, more)
    return RowSlice(first, count, share + (more > 0) - count)


class MixtureData:
    """The sequences of a mixture, by index. Safe to share between threads."""

    def __init__(self, loaded: LoadedMixture, parts: list[ComponentData], shares: Shares, order_digest: str) -> None:
        self.order_digest = order_digest
        """32 hex digits over all that the order is a function of."""
        self.components = tuple(part.name for part in parts)
        self.sequence_length = loaded.mixture.sequence_length
        self.tokenizer: Tokenizer = parts[0].manifest.tokenizer
        self.loaded, self.parts, self._shares = loaded, parts, shares

    @property
    def vocab_size(self) -> int:
        """Of the tokenizer that made the tokens; every id is below it."""
        return self.tokenizer.vocab_size

    def counts(self, sequences: int) -> dict[str, int]:
        """How many of the first `sequences` belong to each component."""
        return dict(zip(self.components, self._shares.counts(sequences).tolist(), strict=True))

    def passes(self, num_sequences: int) -> dict[str, float]:
        """Passes over each component that a budget of `num_sequences` takes."""
        needed = self._shares.counts(num_sequences).tolist()
        return {part.name: part.passes(count) for part, count in zip(self.parts, needed, strict=True)}

    def check_budget(self, num_sequences: int) -> None:
        """Refuse a budget that takes more passes over a component than its repeat cap.

        Raises:
            BadInput: naming the component, the passes and the cap.
        """
        for name, passes in self.passes(num_sequences).items():
            cap = self.loaded.mixture.components[name].repeat_cap
            if cap is not None and passes > cap:
                raise BadInput(
                    f"{self.loaded.path}: components.{name}.repeat_cap: {cap:g}: {num_sequences:,} sequences take "
                    f"{passes:.2f} passes over it; lower the budget or the weight, add tokens, or raise the cap"
                )

    def sequences(self, first: int, count: int) -> Batch:
        """The sequences first..first+count-1, whatever was read before."""
        length = self.sequence_length
        component = self._shares.components(first, count)
        tokens = np.empty((count, length + 1), np.int64)
        loss_mask = np.ones((count, length), np.bool_)
        cu_seqlens: list[Int32s] = [np.empty(0, np.int32)] * count
        documents: list[Ints] = [np.empty(0, np.int64)] * count
        offsets = documents.copy()
        for span in self._spans(first, count):
            _fill(span, self.tokenizer.eos, tokens, loss_mask)
            window, bounds = span.window, span.bounds.tolist()
            for place, row in enumerate(span.rows.tolist()):
                low, high, at = bounds[place], bounds[place + 1], span.begin + place
                cu_seqlens[row] = window.cu_seqlens[low + at : high + at + 1]
                documents[row] = window.document[low:high]
                offsets[row] = window.offset[low:high]
        return Batch(tokens, loss_mask, cu_seqlens, documents, offsets, component)

    def ledger(self, first: int, count: int) -> Ledger:
        """What the sequences first..first+count-1 do with tokens. Ledgers of neighbouring ranges add up."""
        before, after = self._shares.counts(first).tolist(), self._shares.counts(first + count).tolist()
        trained = dict.fromkeys(self.components, 0)
        for span in self._spans(first, count):
            trained[span.part.name] += _trained(span)
        found = {}
        for part, low, high in zip(self.parts, before, after, strict=True):
            seen = (high - low) * self.sequence_length
            found[part.name] = ComponentLedger(
                sequences=high - low,
                seen=seen,
                trained=trained[part.name],
                masked=seen - trained[part.name],
                dropped=part.dropped(high) - part.dropped(low),
                repeats=(part.repeated(high) - part.repeated(low)) * self.sequence_length,
            )
        return found

    def _spans(self, first: int, count: int) -> Iterator["_Span"]:
        """The sequences first..first+count-1 by component and window."""
        component = self._shares.components(first, count)
        before = self._shares.counts(first).tolist()
        for number, (part, low) in enumerate(zip(self.parts, before, strict=True)):
            rows = np.flatnonzero(component == number)
            for pass_, window, begin, end in part.spans(low, low + len(rows)):
                here, rows = rows[: end - begin], rows[end - begin :]
                yield _Span(part, part.window(pass_, window), begin, here)


@dataclass(frozen=True)
class _Span:
    """Consecutive sequences of a window, from `begin`, that go to `rows` of a batch."""

    part: ComponentData
    window: Window
    begin: int
    rows: Ints

    @property
    def bounds(self) -> Ints:
        """The segments of each sequence: [rows + 1]."""
        return self.window.bounds[self.begin : self.begin + len(self.rows) + 1]

    @property
    def segments(self) -> slice:
        """All segments of the span."""
        return slice(int(self.bounds[0]), int(self.bounds[-1]))


def _fill(span: _Span, eos: int, tokens: Ints, loss_mask: Bools) -> None:
    """Copy the sequences of a span to their rows of `tokens` [count, length + 1] and `loss_mask` [count, length]."""
    window, segments, length = span.window, span.segments, loss_mask.shape[1]
    row = np.repeat(span.rows, np.diff(span.bounds))
    shard, start, size = (values[segments] for values in (window.shard, window.start, window.tokens))
    ends = window.ends[segments]
    at = row * length + window.column[segments]
    # A document that goes on behind its segment gives the label of the segment's last token: it is the row's last.
    labels = size - ends
    tokens[span.rows, length] = eos
    flat = tokens.reshape(-1)
    for to, number, begin, count in _rows(at + row, shard, start, labels + 1):
        flat[to : to + count] = span.part.tokens[number][begin : begin + count]
    mask = loss_mask.reshape(-1)
    if span.part.loss is not None:
        for to, number, begin, count in _rows(at, shard, start + 1, labels):
            mask[to : to + count] = span.part.loss[number][begin : begin + count]
    mask[(at + size - 1)[ends]] = False


def _trained(span: _Span) -> int:
    """Labels of a span that count in the loss."""
    window, segments = span.window, span.segments
    labels = window.tokens[segments] - window.ends[segments]
    if span.part.loss is None:
        return int(labels.sum())
    rows = _rows(window.shard[segments], window.start[segments] + 1, labels)
    return sum(int(np.count_nonzero(span.part.loss[number][begin : begin + count])) for number, begin, count in rows)


def _rows(*columns: Ints) -> Iterator[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def open_mixture(path: str | Path, overrides: tuple[str, ...] = (), *, verify: bool = True) -> MixtureData:
    """Open a mixture file, or a shipped mixture by name, for reading.

    With `verify`, the digest of every shard is checked before anything is read, once per machine: files that were
    found whole and have not been touched since are not read again. Of many ranks on a machine one needs to.

    Raises:
        BadInput: a token manifest is missing or does not fit the mixture, or a shard is not whole; it is named.
    """
    loaded = load_mixture(path, overrides)
    mixture = loaded.mixture
    try:
        shares = Shares(tuple(component.share for component in mixture.components.values()))
    except ValueError as error:
        raise BadInput(f"{loaded.path}: components: {error}") from error
    manifests = {name: _manifest(loaded, name) for name in mixture.components}
    _agree(loaded, manifests)
    for manifest in manifests.values():
        check_shards(manifest, full=verify)
    order_digest = _order_digest(loaded, manifests)
    order = Order(mixture.sequence_length, mixture.packing, mixture.window, mixture.seed)
    cache = cache_folder() / "plans" / order_digest
    parts = [ComponentData(name, manifest, order, cache) for name, manifest in manifests.items()]
    return MixtureData(loaded, parts, shares, order_digest)


def _manifest(loaded: LoadedMixture, name: str) -> TokenManifest:
    component = loaded.mixture.components[name]
    where = f"{loaded.path}: components.{name}"
    path = loaded.resolve(component.tokens)
    if not (path.is_file() or (path / MANIFEST).is_file()):
        source = component.source or f"SOURCE --format {component.format}"
        raise BadInput(
            f"{where}.tokens: {component.tokens!r}: no {MANIFEST} in {path}; make it with "
            f"`mathmill tokenize {source} --tokenizer TOKENIZER --out {component.tokens}`, or name the folder "
            f"with --set components.{name}.tokens=FOLDER"
        )
    manifest = TokenManifest.load(path)
    if manifest.format != component.format:
        raise BadInput(
            f"{where}.format: {component.format!r}: {path} was made with --format {manifest.format}; "
            "correct the format, or tokenize again"
        )
    return manifest


def _agree(loaded: LoadedMixture, manifests: dict[str, TokenManifest]) -> None:
    """Refuse tokens of two tokenizers, and the same tokens as two components."""
    first, *others = manifests
    ours = manifests[first].tokenizer
    for name in others:
        if (theirs := manifests[name].tokenizer) != ours:
            raise BadInput(
                f"{loaded.path}: components.{name}.tokens: made with tokenizer {theirs.name} ({theirs.xxh3_128}), "
                f"but {first} with {ours.name} ({ours.xxh3_128}); tokenize one of them again"
            )
    digests: dict[str, str] = {}
    for name, manifest in manifests.items():
        if (other := digests.setdefault(manifest.digest, name)) != name:
            raise BadInput(
                f"{loaded.path}: components.{name}.tokens: the same tokens as {other}; make one component of them"
            )


def _order_digest(loaded: LoadedMixture, manifests: dict[str, TokenManifest]) -> str:
    from pipeline.files import digest

    mixture = loaded.mixture
    return digest(
        {
            "version": ORDER_VERSION,
            "components": [
                [manifest.digest, str(mixture.components[name].share), manifest.format]
                for name, manifest in manifests.items()
            ],
            "sequence_length": mixture.sequence_length,
            "packing": [mixture.packing, packing.VERSION],
            "window": mixture.window,
            "seed": mixture.seed,
        }
    )
