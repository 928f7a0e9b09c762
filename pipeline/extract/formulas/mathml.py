"""Presentation MathML to LaTeX (MathML 3 and Core).

Everything that was rendered is first read back into MathML elements (see `katex.py`, `chtml.py`, `svg.py`); this is the
one place where elements become LaTeX. Reading bounds their depth, so conversion may recurse.
"""

import re
from collections.abc import Callable

from pipeline.extract.formulas.content import CONTENT, content
from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.mathml_scripts import (
    base,
    mmultiscripts,
    mover,
    msub,
    msubsup,
    msup,
    munder,
    munderover,
    parts_of,
    unwrap,
)
from pipeline.extract.formulas.mathml_tables import table
from pipeline.extract.formulas.mathml_tokens import mglyph, mi, mn, mo, ms, mspace, text_tex
from pipeline.extract.formulas.symbols import CLOSING, FENCES, OPENING, VARIANTS, chars_tex, join

_SPACE = re.compile(r"\s+")
_SAME_FONT = re.compile(r"\\(math(?:sf|rm|bf|tt|it))\{([A-Za-z0-9 ]+)\}\\\1\{([A-Za-z0-9 ]+)\}")
_THICK = "\\;"
_NO_LINE = re.compile(r"0+(?:\.0+)?\s*(?:[a-z%]+)?")
_MOD = re.compile(r"(?:\\;|\\quad )?(?:\\bmod |\\mathrm\{mod\})\\,\\,")
_TEXT_FONTS = {"bold": "\\textbf", "italic": "\\textit", "monospace": "\\texttt", "sans-serif": "\\textsf"}
_BARS = "|‖∣∥"
_COMMAND = re.compile(r"\\[a-zA-Z]{2,}")


def to_tex(node: Element) -> str:
    """LaTeX of a whole formula."""
    tex = convert(node)
    previous = None
    while previous != tex and "}\\" in tex:
        previous, tex = tex, _SAME_FONT.sub(r"\\\1{\2\3}", tex)
    return _MOD.sub(r"\\mod ", tex) if "mod" in tex else tex


def convert(node: Element) -> str:
    """LaTeX of an element; "" for one that shows nothing."""
    tag = node.tag
    token = _TOKENS.get(tag)
    if token is not None:
        # KaTeX nests constructs in tokens, to give them the spacing of an operator.
        if not node.elements:
            return token(node)
        return "\\bmod " if tag == "mo" and _text(node) == "mod" else row(node)
    script = _SCRIPTS.get(tag)
    if script is not None:
        return script(node, convert)
    handler = _HANDLERS.get(tag)
    if handler is not None:
        return handler(node)
    return "" if tag in _DROPPED else row(node)


