"""KaTeX: its TeX annotation or, where a page kept only the visible half, the span tree read back."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import katex_spans
from pipeline.extract.formulas.mathml_elements import annotation, of_node
from pipeline.extract.formulas.page import Page, has_class

CLASSES = frozenset({"katex", "katex-error"})


def lift(node: LexborNode, page: Page) -> None:
    """Replace a KaTeX formula together with its display wrapper."""
    target = node
    display = False
    parent = node.parent
    if parent is not None and (has_class(parent, "katex-display") or has_class(parent, "katex-block")):
        target, display = parent, True
    elif node.css_first(".katex-display") is not None:
        display = True
    if has_class(node, "katex-error"):
        page.put(target, node.text(deep=True), display, "katex_error")
        return
    tex = annotation(node)
    encoding = "katex_annotation"
    if not tex:
        spans = node.css_first(".katex-html")
        if spans is not None:
            tex, encoding = page.read_back(spans, katex_spans.to_tex), "katex_spans"
        else:
            math = node.css_first("math")
            if math is None:
                return
            (tex, block), encoding = of_node(math, page), "katex_mathml"
            display = display or block
    page.put(target, tex, display, encoding)
