"""One HTML page to text with its formulas: parse, lift formulas, choose the content, render."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from pipeline.extract.charset import decode
from pipeline.extract.content import Choice, choose
from pipeline.extract.content_outline import Outline, outline, words
from pipeline.extract.formulas import Formula, lift
from pipeline.extract.guard import check_markup
from pipeline.extract.limits import LimitExceeded, Limits
from pipeline.extract.render import Renderer
from pipeline.extract.shadow import open_shadow_roots

__all__ = ["EXTRACTOR", "VERSION", "LimitExceeded", "Limits", "Page", "extract", "read"]

VERSION = 11  # raised by hand whenever the text of any page can change
EXTRACTOR = f"mathmill@{VERSION}"

_DEFAULTS = Limits()
# A third of a usual page is navigation: it is not walked unless little text is found without, and there is more in it.
_RARELY_CONTENT = words("nav footer menu noscript")
_LITTLE = 1000
# Images and documents are served as HTML now and then: NULs at the beginning, and no tag (stray NULs are in pages too).
_HEAD = 1024
_NO_HTML = ("%PDF-", "GIF8", "{\\rtf")
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
    return read(html, charset, limits).page


class Reading(NamedTuple):
    """A page and what it was read from: its outline, what was chosen of it, and the formulas in its text in order."""

    page: Page
    outline: Outline
    choice: Choice | None
    formulas: list[Formula]


def read(html: bytes, charset: str | None, limits: Limits) -> Reading:
    """As `extract`, with what the decisions were made on."""
    if len(html) > limits.page_bytes:
        raise LimitExceeded("too_large", len(html))
    source, encoding = decode(html, charset)
    head = html[:_HEAD]
    if source.startswith(_NO_HTML) or (b"\x00" in head and b"<" not in head and not encoding.startswith("utf-16")):
        return Reading(Page("", "", 0), Outline(), None, [])
    tree = _parse(source, limits)
    title = _title(tree)
    lifted = lift(tree)
    page = outline(tree, limits, _RARELY_CONTENT)
    choice = choose(page) if len(page) else None
    found = choice.plain if choice else 0
    if found < _LITTLE and _closed_text(page) > found:
        page = outline(tree, limits)
        choice = choose(page) if len(page) else None
    if choice is None:
        return Reading(Page("", title, 0), page, None, [])
    renderer = Renderer(page, choice, lifted, limits.text_chars)
    if choice.title:
        renderer.render(choice.title)
    for part in (choice.root, *choice.notes):
        renderer.render(part)
    text = _INVISIBLE.sub("", renderer.text())
    formulas = [lifted.formulas[index] for index in renderer.formulas]
    encodings = dict(sorted(Counter(formula.encoding for formula in formulas).items()))
    return Reading(Page(text, title, len(formulas), encodings), page, choice, formulas)


def _parse(source: str, limits: Limits) -> LexborHTMLParser:
    """The tree of a page, without any mark of ours in it."""
    if not source.isascii():
        for mark in _MARKS:
            if mark in source:
                source = source.replace(mark, "")
    if "&#" in source:
        source = _MARK_REFERENCE.sub("", source)
    source = open_shadow_roots(source)
    check_markup(source, limits)
    # Without events: the copying of a chosen <option> that they are for takes time with the square of their number.
    return LexborHTMLParser(source, options=LexborDocumentOptions.WO_EVENTS)


def _closed_text(page: Outline) -> int:
    """Characters of text in the elements that were not walked."""
    return sum(len(node.text_lexbor()) for node in page.closed)


def _title(tree: LexborHTMLParser) -> str:
    """The title of a page: of its head, of its card for social networks, or its first heading; "" without any."""
    for selector in ("head > title", 'meta[property="og:title"]', "h1"):
        node = tree.css_first(selector)
        if node is not None:
            title = " ".join((node.attributes.get("content") or node.text()).split())
            if title:
                return title
    return ""
