"""Elements that carry their formula in an attribute: `data-latex`, `data-tex`, `data-mathml` and the like."""

import json
import re

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.dom import read_string
from pipeline.extract.formulas.page import Page, looks_tex

# Attributes that hold LaTeX and nothing else, and attributes that hold other things too: a value of those must be
# plainly LaTeX, or the element's class must name a formula.
_CERTAIN = tuple(
    "data-tex data-latex data-katex data-equation-content data-tex-source data-latex-source data-math-source"
    " data-original-tex data-raw-latex data-latexcode".split()
)
_DOUBTFUL = ("data-math", "data-formula", "data-equation", "data-expr", "data-value", "data-content", "data-original")
ATTRIBUTES = frozenset({*_CERTAIN, *_DOUBTFUL, "data-mathml", "data-asciimath", "data-attrs"})
_WORDS = frozenset("tex latex katex mathjax math formula equation eqn".split())  # in the names of further attributes
_COMMAND = re.compile(
    r"\\[a-zA-Z]|[\w)}]\^[\w{(]"
)  # what names of things, as the value of `data-equation-ref`, have not
_HINTS = ("math", "formula", "katex", "latex", "tex", "equation")
_IDEOGRAPHS = re.compile("[\u2e80-\ud7ff]")
_EXPRESSION = re.compile(r'"(?:persistentExpression|latex|formula|tex)"\s*:\s*("(?:[^"\\]|\\.)*")')
_CONTROLS = frozenset("script input button textarea option form body html svg g select label meta link".split())
_WIRIS = str.maketrans("«»¨§", '<>"&')  # WIRIS writes MathML with these for the characters that attributes cannot hold


def is_attribute(name: str) -> bool:
    """Whether an attribute may hold a formula: one of those known, or one with a word for it in its name."""
    return name in ATTRIBUTES or (name.startswith("data-") and not _WORDS.isdisjoint(name.split("-")))


def lift(node: LexborNode, page: Page) -> None:
    """Replace the element by the formula in its attributes, where one is there."""
    tag = node.tag or ""
    if tag in _CONTROLS or (tag.startswith(("mjx-", "m")) and tag in mathml.ELEMENTS):
        return
    attributes = node.attributes
    name = (attributes.get("class") or "").lower()
    display = _display(attributes, name)
    if display is None and node.parent is not None:
        above = (node.parent.attributes.get("class") or "").lower()
        display = True if "display" in above and ("math" in above or "katex" in above) else None
    mathematical = any(hint in name for hint in _HINTS)
    tex = next((attributes[key] for key in _CERTAIN if _usable(attributes.get(key))), None)
    if tex is None:
        values = [attributes[key] for key in _DOUBTFUL if _usable(attributes.get(key))]
        tex = next(
            (value for value in values if value and (looks_tex(value) or (mathematical and len(value) < 40))), None
        )
    if tex is None:
        values = [attributes[key] for key in attributes if key not in ATTRIBUTES and is_attribute(key)]
        tex = next((value for value in values if value and _usable(value) and _COMMAND.search(value)), None)
    if tex is not None:
        page.put(node, tex, display, "data_attribute")
        return
    expression = _EXPRESSION.search(attributes.get("data-attrs") or "")
    if expression:
        page.put(node, _json_string(expression[1]), display or node.tag == "div", "data_attribute")
        return
    markup = (attributes.get("data-mathml") or "").translate(_WIRIS)
    if "<math" in markup:
        math = read_string(markup, page.budget)
        if math is not None:
            page.put(node, mathml.to_tex(math), display or math.get("display") == "block", "data_mathml")
    elif attributes.get("data-asciimath"):
        page.put(node, to_tex(attributes["data-asciimath"] or ""), display, "data_asciimath")


def _json_string(quoted: str) -> str:
    """The value of a JSON string, the string itself where it is none."""
    try:
        value = json.loads(quoted)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _usable(value: str | None) -> bool:
    """Whether a value may be LaTeX at all: no address, no JSON, no flag."""
    if not value or not value.strip():
        return False
    if _IDEOGRAPHS.search(value) and not looks_tex(value):
        return False
    if value in ("true", "false", "inline", "display", "block"):
        return False
    return not value.startswith(("http", "/", "#", "<")) and not (value.lstrip()[0] in "{[" and '":' in value)


def _display(attributes: dict[str, str | None], name: str) -> bool | None:
    """What attributes and class say about display, None when nothing."""
    if attributes.get("display") in ("true", "block") or attributes.get("data-display") in ("true", "block"):
        return True
    if attributes.get("data-math-style") == "display" or attributes.get("data-displaymode") == "true":
        return True
    if "inline" in name:
        return False
    if "block" in (attributes.get("data-type") or ""):
        return True
    return True if "display" in name or "block" in name else None
