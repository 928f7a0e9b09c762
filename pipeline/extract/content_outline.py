"""The page as flat arrays: one walk over the lexbor tree, after which Python touches no node again.

A visit of a lexbor node from Python costs about 0.2 µs, an array element a tenth of that; choosing and rendering pass
over the page several times, so they pass over arrays. Entries stand in document order; the subtree of entry i is the
slice i..ends[i].
"""

from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.limits import LimitExceeded, Limits

TEXT = "-text"


def words(text: str) -> frozenset[str]:
    """A set of words from a string, which reads better than a long list of quoted ones."""
    return frozenset(text.split())


# Never content, and never a carrier of text that a reader sees.
SKIPPED = words(
    "script style template iframe object embed applet svg canvas audio video source track map area link meta"
    " base head select datalist option optgroup input textarea progress meter frame frameset noframes dialog"
    " -comment -doctype"
)
INLINE = words(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q rb rp rt rtc ruby s samp"
    " small span strike strong sub sup time tt u var wbr img -text"
)


@dataclass(slots=True)
class Outline:
    """Parallel arrays over the entries of `<body>`; entry 0 is the body itself."""

    tags: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    attributes: list[dict[str, str | None]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tags)


_NONE: dict[str, str | None] = {}


def outline(tree: LexborHTMLParser, limits: Limits) -> Outline:
    """Flatten the body. White space between blocks is left out. Raises LimitExceeded on too many or too deep nodes."""
    result = Outline()
    node = tree.body
    if node is None:
        return result
    tags, parents, ends, texts, attributes = (
        result.tags,
        result.parents,
        result.ends,
        result.texts,
        result.attributes,
    )
    pending = []  # next siblings to return to, one per open element
    opened: list[int] = []
    preformatted = 0
    seen = 0
    while True:
        seen += 1
        tag = node.tag
        descend = None
        if tag == TEXT:
            text = node.text_content or ""
            # White space matters only beside inline neighbours or in preformatted text.
            if preformatted or not text.isspace() or tags[-1] in INLINE:
                tags.append(TEXT)
                parents.append(opened[-1])
                ends.append(len(tags))
                texts.append(text)
                attributes.append(_NONE)
        elif tag is not None and tag not in SKIPPED:
            index = len(tags)
            tags.append(tag)
            parents.append(opened[-1] if opened else 0)
            ends.append(index + 1)
            texts.append("")
            attributes.append(node.attributes or _NONE)
            descend = node.first_child
            if descend is not None:
                if len(opened) >= limits.depth:
                    raise LimitExceeded("too_deep", len(opened) + 1)
                opened.append(index)
                preformatted += tag == "pre"
                pending.append(node.next if index else None)
                node = descend
                continue
        if seen > limits.nodes:
            raise LimitExceeded("too_many_nodes", seen)
        following = node.next if opened else None
        while following is None:
            if not opened:
                return result
            index = opened.pop()
            ends[index] = len(tags)
            preformatted -= tags[index] == "pre"
            following = pending.pop()
        node = following