def row(node: Element) -> str:
    """The children of an element side by side, with fences paired."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    return children_tex(children)


def children_tex(children: list[Element | str]) -> str:
    """Children side by side: matrices and cases with their fences, tall fences as \\left and \\right."""
    count = len(children)
    if count == 1:
        only = children[0]
        return chars_tex(_SPACE.sub(" ", only).strip()) if isinstance(only, str) else convert(only)
    out: list[str] = []
    pairs: dict[int, int] | None = None
    i = 0
    while i < count:
        child = children[i]
        if isinstance(child, str):
            out.append(chars_tex(_SPACE.sub(" ", child).strip()))
            i += 1
            continue
        fence = _fence(child)
        if fence:
            if pairs is None:
                pairs = _pairs(children)
            fenced = _fenced(children, i, fence, pairs)
            if fenced:
                if fenced[0].startswith("\\pmod") and out and out[-1] == "\\quad ":
                    out.pop()
                out.append(fenced[0])
                i = fenced[1]
                continue
        if child.tag == "mtable" and count > 1:
            out.append(table(child, convert, "", ""))
        else:
            tex = convert(child)
            if (
                tex.startswith("\\mathrm")
                and tex[9:10] != "}"
                and child.tag == "mi"
                and i + 1 < count
                and _applied(children[i + 1])
            ):
                tex = "\\operatorname" + tex.removeprefix("\\mathrm")
            out.append(tex)
        i += 1
    return join(out)


def _applied(following: Element | str) -> bool:
    """Whether a word before this is a function applied to it."""
    if isinstance(following, str) or following.tag != "mo":
        return True
    text = following.text()
    return text == "\u2061" or _text(following) in OPENING


def _text(node: Element) -> str:
    return node.text().strip()


def _fence(child: Element) -> str:
    """The opening fence that an operator is, or ""."""
    inner = unwrap(child)
    if not isinstance(inner, Element) or inner.tag != "mo":
        return ""
    text = _text(inner)
    return text if len(text) == 1 and text in OPENING else ""


def _fenced(children: list[Element | str], start: int, opening: str, pairs: dict[int, int]) -> tuple[str, int] | None:
    """A fence with what it holds, when that is a table, a binomial coefficient or tall; and where it ends."""
    count = len(children)
    following = unwrap(children[start + 1]) if start + 1 < count else None
    if isinstance(following, Element) and following.tag == "mtable":
        after = unwrap(children[start + 2]) if start + 2 < count else None
        closing = ""
        end = start + 2
        if isinstance(after, Element) and after.tag == "mo":
            text = _text(after)
            if text in CLOSING or not text:
                closing, end = text, start + 3
        return table(following, convert, opening, closing), end
    closed = pairs.get(start)
    if closed is None:
        return None
    end = closed
    inner = children[start + 1 : end]
    if opening == "(" and inner:
        only = unwrap(inner[0])
        if (
            len(inner) == 1
            and isinstance(only, Element)
            and only.tag == "mfrac"
            and _NO_LINE.fullmatch(only.get("linethickness"))
        ):
            above, below = parts_of(only, 2, convert)
            return f"\\binom{{{above}}}{{{below}}}", end + 1
        if isinstance(only, Element) and _text(only) == "mod":
            return f"\\pmod{{{children_tex(inner[1:]).removeprefix(_THICK)}}}", end + 1
    first = children[start]
    if isinstance(first, Element) and first.get("stretchy") == "false":
        return None
    if not any(isinstance(child, Element) and _tall(child) for child in inner):
        return None
    last = children[end]
    return fenced(opening, children_tex(inner), last.text().strip() if isinstance(last, Element) else "", True), end + 1


def _pairs(children: list[Element | str]) -> dict[int, int]:
    """Which fence closes which, among siblings; a bar closes the bar that opened last."""
    found: dict[int, int] = {}
    opened: list[tuple[int, str]] = []
    for i, sibling in enumerate(children):
        child = unwrap(sibling)
        if not isinstance(child, Element) or child.tag != "mo":
            continue
        text = _text(child)
        if len(text) != 1:
            continue
        if text in _BARS:
            if opened and opened[-1][1] == text:
                found[opened.pop()[0]] = i
            else:
                opened.append((i, text))
        elif text in CLOSING:
            while opened and opened[-1][1] in _BARS:
                opened.pop()
            if opened:
                found[opened.pop()[0]] = i
        elif text in OPENING:
            opened.append((i, text))
    return found


def mtext(node: Element) -> str:
    """Words; formulas inside them stay formulas."""
    if node.elements:
        return join([text_tex(c) if isinstance(c, str) else convert(c) for c in node.children])
    text = node.text()
    if _COMMAND.fullmatch(text):
        return text  # a macro that the renderer did not know
    return text_tex(text, _TEXT_FONTS.get(node.get("mathvariant"), "\\text"))


def mfrac(node: Element) -> str:
    """A fraction, a stack without a line (binomial coefficients), or a slanted one."""
    above, below = parts_of(node, 2, convert)
    thickness = node.get("linethickness")
    if thickness and _NO_LINE.fullmatch(thickness):
        return f"{{{above} \\atop {below}}}"
    if node.get("bevelled") == "true":
        return f"{base(above)}/{base(below)}"
    return f"\\frac{{{above}}}{{{below}}}"


def msqrt(node: Element) -> str:
    """A square root."""
    return f"\\sqrt{{{row(node)}}}"


def mroot(node: Element) -> str:
    """A root with its index."""
    inner, index = parts_of(node, 2, convert)
    return f"\\sqrt[{index}]{{{inner}}}" if index else f"\\sqrt{{{inner}}}"


def mfenced(node: Element) -> str:
    """A fenced list (MathML 2 and 3)."""
    opening = node.attributes.get("open")
    closing = node.attributes.get("close")
    opening = "(" if opening is None else opening.strip()
    closing = ")" if closing is None else closing.strip()
    separators = node.attributes.get("separators")
    marks = "".join((separators if separators is not None else ",").split())
    items = [child for child in node.children if isinstance(child, Element) or child.strip()]
    if len(items) == 1:
        only = unwrap(items[0])
        if isinstance(only, Element) and only.tag == "mtable":
            return table(only, convert, opening, closing)
    out: list[str] = []
    for number, item in enumerate(items):
        if number and marks:
            out.append(chars_tex(marks[min(number - 1, len(marks) - 1)]))
        out.append(convert(item) if isinstance(item, Element) else chars_tex(item.strip()))
    return fenced(opening, join(out), closing, any(isinstance(i, Element) and _tall(i) for i in items))


def fenced(opening: str, inner: str, closing: str, tall: bool) -> str:
    """LaTeX between fences, stretched when the content is tall."""
    left = FENCES.get(opening) or chars_tex(opening)
    right = FENCES.get(closing) or chars_tex(closing)
    if not tall and left and right:
        return join([left, inner, right])
    return join(["\\left" + (left or "."), inner, "\\right" + (right or ".")])


def _tall(node: Element, levels: int = 4) -> bool:
    """Whether something near the top of it is higher than a line."""
    if node.tag in ("mfrac", "mtable", "munderover", "mroot"):
        return True
    return levels > 0 and any(_tall(child, levels - 1) for child in node.elements[:40])


def menclose(node: Element) -> str:
    """Boxes and strikes."""
    inner = row(node)
    notations = node.get("notation").split() or ["longdiv"]
    for notation, command in (("box", "\\boxed"), ("roundedbox", "\\boxed"), ("updiagonalstrike", "\\cancel"),
                              ("downdiagonalstrike", "\\bcancel"), ("horizontalstrike", "\\sout"), ("radical",
                              "\\sqrt"),
                              ("top", "\\overline"), ("bottom", "\\underline"), ("circle",
                              "\\enclose{circle}")):  # fmt: skip
        if notation in notations:
            if notation == "updiagonalstrike" and "downdiagonalstrike" in notations:
                command = "\\xcancel"
            return f"{command}{{{inner}}}" if inner else ""
    return inner


def semantics(node: Element) -> str:
    """The presentation of a formula; its content form where it has no other."""
    children = [child for child in node.elements if not child.tag.startswith("annotation")]
    if children:
        return convert(children[0])
    for child in node.elements:
        if child.tag == "annotation-xml":
            return row(child)
    return ""


def maction(node: Element) -> str:
    """The part that is shown."""
    children = node.elements
    selection = node.get("selection")
    index = int(selection) - 1 if selection.isascii() and selection.isdigit() and len(selection) < 4 else 0
    return convert(children[index if 0 <= index < len(children) else 0]) if children else ""


def mstyle(node: Element) -> str:
    """A row in a style; a mathvariant on it holds for what is inside."""
    variant = node.get("mathvariant")
    inner = row(node)
    font = VARIANTS.get(variant, "") if variant not in ("normal", "italic") else ""
    return f"{font}{{{inner}}}" if font and inner and not inner.startswith(f"{font}{{") else inner


_TOKENS = {"mi": mi, "mn": mn, "mo": mo, "ms": ms, "mspace": mspace, "mglyph": mglyph}
_SCRIPTS = {
    "msup": msup, "msub": msub, "msubsup": msubsup, "mover": mover, "munder": munder, "munderover": munderover,
    "mmultiscripts": mmultiscripts,
}  # fmt: skip
_HANDLERS: dict[str, Callable[[Element], str]] = {
    "mtext": mtext, "mfrac": mfrac, "msqrt": msqrt, "mroot": mroot, "mfenced": mfenced, "menclose": menclose,
    "mrow": lambda node: f"\\boxed{{{row(node)}}}" if "border:" in node.get("style") else row(node),
    "semantics": semantics, "maction": maction, "mstyle": mstyle, "mtable": lambda node: table(node, convert, "", ""),
    **dict.fromkeys(CONTENT, content),
}  # fmt: skip
ELEMENTS = frozenset({*_TOKENS, *_SCRIPTS, *_HANDLERS}) | {
    "math",
    "mrow",
    "mtr",
    "mlabeledtr",
    "mtd",
    "mpadded",
    "merror",
    "mphantom",
}
_DROPPED = frozenset("none mprescripts maligngroup malignmark mphantom annotation annotation-xml mlabel".split())
