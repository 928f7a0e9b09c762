"""One component of a mixture, opened: its documents on disk, its passes, its packed windows."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np
import numpy.typing as npt

from pipeline.errors import BadInput
from training.documents import DocumentTokens, Ints
from training.order import Permutation
from training.packing import Packing, pack
from training.plan import Pass, plan_pass
from training.tokens import TokenManifest

_WINDOWS_KEPT = 4


@dataclass(frozen=True)
class Order:
    """What shapes the order of a component's sequences."""

    sequence_length: int
    packing: Packing
    window: int
    seed: int


@dataclass(frozen=True)
class Window:
    """A packed window: segments ordered by sequence, sequence s with the segments bounds[s]..bounds[s+1]-1."""

    document: Ints
    """Ordinal of the segment's document in the component."""
    offset: Ints
    """First token of the segment in its document."""
    tokens: Ints
    bounds: Ints
    shard: Ints
    start: Ints
    """First token of the segment in its shard."""
    column: Ints
    """First token of the segment in its sequence."""
    ends: npt.NDArray[np.bool_]
    """Whether the document ends with the segment."""
    cu_seqlens: npt.NDArray[np.int32]
    """The columns of every sequence, each closed by the length: those of s at bounds[s]+s..bounds[s+1]+s."""


class ComponentData(DocumentTokens):
    """Documents of a token manifest, and the sequences made from them.

    Safe to share between threads.
    """

    def __init__(self, name: str, manifest: TokenManifest, order: Order, cache: Path) -> None:
        """`cache` is the folder of the order digest, where plans are kept.

        Raises:
            BadInput: a pass over the component fills no sequence.
        """
        super().__init__(manifest)
        self.name, self._order, self._cache = name, order, cache
        self._digest = manifest.digest
        self._lock = RLock()
        self._passes: list[Pass] = []
        self._totals = [0]
        self._windows: OrderedDict[tuple[int, int], Window] = OrderedDict()
        if manifest.totals.tokens < order.sequence_length or not self._pass(0).total:
            raise BadInput(
                f"{manifest.folder}: {manifest.totals.tokens:,} tokens of component {name} fill no sequence of "
                f"{order.sequence_length:,}; give it more tokens, or lower sequence_length"
            )

    def passes(self, sequences: int) -> float:
        """Passes over the component that its first `sequences` take."""
        if not sequences:
            return 0.0
        number, within = self._in_pass(sequences - 1)
        return number + (within + 1) / self._pass(number).total

    def spans(self, first: int, last: int) -> list[tuple[int, int, int, int]]:
        """The component's sequences first..last-1 as (pass, window, first, last) within windows, in order."""
        found = []
        while first < last:
            number, within = self._in_pass(first)
            bounds = self._pass(number).sequences
            window = int(np.searchsorted(bounds, within, side="right")) - 1
            begin = within - int(bounds[window])
            count = min(last - first, int(bounds[window + 1]) - within)
            found.append((number, window, begin, begin + count))
            first += count
        return found

    def dropped(self, sequences: int) -> int:
        """Tokens dropped by the windows that end within the component's first `sequences`."""
        if not sequences:
            return 0
        number, within = self._in_pass(sequences - 1)
        length = self._order.sequence_length
        before = sum(self._pass(i).dropped(self._pass(i).total, length) for i in range(number))
        return before + self._pass(number).dropped(within + 1, length)

    def repeated(self, sequences: int) -> int:
        """How many of the component's first `sequences` are of a second or later pass."""
        return max(0, sequences - self._pass(0).total)

    def window(self, number: int, window: int) -> Window:
        """A packed window of pass `number`."""
        with self._lock:
            key = (number, window)
            if key not in self._windows:
                self._windows[key] = self._packed(number, window)
                if len(self._windows) > _WINDOWS_KEPT:
                    self._windows.popitem(last=False)
            self._windows.move_to_end(key)
            return self._windows[key]

    def _packed(self, number: int, window: int) -> Window:
        order = self._order
        first = window * order.window
        positions = np.arange(first, min(first + order.window, self.documents))
        ordinals = self._pass(number).permutation(positions)
        shard, start, lengths = self.locate(ordinals)
        packed = pack(lengths, order.sequence_length, order.packing, f"{self._key(number)}:{window}")
        at, length = packed.document, order.sequence_length
        column = (np.cumsum(packed.tokens) - packed.tokens) % length
        return Window(
            document=ordinals[at],
            offset=packed.offset,
            tokens=packed.tokens,
            bounds=packed.bounds,
            shard=shard[at],
            start=start[at] + packed.offset,
            column=column,
            ends=packed.offset + packed.tokens == lengths[at],
            cu_seqlens=np.insert(column, packed.bounds[1:], length).astype(np.int32),
        )

    def _in_pass(self, sequence: int) -> tuple[int, int]:
        """The pass of the component's sequence, and its number in the pass."""
        with self._lock:
            while self._totals[-1] <= sequence:
                self._totals.append(self._totals[-1] + self._pass(len(self._totals) - 1).total)
            number = int(np.searchsorted(self._totals, sequence, side="right")) - 1
            return number, sequence - self._totals[number]

    def _pass(self, number: int) -> Pass:
        with self._lock:
            while len(self._passes) <= number:
                key, order = self._key(len(self._passes)), self._order
                cached = self._cache / f"{self._digest}-{len(self._passes)}.npy"
                permutation = Permutation(self.documents, key)
                self._passes.append(plan_pass(self, permutation, order.window, order.sequence_length, cached))
            return self._passes[number]

    def _key(self, number: int) -> str:
        return f"{self._order.seed}:{self._digest}:{number}"
