"""Sentences of a document that its tokens can tell apart."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from training.rpt.document import Document


@dataclass(frozen=True)
class Sentence:
    """Tokens ids[first:last] of a document are its sentence `index`, white space at either end apart."""

    index: int
    first: int
    last: int


def sentences_from(document: Document, offset: int) -> Iterator[Sentence]:
    """The sentences that begin at token `offset` or later and before a special token, in order.

    One counts as beginning at a token where nothing but white space stands between; and ends so. A sentence that begins
    or ends inside a token is passed over.
    """
    ends, edges = document.segments, document.edges
    stop = text_stop(document, offset)
    for index in range(bisect_right(ends, edges[offset]), len(ends)):
        begin = ends[index - 1] if index else 0
        start = max(begin, edges[offset])
        first, last = _boundary(document, start), _boundary(document, ends[index])
        if document.text[begin:start].strip() or first is None or last is None:
            continue
        while first < len(document.ids) and not document.pieces[first]:
            first += 1
        if first >= stop:
            return
        yield Sentence(index, max(first, offset), min(last, stop))


def text_stop(document: Document, offset: int) -> int:
    """The first special token at `offset` or later, where the text ends; the document's end if there is none."""
    return next((place for place in range(offset, len(document.ids)) if not document.pieces[place]), len(document.ids))


def _boundary(document: Document, place: int) -> int | None:
    """The first token that begins at byte `place`, or behind white space from there."""
    token = bisect_left(document.edges, place)
    return token if not document.text[place : document.edges[token]].strip() else None
