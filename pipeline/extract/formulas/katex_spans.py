"""KaTeX's visible half read back into MathML elements.

The span tree has no names for scripts: an item of a vertical list (`vlist`) stands `-top - strut` above the baseline,
and that height says what is a superscript, a subscript, a limit or a numerator.
"""

import re

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.katex_shapes import (
    ACCENT_PATHS,
    ARROW_PATHS,
    class_names,
    drawn_by,
    find_class,
    has_line,
    is_line,
    stacked,
    tall_fence,
)
from pipeline.extract.formulas.symbols import FUNCTIONS

_MARGIN = re.compile(r"margin-(?:right|left):\s*(-?[\d.]+)em")
_VARIANTS = {
    "mathbb": "double-struck", "mathbf": "bold", "boldsymbol": "bold-italic", "mathcal": "script", "mathscr": "script",
    "mathfrak": "fraktur", "mathsf": "sans-serif", "mathtt": "monospace", "mathrm": "normal",
    "textbf": "bold", "texttt": "monospace", "textsf": "sans-serif", "textit": "italic",
    "mathboldsf": "sans-serif", "mathboldfrak": "fraktur", "mathsfit": "sans-serif",
}  # fmt: skip
_DROPPED = frozenset(
    "strut pstrut vlist-s fix nulldelimiter frac-line tag arraycolsep vertical-separator hline".split()
)
_ATOMS = frozenset({"mord", "minner", "mrel", "mbin"})
_OPERATORS = frozenset("mrel mbin mopen mclose mpunct delimsizing delimsizinginner small-op large-op".split())
_SAME_LINE = 0.02  # em: heights are rounded
_PLAIN = frozenset("base mord mathnormal mtight mathrm mrel mbin mopen mclose mpunct minner mspace strut".split())
_NEGATION = "\ue020"
_Child = Element | str


def to_tex(node: Element) -> str:
    """LaTeX of a `katex-html` span."""
    return mathml.to_tex(Element("mrow", _row(node)))


def _row(node: Element) -> list[_Child]:
    """The children of an element read back, a negation put on what follows it."""
    out: list[_Child] = []
    for child in node.children:
        made = _text(child, node) if isinstance(child, str) else _read(child)
        for piece in made:
            last = out[-1] if out else None
            if isinstance(last, Element) and last.tag == "negation":
                out[-1] = _negated(piece)
            elif isinstance(piece, Element) and piece.tag == "scripts":
                out[-1:] = [_attach(out, piece)]
            elif isinstance(piece, Element) and piece.tag == "slash" and isinstance(last, Element):
                out[-1] = _negated(last)
            else:
                out.append(piece)
    return out


def _negated(piece: _Child) -> Element:
    text = piece.text() if isinstance(piece, Element) else piece
    single = {"=": "≠", "∈": "∉", "∣": "∤", "∥": "∦", "<": "≮", ">": "≯", "≤": "≰", "≥": "≱", "∋": "∌", "∃": "∄"}.get(
        text.strip()
    )
    return Element("mo", [single]) if single else Element("mrow", [Element("mo", ["\u0338"]), piece])


def _attach(out: list[_Child], scripts: Element) -> Element:
    """A base with the scripts that follow it."""
    nucleus: _Child = out[-1] if out else Element("mrow")
    below, above = scripts.children[0], scripts.children[1]
    if not isinstance(below, Element) or not isinstance(above, Element):
        raise AssertionError("scripts are elements")
    if below.children and above.children:
        return Element("msubsup", [nucleus, below, above])
    if above.children:
        return Element("msup", [nucleus, above])
    return Element("msub", [nucleus, below])


def _mrow(children: list[_Child]) -> Element:
    return children[0] if len(children) == 1 and isinstance(children[0], Element) else Element("mrow", children)


def _text(text: str, parent: Element) -> list[_Child]:
    """Characters of a leaf span, by its classes."""
    text = text.replace("\u200b", "")
    if not text:
        return []
    if text == _NEGATION:
        return [Element("negation")]
    names = class_names(parent)
    variant = (
        ""
        if names <= _PLAIN and "mathrm" not in names
        else next((_VARIANTS[name] for name in _VARIANTS if name in names), "")
    )
    attributes: dict[str, str | None] = {"mathvariant": variant} if variant else {}
    if "mop" in names or "op-symbol" in names:
        bare = text.strip()
        return [Element("mi" if len(bare) > 1 else "mo", [bare])]
    if len(text) == 1 and (text in "()[]{}⟨⟩⌊⌋⌈⌉"):
        return [Element("mo", [text])]
    if names & _OPERATORS:
        return [Element("mo", [text.strip()])]
    if text.strip() and all(char.isdigit() or char in "., " for char in text):
        return [Element("mn", [text.strip()], attributes)]
    if "mathnormal" in names or "mathit" in names:
        return [Element("mi", [char]) for char in text if not char.isspace()]
    if variant in ("normal",) and len(text.strip()) > 1:
        return [Element("mi", [text.strip()], attributes)]
    if variant and len(text.strip()) > 1:
        return [Element("mi", [text.strip()], attributes)]
    if text.isspace() or not text.strip():
        return [Element("mtext", [" "])]
    return [Element("mi", [text.strip()], attributes)]


