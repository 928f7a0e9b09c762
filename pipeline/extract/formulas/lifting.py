"""One pass over a page's tree: every formula element becomes a mark in the text.

Each encoding says by which tags, classes or attributes its elements are known. Which of these a page has at all is read
off its bytes first, and only those are looked for in the tree (about 10 ns a node and selector in lexbor): a page
without formulas pays for one look at its bytes. Encodings that hold others come first, so that what is left for the
later ones is what no earlier one understood.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.extract.formulas import (
    attributes,
    configuration,
    elements,
    images,
    katex,
    latexml,
    mathjax2,
    mathjax3,
    mathml_elements,
    repair,
    scripts,
)
from pipeline.extract.formulas.dom import TooLarge
from pipeline.extract.formulas.lifted import Lifted
from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.page import Page

_DEFAULTS = FormulaLimits()
_CLASS = re.compile(rb"""class=["']?([^"'>]*)""")  # each begins with a literal, for which the engine searches fast
_LOUD_CLASS = re.compile(rb"""CLASS=["']?([^"'>]*)""")
_DATA = re.compile(rb"data-[a-z-]+")
_ALIKE = 20  # classes that one encoding tells by their form: each is looked for in every node
_NOTHING: frozenset[str] = frozenset()


class Encoding(NamedTuple):
    """How one way of writing formulas is found, and what is done with each element found."""

    lift: Callable[[LexborNode, Page], object]
    tags: frozenset[str] = _NOTHING  # without a prefix
    classes: frozenset[str] = _NOTHING
    attribute: Callable[[str], object] | None = None  # tells names of attributes
    values: tuple[tuple[bytes, str], ...] = ()  # what stands in the source, and its selector
    like: Callable[[str], object] | None = None  # tells classes that have no fixed name


_ENCODINGS = (
    Encoding(mathjax3.lift, tags=mathjax3.TAGS),
    Encoding(attributes.lift, attribute=attributes.is_attribute),
    Encoding(katex.lift, classes=katex.CLASSES),
    Encoding(mathjax2.lift, classes=mathjax2.CLASSES),
    Encoding(elements.lift_wiki, classes=elements.WIKI),
    Encoding(mathml_elements.lift, tags=mathml_elements.TAGS),
    Encoding(images.lift, tags=images.TAGS),
    Encoding(elements.lift, tags=elements.TAGS, classes=elements.CLASSES, values=elements.VALUES),
    Encoding(latexml.lift, classes=latexml.CLASSES),
    Encoding(elements.drop_number, like=elements.is_number_class),
)
_TAGS = frozenset().union(*(encoding.tags for encoding in _ENCODINGS))
_CLASSES = frozenset().union(*(encoding.classes for encoding in _ENCODINGS))
_CLOSED = re.compile(b"</(" + "|".join(sorted(_TAGS - images.TAGS, key=len, reverse=True)).encode() + rb")[\s>]")
_PREFIXED = re.compile(rb"</([a-z][\w.-]{0,15}:math)[\s>]")


def lift(tree: LexborHTMLParser, *, limits: FormulaLimits = _DEFAULTS) -> Lifted:
    """Replace every formula element of a page by a mark in its text.

    The page's own text must not contain U+E000 to U+E005. The tree is changed in place. What the marks stand for is in
    the result, whose `finish` writes them, and the formulas that stand between delimiters in text, as LaTeX.
    """
    page = Page(tree, limits)
    raw = tree.raw_html or b""
    lowered = raw.lower()
    configuration.read_source(lowered, page.configuration)
    scripts.lift_all(page, raw)
    configuration.read_usage(raw, page.configuration)
    if page.configuration.renders:
        repair.repair(tree, raw)
    tags = {name.decode() for name in set(_CLOSED.findall(lowered))}
    if b":math" in lowered:
        tags |= {name.decode("latin-1") for name in set(_PREFIXED.findall(lowered))}
    if b"<img" in lowered or b"<image" in lowered:
        tags |= images.TAGS
    values = set(_CLASS.findall(raw))
    if b"CLASS=" in raw:
        values.update(_LOUD_CLASS.findall(raw))
    named = set(b" ".join(values).decode("utf-8", "replace").split())
    classes = _CLASSES & named
    data = {name.decode("latin-1") for name in set(_DATA.findall(lowered))}
    for encoding in _ENCODINGS:
        selectors = [name.replace(":", "\\:") for name in sorted(tags) if name.rpartition(":")[2] in encoding.tags]
        selectors += [f".{name}" for name in sorted(encoding.classes & classes)]
        selectors += [selector for needle, selector in encoding.values if needle in lowered]
        if encoding.like is not None:
            selectors += [f".{name}" for name in sorted(named) if encoding.like(name)][:_ALIKE]
        if encoding.attribute is not None:
            selectors += [f"[{name}]" for name in sorted(data) if encoding.attribute(name)]
        if not selectors:
            continue
        for node in tree.css(", ".join(selectors)):
            try:
                encoding.lift(node, page)
            except TooLarge:
                continue
    return Lifted(page)
