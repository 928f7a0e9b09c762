"""`<math>` in a page: its TeX annotation, its alternative text, or its own elements."""

import re

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.dom import read
from pipeline.extract.formulas.page import OPEN, Page, looks_tex

TAGS = frozenset({"math"})  # with or without a prefix
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
    tag = node.tag or ""
    prefix = tag.replace(":", "\\:").removesuffix("math") if ":" in tag else ""
    for note in node.css(f"{prefix}annotation"):
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
    return _source(node, page)[0], is_display(node)


def _source(node: LexborNode, page: Page) -> tuple[str, str]:
    """LaTeX of a `<math>`, and the encoding that it was read from."""
    alt = (node.attributes.get("alttext") or "").strip()
    usable = bool(alt) and alt != "$" and not _spoken(alt) and not _INTERNAL.search(alt)
    if usable and any(char in alt for char in "\\^_"):  # an annotation would say the same
        return alt, "mathml_alttext"
    tex = annotation(node)
    if tex:
        return tex, "mathml_annotation"
    if usable:
        return alt, "mathml_alttext"
    if node.css_first("*:not(math)") is None:
        text = node.text(deep=True).strip()  # wikis and forums put LaTeX itself between the tags
        if looks_tex(text):
            return text, "mathml"
    return mathml.to_tex(read(node, page.budget)), "mathml"


def _spoken(text: str) -> bool:
    """Whether alternative text is a description in words instead of TeX."""
    if any(char in text for char in "\\^_={}"):
        return False
    return sum(1 for word in text.split() if len(word) > 2 and word.isalpha()) >= 2


def lift(node: LexborNode, page: Page) -> None:
    """Replace a `<math>`, and with it the wrapper that holds nothing else."""
    if node.parent is None:  # replaced before
        return
    tex, encoding = _source(node, page)
    target = node
    parent = node.parent
    name = parent.attributes.get("class")
    if name and not _WRAPPERS.isdisjoint(name.split()):
        target = parent
    if not tex and OPEN in node.text(deep=True):
        return
    page.put(target, tex, is_display(node), encoding)
