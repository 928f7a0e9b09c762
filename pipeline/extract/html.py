"""One HTML page to text with its formulas: parse, lift formulas, choose the content, render."""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.charset import decode
from pipeline.extract.content import choose
from pipeline.extract.content_outline import outline
from pipeline.extract.formulas import lift
from pipeline.extract.limits import LimitExceeded, Limits
from pipeline.extract.render import Renderer

__all__ = ["EXTRACTOR", "VERSION", "LimitExceeded", "Limits", "Page", "extract"]

VERSION = 1  # raised by hand whenever the text of any page can change
EXTRACTOR = f"mathmill@{VERSION}"

_DEFAULTS = Limits()
_RESERVED = re.compile("[\ue000-\ue007\x00-\x08\x0b\x0e-\x1f]")  # our marks, and controls that no text needs


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. `text` is empty when it has no content."""

    text: str
    title: str
    formulas: int
    encodings: dict[str, int] = field(default_factory=dict)


def extract(html: bytes, url: str = "", charset: str | None = None, limits: Limits = _DEFAULTS) -> Page:
    """Text, title and formulas of one page.

    `charset` is what the HTTP header says, None when it says nothing. Raises LimitExceeded when the page passes a
    limit; any other page, broken ones included, gives a Page.
    """
    if len(html) > limits.page_bytes:
        raise LimitExceeded("too_large", len(html))
    source, _ = decode(html, charset)
    tree = LexborHTMLParser(_RESERVED.sub("", source))
    lifted = lift(tree)
    page = outline(tree, limits)
    if not len(page):
        return Page("", "", 0)
    choice = choose(page)
    if choice is None:
        return Page("", "", 0)
    renderer = Renderer(page, choice.left_out, lifted, limits.text_chars)
    renderer.render(choice.root)
    text = renderer.text()
    heading = tree.css_first("title")
    title = " ".join(heading.text().split()) if heading else ""
    encodings: dict[str, int] = {}
    for formula in lifted.formulas:
        encodings[formula.encoding] = encodings.get(formula.encoding, 0) + 1
    return Page(text, title, len(lifted.formulas), encodings)
