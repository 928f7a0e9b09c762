"""Where the spans of a KaTeX formula stand, and what its paths draw: the shapes that have no characters."""

import re
from functools import lru_cache

from pipeline.extract.formulas.chtml import PIECES
from pipeline.extract.formulas.dom import Element

_TOP = re.compile(r"(?:^|;)\s*top:\s*(-?[\d.]+)em")
_HEIGHT = re.compile(r"(?:^|;)\s*height:\s*(-?[\d.]+)em")
_NO_NAMES: frozenset[str] = frozenset()
ACCENT_PATHS = (("M377 20", "→"), ("M0 241v40h399891", "→"), ("M400000 241", "←"), ("M200 55", "~"), ("M344 55", "~"),
                 ("M786 59", "~"), ("M786 58", "~"), ("M529 0", "^"), ("M1181 0", "^"), ("M0 435h", "¯"))  # fmt: skip
ARROW_PATHS = (("M0 241v40h399891", "→"), ("M400000 241", "←"), ("M0 377", "⇒"), ("M0 147", "⇒"), ("M399995", "⇐"))
# Fences too tall for a glyph; those that begin alike differ in their foot.
_FENCE_PATHS = (("M863,9", "("), ("M76,0", ")"), (r"M403 1759.*v1759 ", "["), (r"M347 1759.*v1759 ", "]"),
                ("M403 1759", "⌈"), ("M347 1759", "⌉"), (r"M319 602.*H319", "⌊"), (r"M319 602", "⌋"),
                (r"M145 15(?s:.)*M367", "‖"))  # fmt: skip


def class_names(node: Element) -> frozenset[str]:
    """Class names, the prefix of newer versions dropped."""
    value = node.attributes.get("class")
    return _split(value) if value else _NO_NAMES


@lru_cache(maxsize=1 << 12)
def _split(classes: str) -> frozenset[str]:
    """The names in an attribute; KaTeX has a few hundred combinations of them."""
    return frozenset(name.removeprefix("katex-") for name in classes.split())


def find_class(node: Element, name: str) -> Element | None:
    """The first element of a class below, in document order."""
    stack = list(reversed(node.elements))
    while stack:
        here = stack.pop()
        if name in class_names(here):
            return here
        stack.extend(reversed(here.elements))
    return None


def stacked(node: Element) -> list[tuple[float, Element]]:
    """The items of the first vertical list below: height above the baseline, and content, in document order."""
    stack = find_class(node, "vlist") if "vlist" not in class_names(node) else node
    if stack is None:
        return []
    found: list[tuple[float, Element]] = []
    for item in stack.elements:
        top = _TOP.search(item.get("style"))
        if not top or not item.elements:
            continue
        strut = next((child for child in item.elements if "pstrut" in class_names(child)), None)
        height = _HEIGHT.search(strut.get("style")) if strut is not None else None
        found.append((-float(top[1]) - (float(height[1]) if height else 0.0), item))
    return found


def drawn_by(node: Element, table: tuple[tuple[str, str], ...]) -> str:
    """What the first path below draws, "" when it is not known."""
    path = node.find("path")
    drawn = path.get("d") if path is not None else ""
    return next((char for start, char in table if drawn.startswith(start)), "")


def tall_fence(node: Element) -> str:
    """The fence that a span draws, in pieces or by a path; a bar where the path is not known."""
    text = node.text().replace("\u200b", "").strip()
    if text:
        return PIECES.get(text[0], text[0])
    path = node.find("path")
    drawn = path.get("d") if path is not None else ""
    return next((char for start, char in _FENCE_PATHS if re.match(start, drawn)), "|")


def is_line(item: Element) -> bool:
    """Whether an item of a vertical list is the line of a fraction, over something or under it."""
    return any(class_names(child) & {"frac-line", "overline-line", "underline-line"} for child in item.elements)


def has_line(items: list[tuple[float, Element]]) -> bool:
    """Whether one of some items is a line."""
    return any(is_line(item) for _, item in items)
