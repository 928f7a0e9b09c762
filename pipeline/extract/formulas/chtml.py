"""MathJax's HTML read back into MathML elements: CHTML of versions 3 and 4, CommonHTML and HTML-CSS of version 2.

Version 3 writes elements (`<mjx-mfrac>`), version 2 spans with classes (`mjx-mfrac`, or `mfrac` in HTML-CSS); both keep
MathML's names, and wrap the parts of a construct in boxes of their own. Characters of version 3 are class names
(`mjx-c1D465`) drawn by the style sheet.
"""

import re

from pipeline.extract.formulas import mathml
from pipeline.extract.formulas.dom import Element

_CODE = re.compile(r"(?:^|\s)mjx-c([0-9A-F]{2,6})(?:\s|$)")
# Classes of MathJax 3 and of version 2's CommonHTML, font families of version 2's HTML-CSS.
_ALPHABETS = ((r"[A-Z]-CB?(?:\s|$)|TeX-cal|TeX-script|_Caligraphic|_Script", "script"),
              (r"TeX-ams|_AMS", "double-struck"),
              (r"TeX-frak|_Fraktur", "fraktur"), (r"TeX-sans|_SansSerif", "sans-serif"),
              (r"TeX-type|_Typewriter", "monospace"), (r"TeX-main-B|_Main-bold", "bold"),
              (r"TeX-math-B|_Math-bold", "bold-italic"))  # fmt: skip
_ALPHABET = re.compile("|".join(f"(?:{name})" for name, _ in _ALPHABETS))
_TOP = re.compile(r"(?:^|[;\s])top:\s*(-?[\d.]+)em")
_LEAVES = frozenset({"mi", "mo", "mn", "mtext", "ms", "utext"})
_MATHML = _LEAVES | frozenset(
    "mrow mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mlabeledtr mtd mstyle mpadded mphantom"
    " menclose mfenced mmultiscripts texatom mspace math merror maction semantics".split()
)
_PARTS = frozenset("script sub sup over under op base num den numerator denominator root presub presup surd".split())
_DROPPED = frozenset(
    "nstrut dstrut tstrut line spacer strut surd labels label assistive-mml mjx_assistive_mathml mphantom strike"
    " ustrike dstrike linestrut annotation annotation-xml speech rule mathjax_hitbox".split()
)
# Pieces of fences drawn in parts.
PIECES = dict.fromkeys("⎛⎜⎝", "(") | dict.fromkeys("⎞⎟⎠", ")") | dict.fromkeys("⎡⎢⎣", "[") | dict.fromkeys("⎤⎥⎦", "]")
PIECES |= dict.fromkeys("\ue150\ue151\ue155", "⏞") | dict.fromkeys("\ue152\ue153\ue156", "⏟")
PIECES |= dict.fromkeys("⎧⎨⎩", "{") | dict.fromkeys("⎫⎬⎭", "}") | dict.fromkeys("⎸⎹⏐∣", "|") | dict.fromkeys("⎷", "√")
_ENDS = frozenset("⎡⎣⎤⎦")
_CORNERED = {"⎡": "⌈", "⎣": "⌊", "⎤": "⌉", "⎦": "⌋"}  # brackets with one end only
_EXTENSIONS = "⎪{}()[]|"  # between the pieces
_Child = Element | str


def to_tex(node: Element) -> str:
    """LaTeX of a rendered formula."""
    return mathml.to_tex(Element("mrow", children_of(node)))


def role(node: Element) -> str:
    """What an element is, by MathML's names and those of the parts of a construct."""
    tag = node.tag
    if tag.startswith("mjx-"):
        return tag[4:].lower()
    if tag != "span" and tag != "div":
        return tag
    for name in node.classes:
        if name.startswith("mjx-"):
            return name[4:].lower()
        if name in _MATHML or name in ("MJX_Assistive_MathML", "MathJax_strut"):
            return name.lower()
    return "texatom" if "texatom" in node.classes else ""


def character(node: Element) -> str:
    """The character that a `mjx-c` element draws."""
    match = _CODE.search(node.get("class"))
    code = int(match[1], 16) if match else 0
    return chr(code) if 0 < code <= 0x10FFFF else ""


def symbols(node: Element) -> str:
    """The characters of a leaf, pieces of a stretched one put together."""
    out: list[str] = []
    stack: list[_Child] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            out.append(here)
            continue
        name = role(here)
        if name in ("c", "stretchy-v", "stretchy-h") or name.startswith("c "):
            char = character(here)
            if char:
                out.append(char)
                continue
        if name in _DROPPED:
            continue
        stack.extend(reversed(here.children))
    text = "".join(out).replace("\u200b", "")
    return put_together(text)


