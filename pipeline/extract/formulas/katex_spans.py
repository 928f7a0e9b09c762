"""KaTeX's visible half read back into MathML elements.

The span tree has no names for scripts: an item of a vertical list (`vlist`) stands `-top - strut` above the baseline,
and that height says what is a superscript, a subscript, a limit or a numerator.
"""

import re
from functools import lru_cache

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.chtml import PIECES
from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import FUNCTIONS

_TOP = re.compile(r"(?:^|;)\s*top:\s*(-?[\d.]+)em")
_HEIGHT = re.compile(r"(?:^|;)\s*height:\s*(-?[\d.]+)em")
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
_NO_NAMES: frozenset[str] = frozenset()
_PLAIN = frozenset("base mord mathnormal mtight mathrm mrel mbin mopen mclose mpunct minner mspace strut".split())
_NEGATION = "\ue020"
_ACCENT_PATHS = (("M377 20", "→"), ("M0 241v40h399891", "→"), ("M400000 241", "←"), ("M200 55", "~"), ("M344 55", "~"),
                 ("M786 59", "~"), ("M786 58", "~"), ("M529 0", "^"), ("M1181 0", "^"), ("M0 435h", "¯"))  # fmt: skip
_ARROW_PATHS = (("M0 241v40h399891", "→"), ("M400000 241", "←"), ("M0 377", "⇒"), ("M0 147", "⇒"), ("M399995", "⇐"))
# Fences too tall for a glyph; those that begin alike differ in their foot.
_FENCE_PATHS = (("M863,9", "("), ("M76,0", ")"), (r"M403 1759.*v1759 ", "["), (r"M347 1759.*v1759 ", "]"),
                ("M403 1759", "⌈"), ("M347 1759", "⌉"), (r"M319 602.*H319", "⌊"), (r"M319 602", "⌋"),
                (r"M145 15(?s:.)*M367", "‖"))  # fmt: skip
_Child = Element | str


def to_tex(node: Element) -> str:
    """LaTeX of a `katex-html` span."""
    return mathml.to_tex(Element("mrow", _row(node)))


def _names(node: Element) -> frozenset[str]:
    """Class names, the prefix of newer versions dropped."""
    value = node.attributes.get("class")
    return _split(value) if value else _NO_NAMES


@lru_cache(maxsize=1 << 12)
def _split(classes: str) -> frozenset[str]:
    """The names in an attribute; KaTeX has a few hundred combinations of them."""
    return frozenset(name.removeprefix("katex-") for name in classes.split())


def _find(node: Element, name: str) -> Element | None:
    """The first element of a class below, in document order."""
    stack = list(reversed(node.elements))
    while stack:
        here = stack.pop()
        if name in _names(here):
            return here
        stack.extend(reversed(here.elements))
    return None


def _items(node: Element) -> list[tuple[float, Element]]:
    """The items of the first vertical list below: height above the baseline, and content, in document order."""
    stack = _find(node, "vlist") if "vlist" not in _names(node) else node
    if stack is None:
        return []
    found: list[tuple[float, Element]] = []
    for item in stack.elements:
        top = _TOP.search(item.get("style"))
        if not top or not item.elements:
            continue
        strut = next((child for child in item.elements if "pstrut" in _names(child)), None)
        height = _HEIGHT.search(strut.get("style")) if strut is not None else None
        found.append((-float(top[1]) - (float(height[1]) if height else 0.0), item))
    return found


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
    names = _names(parent)
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
    names = _names(node)
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
        return [_tall_fence(node)]
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
        _names(child) & {"msupsub", "vlist-t", "op-symbol", "op-limits", "mop"} for child in children
    ):
        return None
    if all(not _names(child) or _names(child) & {"mathrm", "mspace"} for child in children):
        word = " ".join(node.text().replace("\u200b", "").split())
        if len(word) > 1 and word.isascii() and word.replace(" ", "").isalpha():
            return Element("mi", [word]) if word in FUNCTIONS else Element("mo", [word])
    return None


def _scripts(node: Element) -> Element:
    below, above = Element("mrow"), Element("mrow")
    for height, item in _items(node):
        part = _row(item)
        if height > 0:
            above.children += part
        else:
            below.children += part
    return Element("scripts", [below, above])


def _fraction(node: Element) -> Element:
    items = sorted(_items(node), key=lambda pair: pair[0])
    lined = _line_at(items)
    parts = [item for _, item in items if not _is_line(item)]
    if len(parts) < 2:
        return _mrow([piece for item in parts for piece in _row(item)])
    return Element("mfrac", [_mrow(_row(parts[-1])), _mrow(_row(parts[0]))], {} if lined else {"linethickness": "0"})


def _is_line(item: Element) -> bool:
    return any(_names(child) & {"frac-line", "overline-line", "underline-line"} for child in item.elements)


