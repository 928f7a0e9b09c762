"""Scripts, limits, accents and labels of MathML to LaTeX."""

import re
from collections.abc import Callable

from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import ACCENTS, LARGE, UNDER, WIDE, chars_tex

Convert = Callable[[Element], str]

_LIMITS = frozenset({"lim", "max", "min", "sup", "inf", "limsup", "liminf", "det", "gcd", "Pr", "arg max", "arg min",
                     "lim sup", "lim inf", "argmax", "argmin"})  # fmt: skip
_NAMED_OPERATOR = re.compile(r"\\(?:text|mathrm|operatorname)\{([a-zA-Z ]+)\}")
_BOXES = frozenset({"mrow", "mstyle", "texatom", "mpadded"})
_TOKENS = frozenset({"mo", "mi", "mtext", "mn"})
_STACK = ("\\begin{gathered}", "\\end{gathered}")  # lines under a sum
_SPACES = re.compile(r"\\(?:q?quad(?![a-zA-Z])|[,;:! ])|\s")
_AROUND = re.compile(r"^(?:\\[,;: ])+|(?:\\[,;: ])+$")  # room that Temml leaves beside the label of an arrow
_DRAWN = "¯‾―─−-_⎯"
_SIMPLE_BASE = re.compile(
    r"[^\\{}^_'\s]|\d+|\\[a-zA-Z]+|\\[^a-zA-Z]|\\(?:math[a-z]+|text[a-z]*|operatorname\*?|boldsymbol|left[^\\]|mathring)?\{[^{}]*\}"
    r"|\{[^{}]*\}|\\(?:overline|underline|hat|bar|vec|tilde|dot|ddot|widehat|widetilde|sqrt)\{[^{}]*\}"
)
_ARROWS = {"→": "\\xrightarrow", "⟶": "\\xrightarrow", "←": "\\xleftarrow", "⟵": "\\xleftarrow",
           "↔": "\\xleftrightarrow",
           "⇒": "\\xRightarrow", "⟹": "\\xRightarrow", "⇐": "\\xLeftarrow", "↦": "\\xmapsto",
           "⇌": "\\xrightleftharpoons"}  # fmt: skip


def unwrap(node: Element | str) -> Element | str:
    """A row of one child is that child."""
    while isinstance(node, Element) and node.tag in _BOXES:
        inner = [child for child in node.children if isinstance(child, Element) or child.strip()]
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def script(tex: str) -> str:
    """What stands behind `^` or `_`: one character alone, else in braces."""
    if tex.startswith(_STACK[0]) and tex.endswith(_STACK[1]) and tex.count("\\begin") == 1:
        return f"{{\\substack{{{tex[len(_STACK[0]) : -len(_STACK[1])]}}}}}"
    return tex if len(tex) == 1 and tex.isalnum() else f"{{{tex}}}"


def base(tex: str) -> str:
    """What carries a script: braced where LaTeX would take only its last part."""
    if not tex:
        return "{}"
    if _SIMPLE_BASE.fullmatch(tex):
        return tex
    if tex[0] in "([|" or tex[-1] in ")]|":
        return tex
    return f"{{{tex}}}"


def parts_of(node: Element, count: int, convert: Convert) -> list[str]:
    """LaTeX of the first `count` child elements, "" for missing ones."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    parts = [convert(c) if isinstance(c, Element) else chars_tex(c.strip()) for c in children[:count]]
    return parts + [""] * (count - len(parts))


def _is_primes(child: str) -> bool:
    return bool(child) and set(child) <= {"'"}


def msup(node: Element, convert: Convert) -> str:
    """A superscript; primes are written as such."""
    nucleus, above = parts_of(node, 2, convert)
    if _is_primes(above):
        return f"{base(nucleus)}{above}"
    if above in ("\\prime", "\\prime\\prime"):
        return f"{base(nucleus)}{above.replace(chr(92) + 'prime', chr(39))}"
    if above.startswith("'"):
        rest = above.lstrip("'")
        return f"{base(nucleus)}{above[: len(above) - len(rest)]}^{script(rest)}"
    return f"{base(nucleus)}^{script(above)}" if above else nucleus


def msub(node: Element, convert: Convert) -> str:
    """A subscript."""
    nucleus, below = parts_of(node, 2, convert)
    return f"{base(nucleus)}_{script(below)}" if below else nucleus


def msubsup(node: Element, convert: Convert) -> str:
    """Both scripts."""
    nucleus, below, above = parts_of(node, 3, convert)
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


def _single(node: Element | str) -> str:
    """The text of an operator or identifier that stands alone, else ""."""
    node = unwrap(node)
    text = node.strip() if isinstance(node, str) else node.text().strip() if node.tag in _TOKENS else ""
    if len(text) > 1 and text[0] in _DRAWN:
        text = text.lstrip(_DRAWN) or text[0]  # a line or an arrow drawn in pieces
    elif len(text) > 1 and text[-1] in _DRAWN:
        text = text.rstrip(_DRAWN)
    return text


def _is_wide(node: Element | str) -> bool:
    """Whether an accent over it is drawn wide."""
    node = unwrap(node)
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


def mover(node: Element, convert: Convert) -> str:
    """An accent, a brace or a label over a base."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, above = parts_of(node, 2, convert)
    if len(children) < 2 or not _SPACES.sub("", above):
        return nucleus
    mark = _single(children[1])
    accent = ACCENTS.get(mark)
    if accent and not _takes_limits(children[0], ""):
        if accent == "\\overline" and isinstance(children[1], Element) and children[1].get("stretchy") == "false":
            accent = "\\bar"
        if _is_wide(children[0]):
            accent = WIDE.get(accent, accent)
        return f"{accent}{{{nucleus}}}"
    if _takes_limits(children[0], nucleus):
        return f"{nucleus}^{script(above)}"
    arrow = _ARROWS.get(_single(children[0]))
    if arrow and mark not in ACCENTS:
        return f"{arrow}{{{_AROUND.sub('', above)}}}"
    return f"\\overset{{{above}}}{{{nucleus}}}"


def munder(node: Element, convert: Convert) -> str:
    """A limit, a brace or a label under a base."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, below = parts_of(node, 2, convert)
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


def munderover(node: Element, convert: Convert) -> str:
    """Limits under and over."""
    children = [child for child in node.children if isinstance(child, Element) or child.strip()]
    nucleus, below, above = parts_of(node, 3, convert)
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


def mmultiscripts(node: Element, convert: Convert) -> str:
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
