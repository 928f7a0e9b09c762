"""A rendered formula as a small tree of plain Python objects, bounded in size and depth.

Every rendered form (MathML, KaTeX, MathJax) is read into `Element`s once; converters never touch the page's own tree.
"""

from selectolax.lexbor import LexborHTMLParser, LexborNode

_TEXT, _COMMENT = "-text", "-comment"
# Elements of MathML that never hold anything: where a page's parser closed them late, their content belongs after them.
_EMPTY = frozenset({"mspace", "none", "mprescripts", "malignmark", "maligngroup"})
_NONE: dict[str, str | None] = {}


class TooLarge(Exception):
    """A formula passed the limits of size or depth; it stays as the page's own text."""


class Element:
    """An element: its name without a prefix, attributes, and children (elements and strings)."""

    __slots__ = ("attributes", "children", "tag")

    def __init__(
        self, tag: str, children: "list[Element | str] | None" = None, attributes: dict[str, str | None] = _NONE
    ) -> None:
        self.tag = tag
        self.children: list[Element | str] = children if children is not None else []
        self.attributes = attributes

    def get(self, name: str) -> str:
        """An attribute's value, "" when absent."""
        return self.attributes.get(name) or ""

    @property
    def classes(self) -> list[str]:
        """The class names."""
        value = self.attributes.get("class")
        return value.split() if value else []

    @property
    def elements(self) -> "list[Element]":
        """The child elements."""
        return [child for child in self.children if isinstance(child, Element)]

    def text(self) -> str:
        """All text below, in order."""
        out: list[str] = []
        stack: list[Element | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                out.append(node)
            else:
                stack.extend(reversed(node.children))
        return "".join(out)

    def find(self, tag: str) -> "Element | None":
        """The first element of that name below, in document order."""
        stack: list[Element] = list(reversed(self.elements))
        while stack:
            node = stack.pop()
            if node.tag == tag:
                return node
            stack.extend(reversed(node.elements))
        return None


class Budget:
    """Nodes that may still be read on this page, and the depth of one formula."""

    def __init__(self, nodes: int, depth: int) -> None:
        self.nodes = nodes
        self.depth = depth

    def spend(self, nodes: int) -> None:
        """Take off nodes. Raises TooLarge when there are not so many left."""
        self.nodes -= nodes
        if self.nodes < 0:
            raise TooLarge


def read(node: LexborNode, budget: Budget) -> Element:
    """The subtree of a node as `Element`s. Raises TooLarge beyond the budget."""
    root = Element(_name(node), [], node.attributes or _NONE)
    here = root
    above: list[tuple[Element, LexborNode | None]] = []
    child = node.first_child
    while True:
        while child is None:
            if not above:
                return root
            here, child = above.pop()
        budget.nodes -= 1
        if budget.nodes < 0:
            raise TooLarge
        tag = child.tag
        if tag == _TEXT:
            here.children.append(child.text_content or "")
            child = child.next
            continue
        if tag == _COMMENT or tag is None:
            child = child.next
            continue
        element = Element(_name(child), [], child.attributes or _NONE)
        here.children.append(element)
        first, following = child.first_child, child.next
        if first is None:
            child = following
            continue
        if len(above) >= budget.depth:
            raise TooLarge
        above.append((here, following))
        if element.tag not in _EMPTY:
            here = element
        child = first


def _name(node: LexborNode) -> str:
    tag = node.tag or ""
    return tag.rpartition(":")[2] if ":" in tag else tag


def read_string(markup: str, budget: Budget) -> Element | None:
    """The `<math>` of a string of markup, None without one. Raises TooLarge beyond the budget."""
    budget.spend(len(markup) // 50)
    node = LexborHTMLParser(markup).css_first("math, mml\\:math, m\\:math")
    return read(node, budget) if node is not None else None
