"""Elements whose text is the formula: Pandoc, Sphinx, Quarto, Distill, GitLab, MediaWiki and custom elements."""

import re
from collections.abc import Mapping

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import asciimath
from pipeline.extract.formulas.dom import read
from pipeline.extract.formulas.html_math import to_tex as html_tex
from pipeline.extract.formulas.latex import undelimit
from pipeline.extract.formulas.mathml_elements import of_node
from pipeline.extract.formulas.page import OPEN, Page, alone, has_class, looks_tex

WIKI = frozenset({"mwe-math-element"})
# Classes of equation numbers, which publishers prefix as they like; and the marks of LaTeXML's notes.
_NUMBER = re.compile(
    r"(?:[a-zA-Z][\w-]*[-_])?(?:eqno|eqnum|eqn?[-_]?(?:no|num|number)|[eE]quation[-_]*(?:[nN]umber|[lL]abel|num|no|tag)|[dD]isp[-_]formula[-_]label)"
    r"|ltx_eqn_eqno|ltx_tag_equation|ltx_note_mark|ltx_tag_note",
    re.ASCII,
)
_LABEL = "label"  # the same inside a formula, and the name of much else
_FORMULA = re.compile(r"formula|equation", re.I)
VALUES = ((b'lang="math"', 'pre[lang="math"], [data-lang="math"] pre'),)
TAGS = frozenset(
    "dt-math d-math tex latex tex-math math-renderer k-tex ka-tex la-tex math-field tex-inline tex-block x-tex x-latex"
    " inline-math display-math math-inline math-block eq eqn formula var".split()
)
CLASSES = frozenset(
    "math tex latex math-tex math-container arithmatex math-inline math-display math-block inline-math block-math"
    " display-math displaymath inlinemath katex-inline kdmath language-math MathJax_Preview mathjax mathjax_process"
    " tex2jax_process inline-formula display-formula mq-selectable mathquill-embedded-latex texhtml"
    " latex-inline latex-display equation formula wp-katex-eq katex-eq asciimath reqn".split()
)
_CODE = frozenset({"code", "pre"})
_SKIPPED = frozenset(
    "img svg script body html article main section table tr td ul ol a form input textarea style nav h1 h2 h3".split()
)
_ENVIRONMENT = re.compile(r"\\begin\s*\{\s*(?:equation|align|gather|multline|eqnarray|displaymath|flalign)")
_WHOLE = re.compile(r"\s*\\begin\s*(\{[^{}]*\}).*\\end\s*\1\s*", re.DOTALL)
_WORDS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_CONTAINER = frozenset(
    "tex2jax_process mathjax_process mathjax equation formula inline-formula display-formula".split()
)
_DOUBTFUL_TAGS = frozenset({"eq", "eqn", "formula", "math-field", "latex", "tex"})
_WORDED = re.compile(r"\\(?:text|mathrm|operatorname|mbox|textrm)\s*\{[^{}]*\}")


def lift_wiki(node: LexborNode, page: Page) -> None:
    """MediaWiki's formula: MathML with its source, and an image whose alternative text is the source."""
    math = node.css_first("math")
    image = node.css_first("img")
    display = node.css_first(".mwe-math-mathml-display, .mwe-math-fallback-image-display") is not None
    tex = ""
    if math is not None:
        tex, block = of_node(math, page)
        display = display or block
    if not tex and image is not None:
        tex = image.attributes.get("alt") or ""
    if tex:
        indented = node.parent is not None and node.parent.tag == "dd"
        page.put(node, tex, display or (indented and alone(node)), "mediawiki")


def is_number_class(name: str) -> bool:
    """Whether a class is one of equation numbers."""
    hinted = "eq" in name or "quation" in name or "ormula" in name or "ltx_" in name
    return name == _LABEL or (hinted and _NUMBER.fullmatch(name) is not None)