def put_together(text: str) -> str:
    """One character for the pieces that draw it stretched."""
    bare = text.replace("\ue154", "").strip()
    if bare and bare[0] in PIECES and all(char in PIECES or char in _EXTENSIONS or char.isspace() for char in bare):
        shape = "".join(sorted(set(bare) & _ENDS))
        return _CORNERED.get(shape, PIECES[bare[0]])
    return text


def children_of(node: Element) -> list[_Child]:
    """The MathML children of an element, boxes opened."""
    out: list[_Child] = []
    for child in node.children:
        if isinstance(child, str):
            continue
        name = role(child)
        if name in _DROPPED:
            continue
        if name in _MATHML:
            made = read_back(child, name)
            if made is not None:
                out.append(made)
        else:
            out.extend(children_of(child))
    return out


def _row(node: Element) -> Element:
    inner = children_of(node)
    return inner[0] if len(inner) == 1 and isinstance(inner[0], Element) else Element("mrow", inner)


def _parts(node: Element) -> tuple[list[_Child], dict[str, Element]]:
    """The loose children of a construct and its named parts, wherever in the boxes they stand."""
    loose: list[_Child] = []
    parts: dict[str, Element] = {}
    stack = list(reversed(node.elements))
    while stack:
        child = stack.pop()
        name = role(child)
        if name in _DROPPED:
            continue
        if name in _PARTS:
            parts.setdefault(name, child)
        elif name in _MATHML and not (name in ("munder", "mover") and role(node) == "munderover" and _boxed(child)):
            made = read_back(child, name)
            if made is not None:
                loose.append(made)
        else:
            stack.extend(reversed(child.elements))
    return loose, parts


def _boxed(node: Element) -> bool:
    """Whether a munder only arranges the parts of the munderover around it (CHTML 3)."""
    return any(role(child) in ("row", "base", "over", "under") for child in node.elements)


def read_back(node: Element, name: str) -> Element | None:
    """One MathML element from its rendered form."""
    if name in _LEAVES:
        return _leaf(node, name)
    if name in ("msub", "msup", "msubsup", "munder", "mover", "munderover"):
        return _scripts(node, name)
    if name == "mfrac":
        loose, parts = _parts(node)
        above, below = parts.get("num") or parts.get("numerator"), parts.get("den") or parts.get("denominator")
        pair: list[_Child] = [_row(above), _row(below)] if above and below else _html_css_fraction(node) or loose
        lined = not any(child.get("atop") == "true" for child in node.elements) and (
            not (above and "mjx-numerator" in above.classes) or "mjx-line" in _classes_below(node)
        )
        return Element("mfrac", pair, {} if lined else {"linethickness": "0"})
    if name == "msqrt":
        return Element("msqrt", [_row(node)])
    if name == "mroot":
        loose, parts = _parts(node)
        index = _row(parts["root"]) if "root" in parts else Element("mrow")
        return Element("mroot", [Element("mrow", loose), index])
    if name == "mtable":
        return Element("mtable", _rows(node), {"columnalign": _alignment(node)})
    if name == "mspace":
        return Element("mspace", [], {"width": _width(node)})
    if name == "menclose":
        drawn = any("border" in child.get("style") for child in node.elements)
        return Element(
            "menclose", children_of(node), {"notation": node.get("notation") or ("box" if drawn else "none")}
        )
    return Element("mrow", children_of(node))


def _leaf(node: Element, name: str) -> Element | None:
    text = symbols(node)
    if not text:
        return None
    if name in ("mtext", "utext"):
        return Element("mtext", [text.replace("\xa0", " ")], {"mathvariant": _font(node)})
    variant = ""
    if text.isascii() and text.isalnum() and name in ("mi", "mn"):
        variant = _font(node)
        if not variant and name == "mi" and len(text) == 1 and _upright(node):
            variant = "normal"
    return Element(name, [text], {"mathvariant": variant} if variant else {})


def _font(node: Element) -> str:
    """The alphabet that a leaf's classes or styles name, "" for the usual ones."""
    level = [node]
    for _ in range(3):
        for here in level:
            match = _ALPHABET.search(f"{here.get('class')} {here.get('style')}")
            if match:
                return next(variant for name, variant in _ALPHABETS if re.search(name, match[0]))
        level = [inner for here in level for inner in here.elements]
    return ""


def _upright(node: Element) -> bool:
    """Whether a letter that is a plain character is drawn upright."""
    for child in [node, *node.elements]:
        name = child.get("class")
        if (
            "math-I" in name
            or "mathit" in name
            or "italic" in child.get("style")
            or "MathJax_Math" in child.get("style")
        ):
            return False
        if "main-R" in name or "MathJax_Main" in child.get("style"):
            return True
        for inner in child.elements:
            if "MathJax_Main" in inner.get("style"):
                return True
    return node.tag == "mjx-mi"