def _read(node: Element) -> list[_Child]:
    """One span read back: nothing, one element or several."""
    names = class_names(node)
    if names & _DROPPED or node.tag in ("svg", "math", "annotation"):
        return []
    style = node.attributes.get("style")
    if style and "transparent" in style and "color:transparent" in style.replace(" ", ""):
        return []
    if names <= _PLAIN and "mspace" not in names:  # most spans: a character or a row of them
        children = _row(node)
        return [Element("mrow", children)] if len(children) > 1 and names & _ATOMS else children
    if "mspace" in names:
        if "newline" in names:
            return [Element("mspace", [], {"linebreak": "newline"})]
        if node.text().replace("\u200b", ""):
            return [Element("mtext", ["\xa0"])]
        width = _MARGIN.search(node.get("style"))
        # Spaces of 0.17 to 0.28 em are those that TeX sets by itself around operators and relations.
        return [Element("mspace", [], {"width": f"{width[1]}em"})] if width and float(width[1]) >= 0.8 else []
    if "msupsub" in names:
        return [_scripts(node)]
    if "mfrac" in names:
        return [_fraction(node)]
    if "sqrt" in names:
        return [_root(node)]
    if "accent" in names:
        return [_accent(node)]
    if "overline" in names or "underline" in names:
        return [_line(node, "overline" in names)]
    if "mtable" in names:
        return [_table(node)]
    if "op-limits" in names or "mover" in names or "munder" in names:
        return [_limits(node)]
    if "x-arrow" in names:
        return [_arrow(node)]
    if names & {"llap", "rlap"}:
        mark = node.text().replace("\u200b", "").strip()
        return [Element("slash")] if mark == "/" else [Element("negation")] if mark == _NEGATION else _row(node)
    if "delimsizing" in names and "mult" in names:
        return [Element("mo", [tall_fence(node)])]
    if "text" in names:
        return _words(node)
    if "vlist-t" in names:
        return _stack(node)
    if "mop" in names and not names & {"op-symbol"}:
        operator = _operator(node)
        if operator is not None:
            return [operator]
    children = _row(node)
    if len(children) > 1 and names & _ATOMS:
        return [Element("mrow", children)]
    return children


def _operator(node: Element) -> Element | None:
    """`\\operatorname`: an upright word inside an operator."""
    children = node.elements
    if not children or any(
        class_names(child) & {"msupsub", "vlist-t", "op-symbol", "op-limits", "mop"} for child in children
    ):
        return None
    if all(not class_names(child) or class_names(child) & {"mathrm", "mspace"} for child in children):
        word = " ".join(node.text().replace("\u200b", "").split())
        if len(word) > 1 and word.isascii() and word.replace(" ", "").isalpha():
            return Element("mi", [word]) if word in FUNCTIONS else Element("mo", [word])
    return None


def _scripts(node: Element) -> Element:
    below, above = Element("mrow"), Element("mrow")
    for height, item in stacked(node):
        part = _row(item)
        if height > 0:
            above.children += part
        else:
            below.children += part
    return Element("scripts", [below, above])


def _fraction(node: Element) -> Element:
    items = sorted(stacked(node), key=lambda pair: pair[0])
    lined = has_line(items)
    parts = [item for _, item in items if not is_line(item)]
    if len(parts) < 2:
        return _mrow([piece for item in parts for piece in _row(item)])
    return Element("mfrac", [_mrow(_row(parts[-1])), _mrow(_row(parts[0]))], {} if lined else {"linethickness": "0"})


def _root(node: Element) -> Element:
    index = next((child for child in node.elements if "root" in class_names(child)), None)
    body = next((child for child in node.elements if "vlist-t" in class_names(child)), None)
    inner: list[_Child] = []
    if body is not None:
        for _, item in stacked(body):
            if find_class(item, "hide-tail") is None or any("mord" in class_names(child) for child in item.elements):
                inner += _row(item)
    if index is not None:
        return Element("mroot", [_mrow(inner), _mrow(_row(index))])
    return Element("msqrt", inner)


def _accent(node: Element) -> Element:
    inner: list[_Child] = []
    mark = ""
    wide = False
    for _, item in stacked(node):
        body = find_class(item, "accent-body")
        if body is not None:
            mark = body.text().replace("\u200b", "").strip() or drawn_by(body, ACCENT_PATHS) or "→"
        elif "svg-align" in class_names(item) or (item.find("svg") is not None and not item.text().strip("\u200b \n")):
            mark, wide = drawn_by(item, ACCENT_PATHS) or "^", True
        else:
            inner += _row(item)
    nucleus = _mrow(inner)
    if wide and nucleus.tag != "mrow":
        nucleus = Element("mrow", [nucleus])
    return Element("munder" if "accentunder" in class_names(node) else "mover", [nucleus, Element("mo", [mark])])


def _line(node: Element, over: bool) -> Element:
    inner = [piece for _, item in stacked(node) if not is_line(item) for piece in _row(item)]
    return Element(
        "mover" if over else "munder", [Element("mrow", [_mrow(inner)]), Element("mo", ["‾" if over else "_"])]
    )


