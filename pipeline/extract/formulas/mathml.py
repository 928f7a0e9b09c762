"""Presentation MathML to LaTeX (MathML 3 and Core).

Everything that was rendered is first read back into MathML elements (see `katex.py`, `chtml.py`, `svg.py`); this is the
one place where elements become LaTeX. Reading bounds their depth, so conversion may recurse.
"""

import re
from collections.abc import Callable

from pipeline.extract.formulas.content import content
from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.mathml_tables import table
from pipeline.extract.formulas.symbols import (
    ACCENTS,
    CLOSING,
    FENCES,
    FUNCTIONS,
    INVISIBLE,
    LARGE,
    OPENING,
    UNDER,
    VARIANTS,
    WIDE,
    chars_tex,
    join,
    styled,
)

_SPACE = re.compile(r"\s+")
_LENGTH = re.compile(r"(-?[\d.]+)\s*(em|ex|px|pt|mu|in|cm|mm|%)?$")
_EM = {"em": 1.0, "ex": 0.43, "px": 0.06, "pt": 0.1, "mu": 1 / 18, "in": 7.0, "cm": 2.8, "mm": 0.28, "": 1.0}
_NAMED_SPACE = {"veryverythinmathspace": 1 / 18, "verythinmathspace": 2 / 18, "thinmathspace": 3 / 18,
                "mediummathspace": 4 / 18, "thickmathspace": 5 / 18, "verythickmathspace": 6 / 18}  # fmt: skip
_PRIMES = {"′": "'", "'": "'", "″": "''", "‴": "'''", "⁗": "''''", "’": "'", "''": "''", "′′": "''", "′′′": "'''"}
_TEXT_SPECIAL = re.compile(r"[#$%&_{}~^\\]")
_TEXT_ESCAPES = {"~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\\": "\\textbackslash{}"}
_LIMITS = frozenset({"lim", "max", "min", "sup", "inf", "limsup", "liminf", "det", "gcd", "Pr", "arg max", "arg min",
                     "lim sup", "lim inf", "argmax", "argmin"})  # fmt: skip
_NAMED_OPERATOR = re.compile(r"\\(?:text|mathrm|operatorname)\{([a-zA-Z ]+)\}")
_SAME_FONT = re.compile(r"\\(math(?:sf|rm|bf|tt|it))\{([A-Za-z0-9 ]+)\}\\\1\{([A-Za-z0-9 ]+)\}")
_BOXES = frozenset({"mrow", "mstyle", "texatom", "mpadded"})
_TOKENS = frozenset({"mo", "mi", "mtext", "mn"})
_THICK = "\\;"
_DRAWN = "¯‾―─−-_⎯"
_NO_LINE = re.compile(r"0+(?:\.0+)?\s*(?:[a-z%]+)?")
_BARS = "|‖∣∥"


def to_tex(node: Element) -> str:
    """LaTeX of a whole formula."""
    tex = convert(node)
    previous = None
    while previous != tex and "}\\" in tex:
        previous, tex = tex, _SAME_FONT.sub(r"\\\1{\2\3}", tex)
    return tex


def convert(node: Element) -> str:
    """LaTeX of an element; "" for one that shows nothing."""
    handler = _HANDLERS.get(node.tag)
    if handler is not None:
        return handler(node)
    if node.tag in _DROPPED:
        return ""
    return row(node)


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
            out.append(convert(child))
        i += 1
    return join(out)


def _text(node: Element) -> str:
    return node.text().strip()


def _fence(child: Element) -> str:
    """The opening fence that an operator is, or ""."""
    inner = _unwrap(child)
    if not isinstance(inner, Element) or inner.tag != "mo":
        return ""
    text = _text(inner)
    return text if len(text) == 1 and text in OPENING else ""


