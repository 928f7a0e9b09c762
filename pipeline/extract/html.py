"""One HTML page to text with its formulas: parse, lift formulas, choose the content, render."""

import re
from collections import Counter
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.charset import decode
from pipeline.extract.content import Choice, choose
from pipeline.extract.content_outline import Outline, outline
from pipeline.extract.formulas import Lifted, lift
from pipeline.extract.limits import LimitExceeded, Limits
from pipeline.extract.render import Renderer

__all__ = ["EXTRACTOR", "VERSION", "LimitExceeded", "Limits", "Page", "extract"]

VERSION = 1  # raised by hand whenever the text of any page can change
EXTRACTOR = f"mathmill@{VERSION}"

_DEFAULTS = Limits()
# Marks that stand for formulas, scripts and code while a page is worked on, controls, and characters without a width.
_RESERVED = re.compile("[\ue000-\ue007\x00-\x08\x0b\x0e-\x1f\xad\u200b\u2060\ufeff]+")
_RESERVED_REFERENCE = re.compile(r"&#(?:[xX]0*[eE]00[0-7]|0*573(?:4[4-9]|5[01]))(?![0-9a-fA-F]);?")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. `text` is empty when it has no content; `encodings` counts its formulas by encoding."""

    text: str
    title: str
    formulas: int
    encodings: dict[str, int] = field(default_factory=dict)


def extract(html: bytes, url: str = "", charset: str | None = None, limits: Limits = _DEFAULTS) -> Page:
    """Text, title and formulas of one page.

    `charset` is what the HTTP header says, None when it says nothing; `url` is the page's own, for relative references.
    Raises LimitExceeded when the page passes a limit; any other page, however broken, gives a Page.
    """
    return _extract(html, charset, limits)[0]


def _extract(html: bytes, charset: str | None, limits: Limits) -> tuple[Page, Outline, Choice | None, Lifted | None]:
    if len(html) > limits.page_bytes:
        raise LimitExceeded("too_large", len(html))
    source = _RESERVED_REFERENCE.sub("", _RESERVED.sub("", decode(html, charset)[0]))
    tree = LexborHTMLParser(source)
    title = _title(tree)
    lifted = lift(tree)
    page = outline(tree, limits)
    choice = choose(page) if len(page) else None
    if choice is None:
        return Page("", title, 0), page, None, None
    renderer = Renderer(page, choice, lifted, limits.text_chars)
    if choice.title:
        renderer.render(choice.title)
    renderer.render(choice.root)
    text = renderer.text()
    encodings = dict(sorted(Counter(formula.encoding for formula in lifted.formulas).items()))
    return Page(text, title, len(lifted.formulas), encodings), page, choice, lifted


def _title(tree: LexborHTMLParser) -> str:
    """The title of a page: of its head, of its card for social networks, or its first heading; "" without any."""
    for selector in ("head > title", 'meta[property="og:title"]', "h1"):
        node = tree.css_first(selector)
        if node is not None:
            title = " ".join((node.attributes.get("content") or node.text()).split())
            if title:
                return title
    return ""
