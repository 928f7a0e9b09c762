"""One pass over a page's tree: every formula element becomes a mark in the text.

Each encoding names the elements it knows by a selector (about 10 ns a node in lexbor) and replaces them; those that
hold others come first, so that what is left for the later ones is what no earlier one understood.
"""

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
    scripts,
)
from pipeline.extract.formulas.dom import TooLarge
from pipeline.extract.formulas.lifted import Lifted
from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.page import Page

_DEFAULTS = FormulaLimits()


class Encoding(NamedTuple):
    """How one way of writing formulas is found, and what is done with each element found."""

    selector: str
    lift: Callable[[LexborNode, Page], object]


_ENCODINGS = (
    Encoding(attributes.SELECTOR, attributes.lift),
    Encoding(mathjax3.SELECTOR, mathjax3.lift),
    Encoding(katex.SELECTOR, katex.lift),
    Encoding(mathjax2.SELECTOR, mathjax2.lift),
    Encoding(elements.WIKI, elements.lift_wiki),
    Encoding(mathml_elements.SELECTOR, mathml_elements.lift),
    Encoding(images.SELECTOR, images.lift),
    Encoding(elements.SELECTOR, elements.lift),
    Encoding(latexml.SELECTOR, latexml.lift),
    Encoding(elements.NUMBERS, elements.drop_number),
)


def lift(tree: LexborHTMLParser, *, limits: FormulaLimits = _DEFAULTS) -> Lifted:
    """Replace every formula element of a page by a mark in its text.

    The page's own text must not contain U+E000 to U+E005. The tree is changed in place. What the marks stand for is in
    the result, whose `finish` writes them, and the formulas that stand between delimiters in text, as LaTeX.
    """
    page = Page(tree, limits)
    raw = tree.raw_html or b""
    configuration.read_source(raw, page.configuration)
    scripts.lift_all(page, raw)
    for encoding in _ENCODINGS:
        for node in tree.css(encoding.selector):
            try:
                encoding.lift(node, page)
            except TooLarge:
                continue
    return Lifted(page)
