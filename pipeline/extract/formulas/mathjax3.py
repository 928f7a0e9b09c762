"""MathJax 3 and 4: `<mjx-container>`, whose content is CHTML or SVG, with MathML for readers by ear beside it."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import chtml, svg
from pipeline.extract.formulas.mathml_elements import of_node
from pipeline.extract.formulas.page import Page

TAGS = frozenset({"mjx-container"})


def lift(node: LexborNode, page: Page) -> None:
    """Replace a container: by its `data-latex` (MathJax 4), its assistive MathML, or what its glyphs say."""
    display = node.attributes.get("display") == "true"
    root = node.css_first("mjx-math, svg")
    math = node.css_first("math")
    given = node.attributes.get("data-latex") or (root.attributes.get("data-latex") if root is not None else "")
    if not given and root is not None and root.tag == "svg":
        top = root.css_first('[data-mml-node="math"]')
        given = top.attributes.get("data-latex") if top is not None else ""
    if given and given.strip():
        page.put(node, given, display, "mathjax_data_latex")
        return
    if math is not None:
        tex, block = of_node(math, page)
        if tex:
            page.put(node, tex, display or block, "mathjax3_assistive")
            return
    if root is None:
        return
    if root.tag == "svg":
        broken = node.css_first("mjx-break") is not None  # version 4 draws a line that may be broken in pieces
        page.put(node, page.read_back(node if broken else root, svg.to_tex), display, "mathjax3_svg")
    else:
        page.put(node, page.read_back(root, chtml.to_tex), display, "mathjax3_chtml")