def _unwrap(node: Element | str) -> Element | str:
    """A row of one child is that child."""
    while isinstance(node, Element) and node.tag in _BOXES:
        inner = [child for child in node.children if isinstance(child, Element) or child.strip()]
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def _fenced(children: list[Element | str], start: int, opening: str, pairs: dict[int, int]) -> tuple[str, int] | None:
    """A fence with what it holds, when that is a table, a binomial coefficient or tall; and where it ends."""
    count = len(children)
    following = _unwrap(children[start + 1]) if start + 1 < count else None
    if isinstance(following, Element) and following.tag == "mtable":
        after = _unwrap(children[start + 2]) if start + 2 < count else None
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
        only = _unwrap(inner[0])
        if (
            len(inner) == 1
            and isinstance(only, Element)
            and only.tag == "mfrac"
            and _NO_LINE.fullmatch(only.get("linethickness"))
        ):
            above, below = _parts(only, 2)
            return f"\\binom{{{above}}}{{{below}}}", end + 1
        if isinstance(only, Element) and only.tag in ("mi", "mo", "mtext") and _text(only) == "mod":
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
        child = _unwrap(sibling)
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


def mi(node: Element) -> str:
    """An identifier: a letter, a function's name or a word."""
    if node.elements:
        return row(node)
    text = _SPACE.sub(" ", node.text()).strip()
    if not text:
        return ""
    variant = node.get("mathvariant")
    if len(text) == 1:
        return FENCES[text] if text in _BARS else _in_variant(text, variant)
    bare = "".join(char for char in text if char not in INVISIBLE)
    name = bare.replace("\u2009", " ").replace("\xa0", " ")
    if name in FUNCTIONS and variant in ("", "normal"):
        return "\\" + name
    if name in ("lim sup", "lim inf"):
        return "\\" + name.replace(" ", "")
    if name == "mod" and variant in ("", "normal"):
        return "\\bmod "
    if len(bare) == 1:
        return _in_variant(bare, variant)
    letters = "".join(styled(char)[0] for char in bare)
    if letters.isascii() and letters.isalpha():
        if letters != bare:
            fonts = {styled(char)[1] for char in bare}
            if len(fonts) == 1:
                font = fonts.pop()
                return f"{font}{{{letters}}}" if font else letters
            return chars_tex(bare)
        if variant in ("", "normal"):
            return f"\\operatorname{{{bare}}}" if len(bare) > 2 and bare.islower() else f"\\mathrm{{{bare}}}"
        font = VARIANTS.get(variant, "")
        return f"{font}{{{bare}}}" if font else f"\\mathit{{{bare}}}"
    if any(char.isspace() for char in bare):
        return text_tex(bare)
    return _in_variant(bare, variant)


def _in_variant(text: str, variant: str) -> str:
    """Characters in a mathvariant."""
    inner = chars_tex(text)
    font = VARIANTS.get(variant, "") if variant else ""
    if variant == "normal" and not (text.isascii() and text.isalpha()):
        return inner
    if not font or not inner or inner.startswith("\\math"):
        return inner
    if font == "\\mathbf" and not text.isascii():
        font = "\\boldsymbol"
    return f"{font}{{{inner}}}"


def mn(node: Element) -> str:
    """A number."""
    text = "".join(node.text().split())
    return _in_variant(text, node.get("mathvariant")) if text else ""


def mo(node: Element) -> str:
    """An operator or a fence."""
    if node.elements:
        return row(node)
    text = _SPACE.sub(" ", node.text()).strip()
    if not text:
        return ""
    if len(text) > 1:
        bare = "".join(char for char in text if char not in INVISIBLE)
        if bare in FUNCTIONS:
            return "\\" + bare
        if bare in ("lim sup", "lim inf"):
            return "\\" + bare.replace(" ", "")
        if bare.isascii() and bare.isalpha() and len(bare) > 1:
            return {"mod": "\\bmod "}.get(bare, f"\\operatorname{{{bare}}}")
        if " " in bare:
            return text_tex(bare)
    variant = node.get("mathvariant")
    return _in_variant(text, variant if variant != "normal" else "")


