"""A sample of documents, spread evenly over strata: the same for the same documents, settings and seed.

A document's place in the queue of its stratum is a hash of seed and id, so neither files nor their order decide, and
a larger sample holds a smaller one. Two passes: the first counts the strata and finds the last place taken in each
(in memory: no more than two numbers per document wanted and stratum), the second takes the documents.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from pipeline.annotate.pages import Page, Unread, read_all
from pipeline.annotate.settings import AnnotateSettings
from pipeline.inputs import InputFile
from pipeline.ledger import Tally
from pipeline.refine.split import split

ALL = "all"
_SHORTEST = 0.5
"""A cut at a paragraph leaves at least this share of the characters; else the cut is at a line or word."""


class Stratum(NamedTuple):
    """Documents of a stratum, how many of them are wanted, and the last place in its queue that is taken."""

    documents: int
    wanted: int
    last: int


class Taken(NamedTuple):
    """A document of the sample. `weight`: how many of its stratum it stands for."""

    page: Page
    stratum: str
    weight: float


def find_strata(
    files: list[InputFile], settings: AnnotateSettings, on_progress: Callable[[int], None] = lambda done: None
) -> dict[str, Stratum]:
    """The strata of all documents, by name; `on_progress` is told the bytes read."""
    queues: dict[str, _Queue] = {}
    for page in read_all(files, on_progress):
        if isinstance(page, Page):
            name = _stratum(page, settings)
            queues.setdefault(name, _Queue(settings.documents)).add(_place(page, settings.seed))
    wanted = spread({name: queue.documents for name, queue in queues.items()}, settings.documents)
    return {name: Stratum(queue.documents, wanted[name], queue.last(wanted[name])) for name, queue in queues.items()}


def take(
    files: list[InputFile],
    settings: AnnotateSettings,
    strata: dict[str, Stratum],
    tally: Tally,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Taken]:
    """The documents of the sample, in the order in which they stand; `tally` counts them, and every other by reason."""
    seen: set[str] = set()
    for page in read_all(files, on_progress):
        tally.records_in += 1
        if isinstance(page, Unread):
            tally.dropped[page.reason] += 1
            continue
        name = _stratum(page, settings)
        stratum = strata[name]
        if not stratum.wanted or _place(page, settings.seed) > stratum.last:
            tally.dropped["not_sampled"] += 1
        elif page.id in seen:
            tally.dropped["duplicate_id"] += 1
        else:
            seen.add(page.id)
            tally.kept += 1
            yield Taken(page, name, stratum.documents / stratum.wanted)


def spread(sizes: dict[str, int], total: int) -> dict[str, int]:
    """`total` over strata as evenly as their sizes allow: what a small one cannot give, the others share."""
    wanted: dict[str, int] = {}
    left = total
    for number, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        wanted[name] = min(sizes[name], left // (len(sizes) - number))
        left -= wanted[name]
    return wanted


def opening(text: str, chars: int) -> str:
    """The first `chars` characters at most: up to the end of a paragraph, not inside a formula, code block or table.

    Where one block alone is longer, up to a line or a word in its second half.
    """
    if len(text) <= chars:
        return text
    first = split(text[: 2 * chars], chars, len)[0]
    if not first.oversized and len(first.text) >= _SHORTEST * chars:
        return first.text.rstrip()
    floor = int(_SHORTEST * chars)
    cut = next((cut for mark in ("\n", " ") if (cut := text.rfind(mark, floor, chars)) >= 0), chars)
    return text[:cut].rstrip()


def _stratum(page: Page, settings: AnnotateSettings) -> str:
    return {"year": page.year, "crawl": page.crawl, "host": page.source, None: ALL}[settings.stratify]


def _place(page: Page, seed: int) -> int:
    return xxhash.xxh3_64_intdigest(f"{seed} {page.id}")


class _Queue:
    """The first places of a stratum, however many documents it has."""

    def __init__(self, most: int) -> None:
        self.documents = 0
        self._most = most
        self._first: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._new: list[int] = []

    def add(self, place: int) -> None:
        self.documents += 1
        self._new.append(place)
        if len(self._new) >= self._most:
            self._merge()

    def last(self, wanted: int) -> int:
        """The place of document number `wanted`; -1 for none."""
        self._merge()
        return int(self._first[min(wanted, len(self._first)) - 1]) if wanted else -1

    def _merge(self) -> None:
        # Unique: a document that stands twice has one place.
        self._first = np.unique(np.append(self._first, np.array(self._new, np.uint64)))[: self._most]
        self._new = []
