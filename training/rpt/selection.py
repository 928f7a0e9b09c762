"""Which positions a run reads, and in which order: a function of the settings, the tokens and what was measured."""

import math
from itertools import pairwise
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from training.documents import DocumentTokens, Ints
from training.order import Permutation
from training.rl.token_bytes import TokenBytes
from training.rpt.characters import Characters
from training.rpt.positions import Measure, PositionManifest, Positions, read_positions, unmeasured

_DRAWN = 1 << 16


class Selection(Frozen):
    """By entropy (from `low`, below `high`, or the `top` share), at random, or at the beginnings of spans."""

    by: Literal["entropy", "random", "spans"] = "entropy"
    """`entropy` needs a position manifest; the others need tokens alone."""
    measure: Measure = "top16"
    """Entropy over the renormalised 16 likeliest tokens, as RPT does, or over the full vocabulary."""
    low: float | None = Field(default=None, ge=0)
    """Least entropy in nats; null: the floor of the position manifest."""
    high: float | None = Field(default=None, gt=0)
    """Entropies from here on are left out; null: none is."""
    top: float | None = Field(default=None, gt=0, le=1)
    """Instead of `low` and `high`: this share of all measured positions, those of the highest entropy."""
    span: int | None = Field(default=None, ge=1)
    """Each position has a span of this many tokens of text before its document ends, and no two spans overlap; of
    overlapping ones the first of a document stays. Null: positions have no spans."""
    count: int | None = Field(default=None, ge=1)
    """At most so many, the first of the order; null: all."""
    together: int = Field(default=1, ge=1)
    """Positions of a document that follow each other in the order, so that they share its prefix."""
    seed: int = Field(default=0, ge=0)
    """Of the order, and of what is drawn at random."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        limits = [name for name in ("low", "high", "top") if getattr(self, name) is not None]
        if self.by != "entropy" and limits:
            raise ValueError(f"{limits[0]} is of entropies, but positions are chosen by {self.by}; leave it out")
        if self.top is not None and len(limits) > 1:
            raise ValueError("give either top, or low and high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.by == "random" and self.count is None:
            raise ValueError("random positions need a count; add one")
        if (self.by == "spans") != (self.span is not None) and self.by != "entropy":
            raise ValueError("spans need span, their tokens" if self.by == "spans" else "random positions have no span")
        return self


class Bands(Frozen):
    """Named ranges of entropy, for evaluation by difficulty (RPT, section 4.1: 0.5, 1.0 and 1.5 nats, nested)."""

    thresholds: dict[str, float] = Field(default_factory=lambda: {"easy": 0.5, "medium": 1.0, "hard": 1.5})
    """Least entropy of each band, ascending."""
    disjoint: bool = False
    """Whether a band ends where the next begins; as published, an easier band holds the harder ones."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        values = list(self.thresholds.values())
        if not values or values[0] < 0 or any(low >= high for low, high in pairwise(values)):
            raise ValueError(f"thresholds {values} do not ascend from at least 0; order them")
        return self

    def limits(self) -> dict[str, tuple[float, float]]:
        """By name, the least entropy and the one that is too high."""
        lows = list(self.thresholds.values())
        highs = [*lows[1:], math.inf] if self.disjoint else [math.inf] * len(lows)
        return {name: (low, high) for name, low, high in zip(self.thresholds, lows, highs, strict=True)}

    def split(self, positions: Positions, measure: Measure = "top16") -> dict[str, Positions]:
        """Positions by band, in their order."""
        values = (positions.entropy if measure == "top16" else positions.full_entropy).astype(np.float64)
        return {name: positions.take((values >= low) & (values < high)) for name, (low, high) in self.limits().items()}


def select(
    selection: Selection, documents: DocumentTokens, vocabulary: TokenBytes, measured: PositionManifest | None = None
) -> Positions:
    """The chosen positions, in the order that a run reads them.

    Positions that no text can answer are moved to the next one that can be reached (`training.rpt.characters`) and
    keep their figures; what would then stand twice stands once.

    Args:
        selection: settings.
        documents: of the token manifest.
        vocabulary: bytes of its tokens.
        measured: from `open_positions`, for a selection by entropy.

    Raises:
        BadInput: nothing was measured, the floor is too high for the selection, or nothing is left.
    """
    characters = Characters(vocabulary, documents)
    if selection.by == "entropy":
        found = _reached(_by_entropy(selection, documents, measured), characters)
    elif selection.by == "random":
        found = _drawn(selection, documents, characters)
    else:
        found = _reached(_laid(documents, characters, selection.span or 1), characters)
    if selection.span is not None:
        found = found.take(_apart(found, characters, selection.span))
    if not len(found):
        raise BadInput(f"selection: no position of {documents.manifest.folder} is left; widen its limits")
    return found.take(_order(selection, documents, found)[: selection.count])