def text_tex(text: str) -> str:
    """Words inside a formula."""
    text = text.replace("\xa0", " ")
    if not text.strip():
        return "\\ " if text else ""
    if len(text) == 1 and not text.isalnum():
        return chars_tex(text)
    plain = "".join(styled(char)[0] for char in text if char not in INVISIBLE)
    escaped = _TEXT_SPECIAL.sub(lambda match: _TEXT_ESCAPES.get(match[0], "\\" + match[0]), plain)
    return f"\\text{{{escaped}}}"


def mtext(node: Element) -> str:
    """Words; formulas inside them stay formulas."""
    if node.elements:
        return join([text_tex(_SPACE.sub(" ", c)) if isinstance(c, str) else convert(c) for c in node.children])
    text = _SPACE.sub(" ", node.text())
    return text_tex(text)


def mspace(node: Element) -> str:
    """A space, as the nearest of LaTeX's."""
    if node.get("linebreak") == "newline":
        return "\\\\ "
    width = node.get("width")
    em = _NAMED_SPACE.get(width)
    if em is None:
        match = _LENGTH.match(width.strip())
        em = (
            float(match[1]) * _EM.get(match[2] or "", 0)
            if match and match[1].count(".") < 2 and match[1] not in ("-", ".", "-.")
            else 0.0
        )
    if em >= 1.7:
        return "\\qquad "
    if em >= 0.8:
        return "\\quad "
    if em >= 0.26:
        return "\\;"
    if em >= 0.2:
        return "\\:"
    if em >= 0.1:
        return "\\,"
    return "\\!" if em <= -0.1 else ""


def braced(tex: str) -> str:
    """An argument in braces."""
    return f"{{{tex}}}"


def script(tex: str) -> str:
    """What stands behind `^` or `_`: one character alone, else in braces."""
    return tex if len(tex) == 1 and tex.isalnum() else f"{{{tex}}}"


def base(tex: str, node: Element | str | None = None) -> str:
    """What carries a script: braced where LaTeX would take only its last part."""
    if not tex:
        return "{}"
    if _SIMPLE_BASE.fullmatch(tex):
        return tex
    if tex[0] in "([|" or tex[-1] in ")]|":
        return tex
    return f"{{{tex}}}"


_SIMPLE_BASE = re.compile(
    r"[^\\{}^_'\s]|\d+|\\[a-zA-Z]+|\\[^a-zA-Z]|\\(?:math[a-z]+|text[a-z]*|operatorname\*?|boldsymbol|left[^\\]|mathring)?\{[^{}]*\}"
    r"|\{[^{}]*\}|\\(?:overline|underline|hat|bar|vec|tilde|dot|ddot|widehat|widetilde|sqrt)\{[^{}]*\}"
)


