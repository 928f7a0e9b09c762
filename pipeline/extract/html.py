"""One HTML page to text with its formulas: parse, lift formulas, choose the content, render."""

import re
from collections import Counter
from dataclasses import dataclass, field

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from pipeline.extract.charset import decode
from pipeline.extract.content import Choice, choose
from pipeline.extract.content_outline import Outline, outline, words
from pipeline.extract.formulas import Lifted, lift
from pipeline.extract.guard import check_markup
from pipeline.extract.limits import LimitExceeded, Limits
from pipeline.extract.render import Renderer

__all__ = ["EXTRACTOR", "VERSION", "LimitExceeded", "Limits", "Page", "extract"]

VERSION = 1  # raised by hand whenever the text of any page can change
EXTRACTOR = f"mathmill@{VERSION}"

_DEFAULTS = Limits()
# A third of a usual page is navigation: it is not walked unless the rest holds little text.
_RARELY_CONTENT = words("nav footer button menu noscript")
_ENOUGH = 500
# Marks that stand for formulas, scripts, code and line breaks while a page is worked on; no page may bring its own.
_MARKS = [chr(code) for code in range(0xE000, 0xE009)]
_MARK_REFERENCE = re.compile(r"&#(?:[xX]0*[eE]00[0-8]|0*573(?:4[4-9]|5[0-2]))(?![0-9a-fA-F]);?")
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\u2060\ufeff]+")


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
    source = decode(html, charset)[0]
    if not source.isascii():
        for mark in _MARKS:
            if mark in source:
                source = source.replace(mark, "")
    if "&#" in source:
        source = _MARK_REFERENCE.sub("", source)
    check_markup(source, limits)
    # Without events: the copying of a chosen <option> that they are for takes time with the square of their number.
    tree = LexborHTMLParser(source, options=LexborDocumentOptions.WO_EVENTS)
    title = _title(tree)
    lifted = lift(tree)
    page = outline(tree, limits, _RARELY_CONTENT)
    choice = choose(page) if len(page) else None
    if choice is None or choice.running < _ENOUGH:
        page = outline(tree, limits)
        choice = choose(page) if len(page) else None
    if choice is None:
        return Page("", title, 0), page, None, None
    renderer = Renderer(page, choice, lifted, limits.text_chars)
    if choice.title:
        renderer.render(choice.title)
    renderer.render(choice.root)
    text = _INVISIBLE.sub("", renderer.text())
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