def drop_number(node: LexborNode, page: Page) -> None:
    """Remove an equation's number."""
    above = node.parent.attributes.get("class") or "" if node.parent is not None else ""
    if has_class(node, _LABEL) and not _FORMULA.search(above):
        return
    if len(node.text(deep=True)) < 30:
        node.decompose()


def lift(node: LexborNode, page: Page) -> None:
    """Replace an element whose whole text is one formula; others are left to the delimiters in their text."""
    tag = node.tag or ""
    if tag in _SKIPPED:
        return
    text = node.text(deep=True)
    if not text.strip() or OPEN in text or len(text) > page.limits.tex_chars:
        return
    classes = (node.attributes.get("class") or "").split()
    inner, delimited = undelimit(text)
    display = _display(tag, classes, node.attributes)
    if "asciimath" in classes:
        if "`" not in text and len(_WORDS.findall(text)) < 6:
            page.put(node, asciimath.to_tex(text), display, "asciimath")
        return
    scripted = "texhtml" in classes or (delimited is None and node.css_first("sup, sub") is not None)
    if not scripted and delimited is None and (not _is_formula(tag, classes, text, page) or _delimited_inside(text)):
        return
    if scripted or (delimited is None and not text.isascii() and not looks_tex(text)):
        tex = html_tex(read(node, page.budget))
        if tex:
            page.put(node, tex, bool(display), "html_math")
        return
    target = node
    if tag == "code" and node.parent is not None and node.parent.tag == "pre":
        target, display = node.parent, True
    if tag == "pre":
        display = True
    if display is None:
        display = delimited if delimited is not None else (tag == "div" or (tag == "p" and alone(node))) or None
    if display is None and _ENVIRONMENT.match(text.lstrip()):
        display = True
    if "reqn" in classes:
        display = alone(node)
    page.put(target, inner if delimited is not None else text, display, _name(tag, classes))


def _delimited_inside(text: str) -> bool:
    return (
        "\\(" in text
        or "\\[" in text
        or "$" in text
        or (_ENVIRONMENT.search(text) is not None and not _WHOLE.fullmatch(text))
    )


def _is_formula(tag: str, classes: list[str], text: str, page: Page) -> bool:
    """Whether an element without delimiters holds LaTeX and nothing else."""
    if tag == "var":
        return page.configuration.variables and len(_WORDS.findall(text)) < 3
    if tag in TAGS:
        return tag not in _DOUBTFUL_TAGS or looks_tex(text) or len(text) < 20
    if tag in _CODE:
        return True  # only code in the language of mathematics is looked for
    if "math" in classes and ("inline" in classes or "display" in classes or "notranslate" in classes):
        return True
    words = len(_WORDS.findall(_WORDED.sub("", text)))
    if looks_tex(text):
        return words < 6
    strong = any(name.startswith(("math", "inline-math", "katex", "tex", "latex", "arithmatex")) for name in classes)
    return strong and not (_CONTAINER & set(classes)) and len(text.strip()) < 20 and words == 0


def _display(tag: str, classes: list[str], attributes: Mapping[str, str | None]) -> bool | None:
    if tag in ("display-math", "math-block", "tex-block", "eqn") or "block" in attributes or "display" in attributes:
        return True
    if attributes.get("env") == "displaymath":
        return True
    told = attributes.get("data-display") or attributes.get("data-katex-display")
    if told in ("true", "false"):
        return told == "true"
    joined = " ".join(classes)
    if "inline" in joined:
        return False
    if "display" in joined or "block" in joined:
        return True
    return None


def _name(tag: str, classes: list[str]) -> str:
    if tag in ("dt-math", "d-math"):
        return "distill"
    if tag in _CODE:
        return "code_math"
    if tag in TAGS:
        return "custom_element"
    if "notranslate" in classes:
        return "sphinx"
    if "arithmatex" in classes:
        return "arithmatex"
    if "math-container" in classes:
        return "math_container"
    if "math" in classes:
        return "span_math"
    return "class_math"