def _parts(node: Element, count: int) -> list[str]:
    """LaTeX of the first `count` child elements, "" for missing ones."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    parts = [convert(c) if isinstance(c, Element) else chars_tex(c.strip()) for c in children[:count]]
    return parts + [""] * (count - len(parts))


def _is_primes(child: str) -> bool:
    return bool(child) and set(child) <= {"'"}


def msup(node: Element) -> str:
    """A superscript; primes are written as such."""
    nucleus, above = _parts(node, 2)
    if _is_primes(above):
        return f"{base(nucleus)}{above}"
    if above in ("\\prime", "\\prime\\prime"):
        return f"{base(nucleus)}{above.replace(chr(92) + 'prime', chr(39))}"
    return f"{base(nucleus)}^{script(above)}" if above else nucleus


def msub(node: Element) -> str:
    """A subscript."""
    nucleus, below = _parts(node, 2)
    return f"{base(nucleus)}_{script(below)}" if below else nucleus


def msubsup(node: Element) -> str:
    """Both scripts."""
    nucleus, below, above = _parts(node, 3)
    return with_scripts(nucleus, below, above)


def with_scripts(nucleus: str, below: str, above: str) -> str:
    """A base with a subscript, a superscript or both."""
    out = base(nucleus)
    if below:
        out += f"_{script(below)}"
    if _is_primes(above):
        return f"{base(nucleus)}{above}" + (f"_{script(below)}" if below else "")
    if above:
        out += f"^{script(above)}"
    return out if below or above else nucleus


def mfrac(node: Element) -> str:
    """A fraction, a stack without a line (binomial coefficients), or a slanted one."""
    above, below = _parts(node, 2)
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
    inner, index = _parts(node, 2)
    return f"\\sqrt[{index}]{{{inner}}}" if index else f"\\sqrt{{{inner}}}"


def _single(node: Element | str) -> str:
    """The text of an operator or identifier that stands alone, else ""."""
    node = _unwrap(node)
    text = node.strip() if isinstance(node, str) else node.text().strip() if node.tag in _TOKENS else ""
    if len(text) > 1 and text[0] in _DRAWN:
        text = text.lstrip(_DRAWN) or text[0]  # a line or an arrow drawn in pieces
    elif len(text) > 1 and text[-1] in _DRAWN:
        text = text.rstrip(_DRAWN)
    return text


def _is_wide(node: Element | str) -> bool:
    """Whether an accent over it is drawn wide."""
    node = _unwrap(node)
    return isinstance(node, Element) and (node.tag not in ("mi", "mn", "mo", "mtext") or len(node.text().strip()) > 1)


def _takes_limits(nucleus: Element | str, tex: str) -> bool:
    """Whether scripts over and under are limits, written with `^` and `_`."""
    text = _single(nucleus)
    if text in LARGE or text in _LIMITS or text.replace("\u2009", " ") in _LIMITS:
        return True
    return tex.startswith(
        (
            "\\sum",
            "\\prod",
            "\\int",
            "\\lim",
            "\\big",
            "\\coprod",
            "\\underbrace",
            "\\overbrace",
            "\\operatorname",
            "\\max",
            "\\min",
            "\\sup",
            "\\inf",
            "\\underline{\\lim",
            "\\operatorname*",
            "\\mathop",
            "\\xrightarrow",
            "\\xleftarrow",
        )
    )


_ARROWS = {"→": "\\xrightarrow", "⟶": "\\xrightarrow", "←": "\\xleftarrow", "⟵": "\\xleftarrow", "↔": "\\xleftrightarrow",
           "⇒": "\\xRightarrow", "⟹": "\\xRightarrow", "⇐": "\\xLeftarrow", "↦": "\\xmapsto", "⇌": "\\xrightleftharpoons"}  # fmt: skip


def mover(node: Element) -> str:
    """An accent, a brace or a label over a base."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, above = _parts(node, 2)
    if len(children) < 2 or not above:
        return nucleus
    mark = _single(children[1])
    accent = ACCENTS.get(mark)
    if accent and not _takes_limits(children[0], ""):
        if _is_wide(children[0]):
            accent = WIDE.get(accent, accent)
        return f"{accent}{{{nucleus}}}"
    if _takes_limits(children[0], nucleus):
        return f"{nucleus}^{script(above)}"
    arrow = _ARROWS.get(_single(children[0]))
    if arrow and mark not in ACCENTS:
        return f"{arrow}{{{above}}}"
    return f"\\overset{{{above}}}{{{nucleus}}}"


