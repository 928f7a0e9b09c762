"""Documents of a window cut and laid into sequences of exactly `length` tokens; what fills no sequence is dropped.

Both ways give floor(total / length) sequences, so the number of sequences is known without packing. A document is cut
only where a sequence ends. `best_fit` puts whole documents together (after Ding et al., Fewer Truncations Improve
Language Modeling, 2024): documents longer than a sequence fill sequences of their own, remainders go in decreasing
order into the fullest sequence that holds them whole, and only the holes that stay are filled by cutting documents.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.order import Permutation

Packing = Literal["best_fit", "concatenate"]
VERSION = 1
"""Raised whenever equal documents would be laid out differently; part of the order digest."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Packed:
    """The segments of a window, ordered by sequence; sequence s has the segments bounds[s]..bounds[s+1]-1."""

    document: Ints
    """Position of the document in the window, for each segment."""
    offset: Ints
    """First token of the segment in its document."""
    tokens: Ints
    """Tokens of the segment."""
    bounds: Ints
    """[sequences + 1]"""


def pack(lengths: Ints, length: int, packing: Packing, key: str) -> Packed:
    """Lay documents of `lengths` tokens (each at least 1) into sequences of `length` tokens.

    The tokens of each sequence's segments add up to `length`. A segment that ends before its document does is the last
    of its sequence. `key` shuffles the sequences of `best_fit`, which come out ordered by the size of their documents.
    """
    if packing == "concatenate":
        return _concatenate(lengths, length)
    return _best_fit(lengths, length, key)


def _concatenate(lengths: Ints, length: int) -> Packed:
    sequences = int(lengths.sum()) // length
    document, offset, tokens, hole = _cut(lengths, np.full(sequences, length))
    return Packed(document, offset, tokens, np.searchsorted(hole, np.arange(sequences + 1)))


def _best_fit(lengths: Ints, length: int, key: str) -> Packed:
    whole, rest = lengths // length, lengths % length
    num_whole, num_shared = int(whole.sum()), int(rest.sum()) // length
    order = np.argsort(-rest, kind="stable")[: np.count_nonzero(rest)]
    sizes = rest[order]
    placed, left_over, room = _place(sizes, num_shared, length)

    items = np.repeat(placed[:, 1], placed[:, 2])
    items += np.arange(len(items)) - np.repeat(np.cumsum(placed[:, 2]) - placed[:, 2], placed[:, 2])
    holes = np.flatnonzero(room)
    holes = holes[np.argsort(-room[holes], kind="stable")]
    cut, cut_offset, cut_tokens, hole = _cut(sizes[left_over], room[holes])
    cut = left_over[cut]

    long_document = np.repeat(np.arange(len(lengths)), whole)
    chunk = np.arange(num_whole) - np.repeat(np.cumsum(whole) - whole, whole)
    base = (whole * length)[order]
    document = np.concatenate([long_document, order[items], order[cut]])
    offset = np.concatenate([chunk * length, base[items], base[cut] + cut_offset])
    tokens = np.concatenate([np.full(num_whole, length), sizes[items], cut_tokens])
    sequence = np.concatenate(
        [np.arange(num_whole), num_whole + np.repeat(placed[:, 0], placed[:, 2]), num_whole + holes[hole]]
    )
    sequences = num_whole + num_shared
    if sequences:
        sequence = Permutation(sequences, key)(sequence)
    by_sequence = np.argsort(sequence, kind="stable")
    bounds = np.searchsorted(sequence[by_sequence], np.arange(sequences + 1))
    return Packed(document[by_sequence], offset[by_sequence], tokens[by_sequence], bounds)


def _place(sizes: Ints, bins: int, length: int) -> tuple[Ints, Ints, Ints]:
    """Best fit of decreasing `sizes` into `bins` of `length`.

    Returns the placements (rows of bin, first item, items), the items that fitted nowhere, and the room left by bin.
    """
    at: list[list[int]] = [[] for _ in range(length + 1)]  # bins by the room left in them
    at[length] = list(range(bins - 1, -1, -1))
    rooms = 1 << length if bins else 0  # bit r: there is a bin with room r
    placed: list[tuple[int, int, int]] = []
    left_over: list[npt.NDArray[np.int64]] = []
    values, firsts, counts = np.unique(-sizes, return_index=True, return_counts=True)
    for size, item, count in zip((-values).tolist(), firsts.tolist(), counts.tolist(), strict=True):
        while count:
            fitting = rooms >> size
            if not fitting:
                left_over.append(np.arange(item, item + count))
                break
            room = size + (fitting & -fitting).bit_length() - 1
            stack = at[room]
            bin_ = stack.pop()
            if not stack:
                rooms ^= 1 << room
            # The bin stays the fullest that fits until no further item of this size does.
            fits = min(count, room // size)
            placed.append((bin_, item, fits))
            room -= fits * size
            at[room].append(bin_)
            if room:
                rooms |= 1 << room
            item += fits
            count -= fits
    left = np.zeros(bins, np.int64)
    for room, members in enumerate(at):
        if members:
            left[members] = room
    none = np.zeros(0, np.int64)
    return np.array(placed, np.int64).reshape(-1, 3), np.concatenate([none, *left_over]), left


def _cut(lengths: Ints, rooms: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Documents end to end, cut to fill `rooms` in turn: document, offset, tokens and room of each piece.

    The rooms hold no more than the documents; what comes after the last one is left.
    """
    ends, room_ends = np.cumsum(lengths), np.cumsum(rooms)
    filled = int(room_ends[-1]) if len(rooms) else 0
    cuts = np.union1d(ends[ends < filled], room_ends)
    starts = np.concatenate([np.zeros(1, np.int64), cuts[:-1]]) if len(cuts) else np.zeros(0, np.int64)
    document = np.searchsorted(ends, starts, side="right")
    offset = starts - (ends - lengths)[document]
    return document, offset, cuts - starts, np.searchsorted(room_ends, starts, side="right")
