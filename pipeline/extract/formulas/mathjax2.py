"""MathJax 2's output where its script is gone: HTML-CSS, CommonHTML and SVG, with or without assistive MathML."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import chtml
from pipeline.extract.formulas.dollars import is_mathematical
from pipeline.extract.formulas.mathml_elements import of_node
from pipeline.extract.formulas.page import Page

CLASSES = frozenset({"MathJax", "MathJax_SVG", "MathJax_CHTML", "MathJax_PHTML", "mjx-chtml"})
_DISPLAYS = (
    "MathJax_Display",
    "MathJax_SVG_Display",
    "MJXc-display",
    "MathJax_CHTML_Display",
    "mjx-block",
    "MJXp-display",
)


def lift(node: LexborNode, page: Page) -> None:
    """Replace rendered output by assistive MathML or by what its glyphs say."""
    tag = node.tag
    if tag not in ("span", "div", "nobr"):
        return
    target = node
    display = False
    parent = node.parent
    for _ in range(2):
        if parent is None:
            break
        name = parent.attributes.get("class") or ""
        if name.startswith(_DISPLAYS) or "mjpage__block" in name:
            target, display = parent, True
        elif name not in ("mjpage", "mjx-full-width mjx-chtml") and not name.startswith("mjx-chtml"):
            break
        parent = parent.parent
    own = node.attributes.get("class") or ""
    display = display or "MJXc-display" in own or "mjx-full-width" in own
    math = node.css_first("math")
    if math is not None:
        tex, block = of_node(math, page)
        if tex:
            page.put(target, tex, display or block, "mathjax2_assistive")
            return
    source = _label(node)
    if source:
        page.put(target, source, display, "mathjax2_label")
        return
    page.put(target, page.read_back(node, chtml.to_tex), display, "mathjax2_rendered")


def _label(node: LexborNode) -> str:
    """The source that mathjax-node leaves as a label for readers by ear, "" where the label is speech."""
    labelled = node.css_first("[aria-label]")
    title = node.css_first("svg title")
    for text in (labelled.attributes.get("aria-label") if labelled is not None else "", title.text() if title else ""):
        if text and is_mathematical(text.strip()):
            return text
    return ""
