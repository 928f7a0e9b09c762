"""The page as flat arrays: one walk over the lexbor tree, after which Python touches no node again.

A visit of a lexbor node from Python costs about 0.2 µs, an array element a tenth of that; choosing and rendering pass
over the page several times, so they pass over arrays. Entries stand in document order; the subtree of entry i is the
slice i..ends[i].
"""

from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.extract.limits import LimitExceeded, Limits

TEXT = "-text"


def words(text: str) -> frozenset[str]:
    """A set of words from a string, which reads better than a long list of quoted ones."""
    return frozenset(text.split())


# Never content, and never a carrier of text that a reader sees.
SKIPPED = words(
    "script style template iframe object embed applet svg canvas audio video source track map area link meta base head"
    " select datalist option optgroup input textarea progress meter frame frameset noframes dialog -comment -doctype"
)
INLINE = words(
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img ins kbd label mark nobr q rb rp rt rtc ruby s"
    " samp small span strike strong sub sup time tt u var wbr -text"
)
BLOCK = words(
    "address article aside blockquote body button caption center col colgroup dd details dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav noscript ol p pre search"
    " section summary table tbody td tfoot th thead tr ul"
)


@dataclass(slots=True)
class Outline:
    """Parallel arrays over the entries of `<body>`; entry 0 is the body itself.

    `tags` holds names of BLOCK and INLINE alone: an unknown element stands as a `div` where it holds a block, else as a
    `span`. `texts` is "" but for texts, `attributes` empty for them.
    """

    tags: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    attributes: list[dict[str, str | None]] = field(default_factory=list)
    closed: list[LexborNode] = field(default_factory=list)  # elements that stand without what is in them
    fields: list[int] = field(default_factory=list)  # entries that hold a text to be written by the reader

    def __len__(self) -> int:
        return len(self.tags)


_NONE: dict[str, str | None] = {}

# What the walk does with a node.
_OMIT, _WRITE, _INLINE, _BLOCK, _PRE, _UNKNOWN = range(6)
_Tag = tuple[str, int]
_TAGS: dict[int, _Tag] = {}  # of lexbor's own tags, whose numbers are fixed; filled as they are met
_OWN_TAGS = 190  # less than lexbor has; a greater number may be an address, which another page gives to another name


def _tag(node: LexborNode) -> _Tag:
    """Name of a node's tag and what to do with it."""
    name = node.tag or "-comment"
    if name == TEXT:
        kind = _WRITE
    elif name in SKIPPED:
        kind = _OMIT
    elif name == "pre":
        kind = _PRE
    else:
        kind = _BLOCK if name in BLOCK else _INLINE if name in INLINE else _UNKNOWN
    if node.tag_id < _OWN_TAGS:
        _TAGS[node.tag_id] = name, kind
    return name, kind


def outline(tree: LexborHTMLParser, limits: Limits, closed: frozenset[str] = frozenset()) -> Outline:
    """Flatten the body; elements of `closed` stand without what is in them. White space between blocks is left out.

    Raises LimitExceeded on too many or too deep nodes.
    """
    page = Outline()
    node: LexborNode | None = tree.body
    tags, parents, ends, texts, attributes = page.tags, page.parents, page.ends, page.texts, page.attributes
    known = _TAGS.get
    opened: list[tuple[int, int, LexborNode | None, int]] = []  # entry, kind, the node after it, blocks before it
    parent = blocks = preformatted = 0
    spaces = False  # whether white space matters here: after something inline, or in preformatted text
    left = limits.nodes
    while node is not None:
        left -= 1
        tag, kind = known(node.tag_id) or _tag(node)
        if kind == _WRITE:
            text = node.text_content or ""
            if spaces or not text.isspace():
                tags.append(TEXT)
                parents.append(parent)
                texts.append(text)
                attributes.append(_NONE)
                ends.append(len(tags))
                spaces = True
        elif kind == _OMIT:
            if tag == "textarea":
                page.fields.append(parent)
        else:
            index = len(tags)
            tags.append(tag)
            parents.append(parent)
            texts.append("")
            attributes.append(node.attributes or _NONE)
            ends.append(index + 1)
            if kind == _PRE:
                preformatted += 1
            elif kind == _BLOCK:
                blocks += 1
            spaces = kind == _INLINE or preformatted > 0
            if tag in closed:
                page.closed.append(node)
                below = None
            else:
                below = node.first_child
            if below is not None:
                if len(opened) >= limits.depth:
                    raise LimitExceeded("too_deep", len(opened) + 1)
                opened.append((index, kind, node.next if index else None, blocks))
                parent = index
                node = below
                continue
            if kind == _UNKNOWN:
                tags[index] = "span"
            elif kind == _PRE:
                preformatted -= 1
        if left < 0:
            raise LimitExceeded("too_many_nodes", limits.nodes + 1)
        node = node.next if opened else None
        while node is None and opened:
            index, kind, node, blocks_before = opened.pop()
            ends[index] = len(tags)
            parent = parents[index]
            if kind == _PRE:
                preformatted -= 1
            elif kind == _UNKNOWN:
                tags[index] = "span" if blocks == blocks_before else "div"
            spaces = preformatted > 0 or tags[index] in INLINE
    return page
