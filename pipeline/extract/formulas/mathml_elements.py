"""`<math>` in a page: its TeX annotation, its alternative text, or its own elements."""

import re

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.dom import read
from pipeline.extract.formulas.page import OPEN, Page, has_class, looks_tex

TAGS = frozenset({"math", "mml:math", "m:math"})
_TEX_ENCODINGS = (
    "application/x-tex",
    "tex",
    "latex",
    "application/x-latex",
    "text/x-tex",
    "text/x-latex",
    "application/tex",
)
_INTERNAL = re.compile(r"\\@|\\nonscript|\\penalty|\\mathchoice|ERROR|\\csname")  # TeX's own commands, expanded too far
_WRAPPERS = frozenset({"MathJax_Preview", "MJX_Assistive_MathML", "katex-mathml", "mathml"})


def annotation(node: LexborNode) -> str:
    """The TeX in an annotation, "" without one."""
    for note in node.css("annotation"):
        encoding = (note.attributes.get("encoding") or "").strip().lower()
        if encoding in _TEX_ENCODINGS:
            return note.text(deep=True).strip()
    return ""


def is_display(node: LexborNode) -> bool:
    """Whether a `<math>` is set on lines of its own."""
    attributes = node.attributes
    return (
        attributes.get("display") == "block"
        or attributes.get("mode") == "display"
        or attributes.get("overflow") == "linebreak"
    )


def of_node(node: LexborNode, page: Page) -> tuple[str, bool]:
    """LaTeX of a `<math>` and whether it is a display formula. Raises TooLarge."""
    tex = annotation(node)
    if not tex:
        alt = (node.attributes.get("alttext") or "").strip()
        if alt and alt != "$" and not _spoken(alt) and not _INTERNAL.search(alt):
            tex = alt
    if not tex and node.css_first("*:not(math)") is None:
        text = node.text(deep=True).strip()  # wikis and forums put LaTeX itself between the tags
        tex = text if looks_tex(text) else ""
    if not tex:
        tex = mathml.to_tex(read(node, page.budget))
    return tex, is_display(node)


def _spoken(text: str) -> bool:
    """Whether alternative text is a description in words instead of TeX."""
    if any(char in text for char in "\\^_={}"):
        return False
    return sum(1 for word in text.split() if len(word) > 2 and word.isalpha()) >= 2


def lift(node: LexborNode, page: Page) -> None:
    """Replace a `<math>`, and with it the wrapper that holds nothing else."""
    tex, display = of_node(node, page)
    target = node
    parent = node.parent
    if parent is not None and any(has_class(parent, name) for name in _WRAPPERS):
        target = parent
    if not tex and OPEN in node.text(deep=True):
        return
    page.put(target, tex, display, "mathml_annotation" if node.css_first("annotation") is not None else
             "mathml_alttext" if node.attributes.get("alttext") else "mathml")  # fmt: skip