def munder(node: Element) -> str:
    """A limit, a brace or a label under a base."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, below = _parts(node, 2)
    if len(children) < 2 or not below:
        return nucleus
    mark = _single(children[1])
    under = UNDER.get(mark)
    if under and not _takes_limits(children[0], ""):
        return f"{under}{{{nucleus}}}"
    if _takes_limits(children[0], nucleus):
        word = _NAMED_OPERATOR.fullmatch(nucleus)
        return f"{f'{chr(92)}operatorname*{{{word[1]}}}' if word else nucleus}_{script(below)}"
    arrow = _ARROWS.get(_single(children[0]))
    if arrow:
        return f"{arrow}[{below}]{{}}"
    return f"\\underset{{{below}}}{{{nucleus}}}"


def munderover(node: Element) -> str:
    """Limits under and over."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, below, above = _parts(node, 3)
    if len(children) >= 3 and not _takes_limits(children[0], nucleus):
        arrow = _ARROWS.get(_single(children[0]))
        if arrow:
            return f"{arrow}[{below}]{{{above}}}"
        accent, under = ACCENTS.get(_single(children[2])), UNDER.get(_single(children[1]))
        if accent:
            inner = f"{accent}{{{nucleus}}}"
            return f"{under}{{{inner}}}" if under else f"\\underset{{{below}}}{{{inner}}}"
        if below and above:
            return f"\\underset{{{below}}}{{\\overset{{{above}}}{{{nucleus}}}}}"
        return (
            f"\\overset{{{above}}}{{{nucleus}}}"
            if above
            else f"\\underset{{{below}}}{{{nucleus}}}"
            if below
            else nucleus
        )
    return with_scripts(nucleus, below, above)


def mmultiscripts(node: Element) -> str:
    """Scripts on both sides."""
    children = node.elements
    if not children:
        return ""
    after: list[tuple[str, str]] = []
    before: list[tuple[str, str]] = []
    side = after
    i = 1
    while i < len(children):
        if children[i].tag == "mprescripts":
            side = before
            i += 1
            continue
        below = convert(children[i])
        above = convert(children[i + 1]) if i + 1 < len(children) and children[i + 1].tag != "mprescripts" else ""
        side.append((below, above))
        i += 2
    out = "".join(with_scripts("{}", below, above) for below, above in before if below or above)
    nucleus = convert(children[0])
    first = True
    for below, above in after:
        if below or above:
            nucleus = with_scripts(nucleus, below, above) if first else nucleus + with_scripts("{}", below, above)
            first = False
    return out + nucleus


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
        only = _unwrap(items[0])
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
                              ("downdiagonalstrike", "\\bcancel"), ("horizontalstrike", "\\sout"), ("radical", "\\sqrt"),
                              ("top", "\\overline"), ("bottom", "\\underline"), ("circle", "\\enclose{circle}")):  # fmt: skip
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
    return f"{font}{{{inner}}}" if font and inner else inner


def ms(node: Element) -> str:
    """A string literal."""
    return text_tex(f'"{node.text().strip()}"')


def mglyph(node: Element) -> str:
    """A character as an image."""
    return text_tex(node.get("alt")) if node.get("alt") else ""


_HANDLERS: dict[str, Callable[[Element], str]] = {
    "mi": mi, "mn": mn, "mo": mo, "mtext": mtext, "ms": ms, "mspace": mspace, "mglyph": mglyph, "msup": msup, "msub": msub,
    "msubsup": msubsup, "mfrac": mfrac, "msqrt": msqrt, "mroot": mroot, "mover": mover, "munder": munder,
    "munderover": munderover, "mmultiscripts": mmultiscripts, "mfenced": mfenced, "menclose": menclose,
    "semantics": semantics, "maction": maction, "mstyle": mstyle, "mtable": lambda node: table(node, convert, "", ""),
    "apply": content, "ci": content, "cn": content, "csymbol": content, "bind": content, "reln": content,
}  # fmt: skip
ELEMENTS = frozenset(_HANDLERS) | {"math", "mrow", "mtr", "mlabeledtr", "mtd", "mpadded", "merror", "mphantom"}
_DROPPED = frozenset("none mprescripts maligngroup malignmark mphantom annotation annotation-xml mlabel".split())
