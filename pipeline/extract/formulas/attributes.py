"""Elements that carry their formula in an attribute: `data-latex`, `data-tex`, `data-math` and the like."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.dom import read_string
from pipeline.extract.formulas.page import Page, looks_tex

_TEX = ("data-tex", "data-latex", "data-formula", "data-math", "data-equation", "data-equation-content", "data-katex",
        "data-tex-source", "data-expr", "data-original-tex", "data-latex-source", "data-math-source", "data-raw-latex",
        "data-original", "data-value", "data-content")  # fmt: skip
# Attributes that carry other things too: their value must be plain LaTeX, or the class must name a formula.
_DOUBTFUL = frozenset(
    {"data-expr", "data-original", "data-value", "data-content", "data-equation", "data-formula", "data-math"}
)
_HINTS = ("math", "formula", "katex", "latex", "tex", "equation", "asciimath")
_BASE = "span,div,p,img,code,figure,amp-mathml,math-field,math-renderer,tex,latex,section,em,i,td,li,a,mjx-math,annotation,ql-formula"
SELECTOR = ", ".join(
    [f"[{name}]" for name in _TEX[:11]]
    + [
        "[data-mathml]",
        "[data-asciimath]",
        ".ql-formula[data-value]",
        ".math[data-original]",
        "[data-type*=math][data-value]",
    ]
)
_OURS = frozenset(
    {
        "mjx-container",
        "mjx-math",
        "math",
        "svg",
        "g",
        "script",
        "input",
        "button",
        "textarea",
        "option",
        "form",
        "body",
        "html",
    }
)


def lift(node: LexborNode, page: Page) -> None:
    """Replace the element by the formula in its attributes, where one is there."""
    tag = node.tag or ""
    if tag in _OURS or (tag.startswith(("mjx-", "m")) and tag in _MATHML):
        return
    attributes = node.attributes
    name = attributes.get("class") or ""
    mathematical = any(hint in name.lower() for hint in _HINTS)
    if tag in ("mi", "mo", "mn"):
        return
    tex = next((attributes[key] for key in _TEX if _value(attributes, key, mathematical)), None)
    display = _display(attributes, name)
    if tex is None:
        markup = attributes.get("data-mathml")
        if markup and "<math" in markup.replace("«", "<"):
            math = read_string(
                markup.replace("«", "<").replace("»", ">").replace("¨", '"').replace("§", "&"), page.budget
            )
            if math is not None:
                page.put(node, mathml.to_tex(math), display or math.get("display") == "block", "data_mathml")
            return
        ascii_math = attributes.get("data-asciimath")
        if ascii_math:
            page.put(node, to_tex(ascii_math), display, "data_asciimath")
        return
    if display is None and node.parent is not None:
        above = node.parent.attributes.get("class") or ""
        display = True if "display" in above and "math" in above else None
    page.put(node, tex, display, "data_attribute")


_MATHML = frozenset({"mi", "mo", "mn", "mrow", "msup", "msub", "msubsup", "mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd",
                     "mtext", "mspace", "mover", "munder", "munderover", "mstyle", "mpadded", "menclose", "mphantom"})  # fmt: skip


def _value(attributes: dict[str, str | None], key: str, mathematical: bool) -> bool:
    value = attributes.get(key)
    if not value or not value.strip() or (value.strip()[0] in "{[" and '":' in value):
        return False
    if value in ("true", "false", "inline", "display", "block", "1", "0") and key in _DOUBTFUL:
        return False
    if value.startswith(("http", "/", "#", "<")):
        return False
    return key not in _DOUBTFUL or mathematical or looks_tex(value)


def _display(attributes: dict[str, str | None], name: str) -> bool | None:
    if "display" in attributes and attributes["display"] in ("", "true", "block"):
        return True
    mode = attributes.get("data-display") or attributes.get("data-math-style") or attributes.get("data-displaymode")
    if mode in ("true", "block", "display", ""):
        return mode != "" or None
    lower = name.lower()
    if "inline" in lower:
        return False
    if "display" in lower or "block" in lower:
        return True
    return None