def _by_entropy(selection: Selection, documents: DocumentTokens, measured: PositionManifest | None) -> Positions:
    if measured is None:
        raise BadInput("selection.by: 'entropy': needs a position manifest; make one with `mathmill positions`")
    if measured.tokens.xxh3_128 != documents.manifest.digest:
        raise BadInput(
            f"{measured.folder}: its positions are of the tokens {measured.tokens.xxh3_128}, not of "
            f"{documents.manifest.folder} ({documents.manifest.digest}); measure those"
        )
    again = f"measure with a lower --floor, or take a selection from {measured.floor:g}"
    if selection.measure == "full" and measured.floor > 0:
        raise BadInput(
            f"selection.measure: 'full': {measured.folder} has the positions whose top-{measured.top} entropy is at "
            f"least {measured.floor:g}, and some of a high full entropy are not among them; measure with --floor 0"
        )
    low = measured.floor if selection.low is None else selection.low
    if low < measured.floor:
        raise BadInput(f"selection.low: {low:g}: {measured.folder} has no positions under {measured.floor:g}; {again}")
    found = read_positions(measured, selection.measure, low, math.inf if selection.high is None else selection.high)
    if selection.top is None:
        return found
    wanted = round(selection.top * measured.totals.positions)
    if wanted > len(found):
        raise BadInput(
            f"selection.top: {selection.top:g}: {wanted:,} of {measured.totals.positions:,} positions, but "
            f"{measured.folder} has {len(found):,}, those from {measured.floor:g} nats on; {again}"
        )
    values = found.entropy if selection.measure == "top16" else found.full_entropy
    # Of equal entropies the first in the order of documents.
    return found.take(np.sort(np.argsort(-values, kind="stable")[:wanted]))


def _reached(positions: Positions, characters: Characters) -> Positions:
    """Positions in order, those that cannot be answered moved; each once."""
    offset = characters.reachable(positions.document, positions.offset)
    there = np.flatnonzero(offset >= 0)
    there = there[characters.predictable(positions.document[there], offset[there])]
    # One that stands there by itself comes before those that were moved to it, and of these the last one first.
    order = there[np.lexsort((-positions.offset[there], offset[there], positions.document[there]))]
    document, at = positions.document[order], offset[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (document[1:] != document[:-1]) | (at[1:] != at[:-1])
    return positions.moved(offset).take(order[first])


def _drawn(selection: Selection, documents: DocumentTokens, characters: Characters) -> Positions:
    """The first `count` positions of a seeded order of all tokens that can be asked for."""
    assert selection.count is not None
    total = documents.manifest.totals.tokens
    permutation = Permutation(total, _key(selection, documents))
    found: dict[tuple[int, int], None] = {}
    for first in range(0, total, _DRAWN):
        document, offset = documents.place(permutation(np.arange(first, min(first + _DRAWN, total))))
        kept = characters.predictable(document, offset)
        document, offset = document[kept], offset[kept]
        order = np.argsort(document, kind="stable")
        reached = np.empty_like(offset)
        reached[order] = characters.reachable(document[order], offset[order])
        kept = reached >= 0
        kept[kept] = characters.predictable(document[kept], reached[kept])
        found |= dict.fromkeys(zip(document[kept].tolist(), reached[kept].tolist(), strict=True))
        if len(found) >= selection.count:
            break
    chosen = np.array(sorted(list(found)[: selection.count]), np.int64).reshape(-1, 2)
    return unmeasured(chosen[:, 0], chosen[:, 1])


def _laid(documents: DocumentTokens, characters: Characters, span: int) -> Positions:
    """The first token of a document that can be predicted, and every `span`-th after it that can."""
    ordinals, offsets = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for ordinal in range(documents.documents):
        places = np.flatnonzero(characters.targets(ordinal))
        if len(places):
            offsets.append(np.arange(places[0], places[-1] + 1, span))
            ordinals.append(np.full(len(offsets[-1]), ordinal))
    document, offset = np.concatenate(ordinals), np.concatenate(offsets)
    kept = characters.predictable(document, offset)
    return unmeasured(document[kept], offset[kept])


def _apart(positions: Positions, characters: Characters, span: int) -> Ints:
    """Places of the positions whose spans fit into their documents and do not overlap, the first one first."""
    kept = []
    last = end = free = -1
    for place, (document, offset) in enumerate(
        zip(positions.document.tolist(), positions.offset.tolist(), strict=True)
    ):
        if document != last:
            last, end, free = document, characters.end(document), 0
        if offset >= free and offset + span <= end:
            kept.append(place)
            free = offset + span
    return np.array(kept, np.int64)


def _order(selection: Selection, documents: DocumentTokens, positions: Positions) -> Ints:
    """Places of the positions in the order of the run: groups of neighbours, the groups by a seeded bijection."""
    _, start = np.unique(positions.document, return_index=True)
    within = np.arange(len(positions)) - np.repeat(start, np.diff(np.append(start, len(positions))))
    begins = np.flatnonzero(within % selection.together == 0)
    sizes = np.diff(np.append(begins, len(positions)))
    groups = Permutation(len(begins), _key(selection, documents))(np.arange(len(begins)))
    ends = np.cumsum(sizes[groups])
    inside = np.arange(len(positions)) - np.repeat(ends - sizes[groups], sizes[groups])
    order: Ints = np.repeat(begins[groups], sizes[groups]) + inside
    return order


def _key(selection: Selection, documents: DocumentTokens) -> str:
    return f"{selection.seed}:{documents.manifest.digest}:positions"