def _limits(node: Element) -> Element:
    """An operator with limits, a brace with its label, a stack of two."""
    items = sorted(stacked(node), key=lambda pair: pair[0])
    if not items:
        return _mrow([piece for child in node.elements for piece in _read(child)])
    brace = next(
        (item for _, item in items if find_class(item, "stretchy") is not None and not item.text().strip("\u200b \n")),
        None,
    )
    if brace is not None:
        body = [piece for _, item in items if item is not brace for piece in _row(item)]
        over = items[-1][1] is brace
        return Element("mover" if over else "munder", [_mrow(body), Element("mo", ["⏞" if over else "⏟"])])
    nearest = min(items, key=lambda pair: abs(pair[0]))
    scripted = [pair for pair in items if not any("mtight" in class_names(child) for child in pair[1].elements)]
    if len(scripted) == 1:
        nearest = scripted[0]
    nucleus = _mrow(_row(nearest[1]))
    below = [piece for height, item in items if height < nearest[0] for piece in _row(item)]
    above = [piece for height, item in items if height > nearest[0] for piece in _row(item)]
    if below and above:
        return Element("munderover", [nucleus, _mrow(below), _mrow(above)])
    if below:
        return Element("munder", [nucleus, _mrow(below)])
    return Element("mover", [nucleus, _mrow(above)]) if above else nucleus


def _arrow(node: Element) -> Element:
    items = sorted(stacked(node), key=lambda pair: pair[0])
    shaft = next((item for _, item in items if "svg-align" in class_names(item) or item.find("svg") is not None), None)
    char = (drawn_by(shaft, ARROW_PATHS) or "→") if shaft is not None else "→"
    place = next((height for height, item in items if item is shaft), 0.0)
    below = [piece for height, item in items if height < place for piece in _row(item)]
    above = [piece for height, item in items if height > place for piece in _row(item)]
    if below:
        return Element("munderover", [Element("mo", [char]), _mrow(below), _mrow(above)])
    return Element("mover", [Element("mo", [char]), _mrow(above)])


def _words(node: Element) -> list[_Child]:
    """`\\text`: words, and formulas inside them."""
    out: list[_Child] = []
    for child in node.children:
        if isinstance(child, str):
            out.append(Element("mtext", [child.replace("\u200b", "")]))
        elif class_names(child) & {"textrm", "textbf", "textit", "textsf", "texttt", "mord"} and not child.elements:
            variant = next(
                (_VARIANTS[name] for name in ("textbf", "texttt", "textsf", "textit") if name in class_names(child)), ""
            )
            out.append(Element("mtext", [child.text().replace("\u200b", "")], {"mathvariant": variant}))
        elif "text" in class_names(child) or ("mord" in class_names(child) and not child.elements):
            out += _words(child)
        elif "mspace" in class_names(child):
            out.append(Element("mtext", [" "]))
        else:
            out += _read(child)
    merged: list[_Child] = []
    for piece in out:
        last = merged[-1] if merged else None
        if (
            isinstance(piece, Element)
            and isinstance(last, Element)
            and piece.tag == last.tag == "mtext"
            and piece.get("mathvariant") == last.get("mathvariant")
        ):
            merged[-1] = Element("mtext", [last.text() + piece.text()], last.attributes)
        else:
            merged.append(piece)
    return merged


def _stack(node: Element) -> list[_Child]:
    """A vertical list that no name explains: a box around its content, or lines one under the other."""
    items = stacked(node)
    boxed = any("boxpad" in class_names(child) for _, item in items for child in item.elements)
    content = [piece for _, item in items for piece in _row(item)]
    if boxed:
        return [Element("menclose", content, {"notation": "box"})]
    return content


def _table(node: Element) -> Element:
    """Columns of cells as rows."""
    columns: list[list[tuple[float, Element]]] = []
    alignment: list[str] = []
    lines: list[float] = []  # heights of the rows: a column has no item for a cell that its row does not reach
    for child in node.elements:
        kind = next((name for name in class_names(child) if name.startswith("col-align-")), "")
        if kind:
            columns.append(stacked(child))
            alignment.append({"l": "left", "r": "right"}.get(kind[-1], "center"))
    for height in sorted({height for column in columns for height, _ in column}, reverse=True):
        if not lines or lines[-1] - height > _SAME_LINE:
            lines.append(height)
    longest = max((len(column) for column in columns), default=0)
    if len(lines) > 2 * longest + 8:  # no table: in one, each line has a cell in most columns
        return Element("mrow", [piece for column in columns for _, item in column for piece in _row(item)])
    grid: list[list[_Child]] = [[Element("mtd") for _ in columns] for _ in lines]
    for number, column in enumerate(columns):
        line = 0
        for height, item in sorted(column, key=lambda pair: -pair[0]):
            while lines[line] - height > _SAME_LINE:
                line += 1
            grid[line][number] = Element("mtd", _row(item))
    rows: list[_Child] = [Element("mtr", cells) for cells in grid]
    return Element("mtable", rows, {"columnalign": " ".join(alignment)})
