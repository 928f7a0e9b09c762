"""KaTeX: its TeX annotation or, where a page kept only the visible half, the span tree read back."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import katex_spans
from pipeline.extract.formulas.mathml_elements import annotation, of_node
from pipeline.extract.formulas.page import Page, has_class

CLASSES = frozenset({"katex", "katex-error"})


def _note(node: LexborNode) -> str:
    """The annotation where KaTeX puts it: the last child of the first element all the way down; "" elsewhere."""
    here: LexborNode | None = node
    for tag in ("span", "math", "semantics"):
        here = here.first_child if here is not None else None
        if here is None or here.tag != tag:
            return ""
    note = here.last_child if here is not None else None
    if note is None or note.tag != "annotation" or note.attributes.get("encoding") != "application/x-tex":
        return ""
    return note.text(deep=True).strip()


def lift(node: LexborNode, page: Page) -> None:
    """Replace a KaTeX formula together with its display wrapper."""
    target = node
    display = False
    parent = node.parent
    if parent is not None and (has_class(parent, "katex-display") or has_class(parent, "katex-block")):
        target, display = parent, True
    elif (
        node.first_child is not None and node.first_child.tag == "span" and has_class(node.first_child, "katex-display")
    ):
        display = True
    if has_class(node, "katex-error"):
        page.put(target, node.text(deep=True), display, "katex_error")
        return
    tex = _note(node) or annotation(node)
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
