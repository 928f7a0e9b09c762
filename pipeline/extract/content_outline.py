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

    def __len__(self) -> int:
        return len(self.tags)


_NONE: dict[str, str | None] = {}


_TAG_NAMES: dict[int, str] = {}  # of lexbor's own tags, whose numbers are fixed; filled as they are met
_OWN_TAGS = 190  # less than lexbor has; a greater number may be an address, which another page gives to another name


def _name(node: LexborNode) -> str:
    """The name of a node's tag, "-comment" for what has none."""
    name = node.tag or "-comment"
    if node.tag_id < _OWN_TAGS:
        _TAG_NAMES[node.tag_id] = name
    return name


def outline(tree: LexborHTMLParser, limits: Limits) -> Outline:
    """Flatten the body. White space between blocks is left out. Raises LimitExceeded on too many or too deep nodes."""
    page = Outline()
    node: LexborNode | None = tree.body
    tags, parents, ends, texts, attributes = page.tags, page.parents, page.ends, page.texts, page.attributes
    opened: list[int] = []  # entries of the open elements
    following: list[LexborNode | None] = []  # the node after each of them
    blocks_before: list[int] = []  # how many blocks came before each of them began
    blocks = 0
    names = _TAG_NAMES
    parent = 0
    preformatted = 0
    seen = 0
    while node is not None:
        seen += 1
        tag = names.get(node.tag_id) or _name(node)
        below = None
        if tag == TEXT:
            text = node.text_content or ""
            # White space matters only after something inline or in preformatted text.
            if preformatted or tags[-1] in INLINE or not text.isspace():
                tags.append(TEXT)
                parents.append(parent)
                texts.append(text)
                attributes.append(_NONE)
                ends.append(len(tags))
        elif tag not in SKIPPED:
            index = len(tags)
            tags.append(tag)
            parents.append(parent)
            texts.append("")
            attributes.append(node.attributes or _NONE)
            ends.append(index + 1)
            blocks += tag in BLOCK
            below = node.first_child
            if below is not None:
                if len(opened) >= limits.depth:
                    raise LimitExceeded("too_deep", len(opened) + 1)
                opened.append(index)
                blocks_before.append(blocks)
                following.append(node.next if index else None)
                preformatted += tag == "pre"
                parent = index
                node = below
            elif tag not in BLOCK and tag not in INLINE:
                tags[index] = "span"
        if seen > limits.nodes:
            raise LimitExceeded("too_many_nodes", seen)
        if below is None:
            node = node.next if opened else None
            while node is None and opened:
                index = opened.pop()
                ends[index] = len(tags)
                inner_blocks = blocks - blocks_before.pop()
                tag = tags[index]
                if tag == "pre":
                    preformatted -= 1
                elif tag not in BLOCK and tag not in INLINE:
                    tags[index] = "div" if inner_blocks else "span"
                parent = parents[index]
                node = following.pop()
    return page