def _line_at(items: list[tuple[float, Element]]) -> bool:
    return any(_is_line(item) for _, item in items)


def _root(node: Element) -> Element:
    index = next((child for child in node.elements if "root" in _names(child)), None)
    body = next((child for child in node.elements if "vlist-t" in _names(child)), None)
    inner: list[_Child] = []
    if body is not None:
        for _, item in _items(body):
            if _find(item, "hide-tail") is None or any("mord" in _names(child) for child in item.elements):
                inner += _row(item)
    if index is not None:
        return Element("mroot", [_mrow(inner), _mrow(_row(index))])
    return Element("msqrt", inner)


def _path(node: Element, table: tuple[tuple[str, str], ...]) -> str:
    """What the first path below draws, "" when it is not known."""
    path = node.find("path")
    drawn = path.get("d") if path is not None else ""
    return next((char for start, char in table if drawn.startswith(start)), "")


def _accent(node: Element) -> Element:
    inner: list[_Child] = []
    mark = ""
    wide = False
    for _, item in _items(node):
        body = _find(item, "accent-body")
        if body is not None:
            mark = body.text().replace("\u200b", "").strip() or _path(body, _ACCENT_PATHS) or "→"
        elif "svg-align" in _names(item) or (item.find("svg") is not None and not item.text().strip("\u200b \n")):
            mark, wide = _path(item, _ACCENT_PATHS) or "^", True
        else:
            inner += _row(item)
    nucleus = _mrow(inner)
    if wide and nucleus.tag != "mrow":
        nucleus = Element("mrow", [nucleus])
    return Element("munder" if "accentunder" in _names(node) else "mover", [nucleus, Element("mo", [mark])])


def _line(node: Element, over: bool) -> Element:
    inner = [piece for _, item in _items(node) if not _is_line(item) for piece in _row(item)]
    return Element(
        "mover" if over else "munder", [Element("mrow", [_mrow(inner)]), Element("mo", ["‾" if over else "_"])]
    )


def _limits(node: Element) -> Element:
    """An operator with limits, a brace with its label, a stack of two."""
    items = sorted(_items(node), key=lambda pair: pair[0])
    if not items:
        return _mrow([piece for child in node.elements for piece in _read(child)])
    brace = next(
        (item for _, item in items if _find(item, "stretchy") is not None and not item.text().strip("\u200b \n")), None
    )
    if brace is not None:
        body = [piece for _, item in items if item is not brace for piece in _row(item)]
        over = items[-1][1] is brace
        return Element("mover" if over else "munder", [_mrow(body), Element("mo", ["⏞" if over else "⏟"])])
    nearest = min(items, key=lambda pair: abs(pair[0]))
    scripted = [pair for pair in items if not any("mtight" in _names(child) for child in pair[1].elements)]
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
    items = sorted(_items(node), key=lambda pair: pair[0])
    shaft = next((item for _, item in items if "svg-align" in _names(item) or item.find("svg") is not None), None)
    char = (_path(shaft, _ARROW_PATHS) or "→") if shaft is not None else "→"
    place = next((height for height, item in items if item is shaft), 0.0)
    below = [piece for height, item in items if height < place for piece in _row(item)]
    above = [piece for height, item in items if height > place for piece in _row(item)]
    if below:
        return Element("munderover", [Element("mo", [char]), _mrow(below), _mrow(above)])
    return Element("mover", [Element("mo", [char]), _mrow(above)])


def _tall_fence(node: Element) -> Element:
    text = node.text().replace("\u200b", "").strip()
    if text:
        return Element("mo", [PIECES.get(text[0], text[0])])
    path = node.find("path")
    drawn = path.get("d") if path is not None else ""
    return Element("mo", [next((fence for start, fence in _FENCE_PATHS if re.match(start, drawn)), "|")])


def _words(node: Element) -> list[_Child]:
    """`\\text`: words, and formulas inside them."""
    out: list[_Child] = []
    for child in node.children:
        if isinstance(child, str):
            out.append(Element("mtext", [child.replace("\u200b", "")]))
        elif _names(child) & {"textrm", "textbf", "textit", "textsf", "texttt", "mord"} and not child.elements:
            variant = next(
                (_VARIANTS[name] for name in ("textbf", "texttt", "textsf", "textit") if name in _names(child)), ""
            )
            out.append(Element("mtext", [child.text().replace("\u200b", "")], {"mathvariant": variant}))
        elif "text" in _names(child) or ("mord" in _names(child) and not child.elements):
            out += _words(child)
        elif "mspace" in _names(child):
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
    items = _items(node)
    boxed = any("boxpad" in _names(child) for _, item in items for child in item.elements)
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
        kind = next((name for name in _names(child) if name.startswith("col-align-")), "")
        if kind:
            columns.append(_items(child))
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
