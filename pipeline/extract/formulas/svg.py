"""MathJax 3 and 4's SVG output read back into MathML elements: groups named by `data-mml-node`, glyphs by `data-c`."""

import re

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.chtml import put_together
from pipeline.extract.formulas.dom import Element

_TRANSLATE = re.compile(r"translate\(\s*(-?[\d.]+)[\s,]+(-?[\d.]+)\s*\)")
_HREF = re.compile(r"-([0-9A-F]{2,6})$")
_CALLIGRAPHIC = re.compile(r"-CB?-[0-9A-F]+$")
_LEAVES = frozenset({"mi", "mo", "mn", "mtext", "ms"})
_Child = Element | str


def to_tex(node: Element) -> str:
    """LaTeX of an `<svg>` that MathJax drew, or of several that are pieces of a line; "" for any other."""
    return mathml.to_tex(Element("mrow", _children(node)))


def _height(node: Element) -> float:
    """How far a group is raised above the baseline of the one around it."""
    return sum(float(match[2]) for match in _TRANSLATE.finditer(node.get("transform")))


def _symbols(node: Element) -> str:
    out: list[str] = []
    stack: list[_Child] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            continue
        code = here.get("data-c")
        if not code and here.tag == "use":
            match = _HREF.search(here.get("xlink:href") or here.get("href"))
            code = match[1] if match else ""
        if code:
            value = int(code, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,6}", code) else 0
            out.append(chr(value) if 0 < value <= 0x10FFFF else "")
        elif here.tag == "text":
            out.append(here.text())
        elif here.tag not in ("defs", "title", "desc"):
            stack.extend(reversed(here.children))
    return put_together("".join(out))


def _font(node: Element) -> str:
    """The reference to a leaf's first glyph, which names its font."""
    use = node.find("use")
    return (use.get("xlink:href") or use.get("href")) if use is not None else ""


def _children(node: Element) -> list[_Child]:
    out: list[_Child] = []
    for child in node.elements:
        name = child.get("data-mml-node")
        if child.get("data-labels") or child.tag in ("rect", "defs", "line", "path", "title", "desc", "style"):
            continue
        if name == "math":
            out.extend(_children(child))
        elif name:
            made = _read_back(child, name)
            if made is not None:
                out.append(made)
        else:
            out.extend(_children(child))
    return out


def _groups(node: Element) -> list[Element]:
    """The child groups, each a part of a construct."""
    return [child for child in node.elements if child.tag in ("g", "svg") and not child.get("data-labels")]


def _part(group: Element) -> Element:
    name = group.get("data-mml-node")
    made = _read_back(group, name) if name else Element("mrow", _children(group))
    return made if made is not None else Element("mrow")


def _read_back(node: Element, name: str) -> Element | None:
    if name in _LEAVES:
        text = _symbols(node)
        if not text:
            return None
        if name == "mtext":
            return Element("mtext", [text.replace("\xa0", " ")])
        upright = name == "mi" and len(text) == 1 and text.isascii() and text.isalpha()
        variant = "script" if upright and _CALLIGRAPHIC.search(_font(node)) else "normal"
        return Element(name, [text], {"mathvariant": variant} if upright else {})
    if name in ("msub", "msup", "msubsup", "munder", "mover", "munderover"):
        return _scripts(node, name)
    if name == "mfrac":
        groups = _groups(node)
        parts = sorted(groups, key=_height, reverse=True)[:2] if len(groups) == 2 else groups
        lined = any(child.tag == "rect" for child in node.elements)
        return Element("mfrac", [_part(group) for group in parts], {} if lined else {"linethickness": "0"})
    if name in ("msqrt", "mroot"):
        content = [
            group
            for group in _groups(node)
            if not (group.get("data-mml-node") == "mo" and _symbols(group) in ("√", ""))
        ]
        content.sort(key=lambda group: "scale(" in group.get("transform"))  # an index is drawn smaller
        inner = _part(content[0]) if content else Element("mrow")
        if name == "msqrt":
            return Element("msqrt", [inner])
        index = _part(content[1]) if len(content) > 1 else Element("mrow")
        return Element("mroot", [inner, index])
    if name == "mtable":
        return Element("mtable", _rows(node))
    if name == "menclose":
        drawn = any(child.tag == "rect" for child in node.elements)
        return Element(
            "menclose", _children(node), {"notation": node.get("data-notation") or ("box" if drawn else "none")}
        )
    if name == "mspace":
        return Element("mspace", [], {"width": node.get("width")})
    if name == "mphantom":
        return None
    return Element("mrow", _children(node))


def _scripts(node: Element, name: str) -> Element:
    groups = _groups(node)
    if not groups:
        return Element("mrow")
    nucleus = _part(groups[0])
    ranked = sorted(groups[1:3], key=_height)
    scripts = [_part(group) for group in ranked]
    if len(scripts) == 2:
        return Element("munderover" if name == "munderover" else "msubsup", [nucleus, *scripts])
    if not scripts:
        return Element("mrow", [nucleus])
    kinds = {"msubsup": ("msub", "msup"), "munderover": ("munder", "mover")}.get(name)
    kind = kinds[_height(ranked[0]) > 0] if kinds else name
    return Element(kind, [nucleus, *scripts])


def _rows(node: Element) -> list[_Child]:
    rows: list[_Child] = []
    stack = list(reversed(node.elements))
    while stack:
        child = stack.pop()
        if child.get("data-labels"):
            continue
        if child.get("data-mml-node") in ("mtr", "mlabeledtr"):
            cells = [cell for cell in child.elements if cell.get("data-mml-node") == "mtd"]
            rows.append(
                Element(
                    "mtr",
                    [Element("mtd", _children(cell)) for cell in cells if not cell.get("id").startswith("mjx-eqn")],
                )
            )
        else:
            stack.extend(reversed(child.elements))
    return rows
