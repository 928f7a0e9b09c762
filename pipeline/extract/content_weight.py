"""How much running text stands where.

Every entry has its own figures; those of a subtree are differences of running totals, since a subtree is a slice. So a
part is left out by setting a slice to 0, whatever the depth.
"""

from collections.abc import Iterable
from itertools import accumulate

from pipeline.extract.content_outline import INLINE, TEXT, Outline

LINK_WORTH = 5  # one of so many characters inside links counts
BLOCK_COST = 10  # bytes; what a block must have before it counts as running text
SHORT = 100  # bytes; a block this long weighs half its length, a longer one more, a shorter one less


FORMULA = 20  # bytes; what a formula counts that stands as a mark in a text
_FORMULA_MARK = "\ue000"


def _bytes(text: str) -> int:
    """Length of a text that is not ASCII alone."""
    return len(text.encode()) + FORMULA * text.count(_FORMULA_MARK)


class Weights:
    """Sums over the subtree of each entry. Lengths are in UTF-8 bytes, so that an ideograph counts as a short word."""

    def __init__(self, page: Outline) -> None:
        count = len(page)
        self._ends = page.ends
        self._own = [[0] * count for _ in range(5)]
        self._totals: list[list[int]] = [[] for _ in range(5)]  # running totals, made when first asked for
        self._weigh(page)

    def _sum(self, kind: int, i: int) -> int:
        totals = self._totals[kind]
        if not totals:
            totals = self._totals[kind] = list(accumulate(self._own[kind], initial=0))
        return totals[self._ends[i]] - totals[i]

    def _weigh(self, page: Outline) -> None:
        """Fill in each entry's own figures; a block's are those of the text that it holds directly or inline."""
        tags, parents, texts, attributes = page.tags, page.parents, page.texts, page.attributes
        plain, running, text, linked, links = self._own
        block_linked = [0] * len(tags)
        for i in range(len(tags) - 1, -1, -1):
            tag = tags[i]
            if tag == TEXT:
                written = texts[i].strip()
                text[parents[i]] += len(written) if written.isascii() else _bytes(written)
            elif tag in INLINE:
                if text[i]:
                    parent = parents[i]
                    text[parent] += text[i]
                    block_linked[parent] += text[i] if tag == "a" else block_linked[i]
                    text[i] = 0
                if tag == "a" and not (attributes[i].get("href") or "#").startswith("#"):
                    links[i] = 1
            elif text[i]:
                linked[i] = block_linked[i]
                plain[i] = own = text[i] - linked[i] + linked[i] // LINK_WORTH
                own -= BLOCK_COST
                if own > 0:
                    running[i] = own * own // (own + SHORT)

    def leave_out(self, entries: Iterable[int]) -> None:
        """Take subtrees out of all sums. (Inline ones stay in those of their block: so little does not matter.)"""
        for own in self._own:
            for i in entries:
                own[i : self._ends[i]] = bytes(self._ends[i] - i)
        self._totals = [[] for _ in range(5)]

    def plain(self, i: int) -> int:
        """Text, in links less."""
        return self._sum(0, i)

    def running(self, i: int) -> int:
        """The same with long blocks weighing more than short ones: tells prose from teasers, captions and menus."""
        return self._sum(1, i)

    def text(self, i: int) -> int:
        """Text."""
        return self._sum(2, i)

    def linked(self, i: int) -> int:
        """Text in links."""
        return self._sum(3, i)

    def links(self, i: int) -> int:
        """Links to other pages."""
        return self._sum(4, i)