def _scripts(node: Element, name: str) -> Element:
    loose, parts = _parts(node)
    if "script" in parts:
        scripts = children_of(parts["script"])
        nucleus: _Child = Element("mrow", loose)
        if len(scripts) == 2:
            return Element("msubsup", [nucleus, scripts[1], scripts[0]])
        below = name in ("msub", "munder")
        if name == "munderover":
            below = parts["script"].get("style").find("vertical-align: -") >= 0
        return Element("msub" if below else "msup", [nucleus, *scripts[:1]])
    core = parts.get("base") or parts.get("op")
    nucleus = _row(core) if core is not None else Element("mrow", loose)
    above = parts.get("over") or parts.get("sup")
    below_part = parts.get("under") or parts.get("sub")
    over = "over" in parts or "under" in parts
    if above is not None and below_part is not None:
        return Element("munderover" if over else "msubsup", [nucleus, _row(below_part), _row(above)])
    if above is not None:
        return Element("mover" if over else "msup", [nucleus, _row(above)])
    if below_part is not None:
        return Element("munder" if over else "msub", [nucleus, _row(below_part)])
    if core is None:
        return _by_height(node, name, loose)
    return Element("mrow", [nucleus])


def _by_height(node: Element, name: str, loose: list[_Child]) -> Element:
    """Scripts of HTML-CSS: boxes set at a distance from the top, the base first; what is higher than it is above."""
    tops: list[float] = []
    stack = list(reversed(node.elements))
    while stack:
        child = stack.pop()
        top = _TOP.search(child.get("style"))
        if top and any(role(inner) in _MATHML for inner in child.elements):
            tops.append(float(top[1]))
        elif role(child) not in _MATHML:
            stack.extend(reversed(child.elements))
    if len(loose) < 2 or len(tops) != len(loose):
        return Element(name if len(loose) > 1 else "mrow", loose)
    above = [part for part, top in zip(loose[1:], tops[1:], strict=True) if top < tops[0]]
    below = [part for part, top in zip(loose[1:], tops[1:], strict=True) if top >= tops[0]]
    kinds = (
        ("munder", "mover", "munderover") if name.startswith("mu") or name == "mover" else ("msub", "msup", "msubsup")
    )
    if above and below:
        return Element(kinds[2], [loose[0], below[0], above[0]])
    return Element(kinds[1 if above else 0], [loose[0], (above or below)[0]])


def _html_css_fraction(node: Element) -> list[_Child]:
    """Numerator and denominator of HTML-CSS: the two boxes of the fraction, the numerator drawn first."""
    loose, _ = _parts(node)
    return loose[:2] if len(loose) == 2 else []


def _classes_below(node: Element) -> set[str]:
    return {name for child in node.elements for inner in [child, *child.elements] for name in inner.classes}


def _rows(node: Element) -> list[_Child]:
    """The rows of a table; HTML-CSS has columns instead, whose cells are not inside rows."""
    rows: list[_Child] = []
    columns: list[list[Element]] = []
    stack: list[tuple[Element, Element]] = [(child, node) for child in reversed(node.elements)]
    column: Element | None = None
    while stack:
        child, box = stack.pop()
        name = role(child)
        if name in _DROPPED:
            continue
        if name in ("mtr", "mlabeledtr"):
            rows.append(Element("mtr", [Element("mtd", children_of(cell)) for cell in _cells(child)]))
        elif name == "mtd":
            if box is not column:
                columns.append([])
                column = box
            columns[-1].append(child)
        else:
            # A box set beside others (`left`) is a column; boxes inside it only set the height of its cells.
            inside = child if "left:" in child.get("style") and _has_cells(child) > 1 else box
            stack.extend((inner, inside) for inner in reversed(child.elements))
    for number in range(max((len(cells) for cells in columns), default=0)):
        line: list[_Child] = [
            Element("mtd", children_of(cells[number]) if number < len(cells) else []) for cells in columns
        ]
        rows.append(Element("mtr", line))
    return rows


def _has_cells(node: Element) -> int:
    """How many cells stand in a box, up to two."""
    found = 0
    stack = list(node.elements)
    while stack and found < 2:
        child = stack.pop()
        if role(child) == "mtd":
            found += 1
        else:
            stack.extend(child.elements)
    return found


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row.elements if role(cell) == "mtd" and not cell.get("id").startswith("mjx-eqn")]


def _alignment(node: Element) -> str:
    """Column alignments from the first row's cells."""
    stack = list(reversed(node.elements))
    while stack:
        child = stack.pop()
        if role(child) in ("mtr", "mlabeledtr"):
            found = [re.search(r"text-align:\s*(left|right|center)", cell.get("style")) for cell in _cells(child)]
            if not any(found):
                return ""
            return " ".join(match[1] if match else "center" for match in found)
        stack.extend(reversed(child.elements))
    return ""


def _width(node: Element) -> str:
    match = re.search(r"(?:margin-left|width|margin-right):\s*(-?[\d.]+em)", node.get("style"))
    return match[1] if match else ""
