"""Scripts: MathJax 2's formulas (`<script type="math/tex">` and its kin), and configuration."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.configuration import read_script
from pipeline.extract.formulas.dom import TooLarge, read_string
from pipeline.extract.formulas.macros import DEFINES
from pipeline.extract.formulas.page import Page, is_blank_text

_DELIMITERS = "\\()[]$ \n\t\r"
_LITERAL = frozenset("script style pre code textarea".split())
_RENDERED = ("MathJax", "mjx-", "MJX", "katex", "mathjax")


def lift_all(page: Page, raw: bytes) -> None:
    """Read configuration and definitions, then replace formula scripts."""
    if page.configuration.renders or page.configuration.asciimath or b"math/" in raw:
        found: list[tuple[LexborNode, str]] = []
        for node in page.tree.css("script"):
            kind = (node.attributes.get("type") or "").strip().lower()
            if kind.startswith("math/"):
                found.append((node, kind))
                continue
            if node.first_child is None:
                continue
            text = node.first_child.text_content or ""
            if "Math" in text or "delimiters" in text or "macros" in text:
                read_script(text, page.configuration, page.limits)
        _definitions(page, raw)
        for node, kind in found:
            _lift(node, kind, page)


def _definitions(page: Page, raw: bytes) -> None:
    """Macros that the page's text defines, wherever: authors put them into hidden blocks."""
    if b"newcommand" in raw or b"DeclareMathOperator" in raw or b"\\def" in raw:
        body = page.tree.body
        if body is None:
            return
        page.macros.collect(body.text(deep=True))
        # A block of nothing but definitions is no text; left in, it can outweigh a page's few paragraphs.
        blocks = [
            node
            for node in body.traverse(include_text=True)
            if node.tag == "-text" and DEFINES.search(node.text_content or "")
        ]
        for node in blocks:
            parent = node.parent
            if parent is None or parent.tag in _LITERAL:
                continue
            if not page.macros.collect(node.text_content or "").strip(_DELIMITERS):
                node.decompose()


def _lift(node: LexborNode, kind: str, page: Page) -> None:
    source = node.text(deep=True)
    display = "mode=display" in kind.replace(" ", "")
    kind = kind.partition(";")[0].strip()
    if kind == "math/asciimath":
        tex, encoding = to_tex(source), "mathjax2_asciimath"
    elif kind in ("math/mml", "math/mathml"):
        try:
            math = read_string(source, page.budget)
        except TooLarge:
            return
        tex, encoding = (mathml.to_tex(math) if math is not None else ""), "mathjax2_mml"
        display = display or (math is not None and math.get("display") == "block")
    else:
        tex, encoding = source.strip().removeprefix("<![CDATA[").removesuffix("]]>"), "mathjax2_script"
        if tex.startswith("% <![CDATA["):
            tex = tex[len("% <![CDATA[") :].removesuffix("% ]]>").removesuffix("%")
    _drop_rendered(node, source.strip(_DELIMITERS))
    page.put(node, tex, display, encoding)


def _drop_rendered(node: LexborNode, source: str) -> None:
    """Remove the preview, the rendered copy and the same source in text, which stand right before the script."""
    beside = node.prev
    for _ in range(6):
        if beside is None:
            return
        before = beside.prev
        if is_blank_text(beside):
            beside = before
            continue
        name = beside.attributes.get("class") or "" if beside.tag != "-text" else ""
        if not name.startswith(_RENDERED) and (not name or beside.text(deep=True).strip(_DELIMITERS) != source):
            return
        beside.decompose()
        beside = before
