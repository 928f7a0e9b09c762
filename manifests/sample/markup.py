"""MathML elements in the other ways in which pages write a formula: markup, AsciiMath, HTML with sup and sub."""

from collections.abc import Sequence
from html import escape

from manifests.sample import symbols
from manifests.sample.tex import Node


def mathml(node: Node) -> str:
    """`node` as MathML markup without the outer `math` element."""
    attributes = "".join(
        f' {name}="{escape(value)}"' for name, value in node.attributes.items() if name != "movablelimits"
    )
    if node.tag == "mspace":
        return f"<mspace{attributes}></mspace>"
    inner = escape(node.text, quote=False) + "".join(mathml(child) for child in node.children)
    return f"<{node.tag}{attributes}>{inner}</{node.tag}>"


def asciimath(node: Node) -> str:
    """`node` in AsciiMath, with brackets wherever a script or a fraction could be read in two ways."""
    kids = node.children
    match node.tag:
        case "mi" | "mn":
            return symbols.ASCIIMATH.get(node.text, node.text)
        case "mo":
            name = symbols.ASCIIMATH.get(node.text, node.text)
            return f" {name} " if node.text in symbols.RELATION_CHARS | {"+", "−", "±"} else name
        case "mtext":
            return f' "{node.text.strip(chr(160))}" '.replace("\u00a0", " ")
        case "mspace":
            return " "
        case "mfrac" if node.attributes.get("linethickness") == "0":
            return f"({asciimath(kids[0])}),({asciimath(kids[1])})"
        case "mfrac":
            return f"({asciimath(kids[0])})/({asciimath(kids[1])})"
        case "msqrt":
            return f"sqrt({asciimath(kids[0])})"
        case "mroot":
            return f"root({asciimath(kids[1])})({asciimath(kids[0])})"
        case "msup" | "mover" if kids[1].text == "‾":
            return f"bar({asciimath(kids[0])})"
        case "mover" if node.attributes.get("accent"):
            return f"{'vec' if kids[1].text == '→' else 'hat'}({asciimath(kids[0])})"
        case "msup" if kids[1].text.startswith("′"):
            return asciimath(kids[0]) + "'" * len(kids[1].text)
        case "msup" | "mover":
            return f"{asciimath(kids[0])}^{_bracket(kids[1])}"
        case "msub" | "munder":
            return f"{asciimath(kids[0])}_{_bracket(kids[1])}"
        case "msubsup" | "munderover":
            return f"{asciimath(kids[0])}_{_bracket(kids[1])}^{_bracket(kids[2])}"
        case "mtable":
            rows = ("[" + ", ".join(asciimath(cell) for cell in row.children) + "]" for row in kids)
            return ", ".join(rows)
        case _:
            return _joined([asciimath(child) for child in kids])


def _bracket(node: Node) -> str:
    text = asciimath(node)
    return text if node.tag in {"mn", "mi"} else f"({text})"


def _joined(parts: list[str]) -> str:
    """Parts side by side, kept apart where two names or two numbers would run into one."""
    out = ""
    for part in parts:
        if out and part and ((out[-1].isalpha() and part[0].isalpha()) or (out[-1].isdigit() and part[0].isdigit())):
            out += " "
        out += part
    return out


def plain_html(node: Node) -> str:
    """`node` as running HTML: Unicode signs, `<i>` for variables, `<sup>` and `<sub>`, slashes for fractions."""
    kids = node.children
    match node.tag:
        case "mi":
            return f"<i>{node.text}</i>" if len(node.text) == 1 and node.text.isascii() else escape(node.text)
        case "mn" | "mtext":
            return escape(node.text)
        case "mo":
            spaced = node.text in symbols.BINARY_CHARS | symbols.RELATION_CHARS | {"lim", "max", "min", "gcd"}
            return f" {escape(node.text)} " if spaced else escape(node.text)
        case "mspace":
            return " "
        case "mfrac" if node.attributes.get("linethickness") == "0":
            return f"{plain_html(kids[0])} over {plain_html(kids[1])}"
        case "mfrac":
            return f"{_atom(kids[0])}/{_atom(kids[1])}"
        case "msqrt":
            return f"√{_atom(kids[0])}"
        case "mroot":
            return f"<sup>{plain_html(kids[1])}</sup>√{_atom(kids[0])}"
        case "mover" if node.attributes.get("accent"):
            mark = {"‾": "\u0305", "→": "\u20d7", "^": "\u0302", "ˉ": "\u0304"}[kids[1].text]
            return plain_html(kids[0]) + mark
        case "msup" if kids[1].text.startswith("′"):
            return plain_html(kids[0]) + kids[1].text
        case "msup" | "mover":
            return f"{plain_html(kids[0]).rstrip()}<sup>{plain_html(kids[1]).strip()}</sup>"
        case "msub" | "munder":
            end = " " if kids[0].text in symbols.LIMITS or kids[0].text in symbols.LARGE_CHARS else ""
            return f"{plain_html(kids[0]).rstrip()}<sub>{plain_html(kids[1]).strip()}</sub>{end}"
        case "msubsup" | "munderover":
            low, high = plain_html(kids[1]).strip(), plain_html(kids[2]).strip()
            return f"{plain_html(kids[0])}<sub>{low}</sub><sup>{high}</sup> "
        case "mtable":
            return "; ".join(", ".join(plain_html(cell) for cell in row.children) for row in kids)
        case _:
            return _plain_row(kids)


def _plain_row(nodes: Sequence[Node]) -> str:
    """Terms side by side: a sign stands close to its number, a function apart from its argument."""
    out = ""
    for index, node in enumerate(nodes):
        before = nodes[index - 1] if index else Node("mo", "(")
        after = nodes[index + 1] if index + 1 < len(nodes) else Node("mo", "(")
        html = plain_html(node)
        unary = before.tag == "mo" and before.text not in symbols.CLOSE_CHARS
        if node.text in {"−", "+"} and unary:
            html = html.strip()
        named = node.children[0] if node.children and node.tag in {"msup", "msub"} else node
        if named.text in symbols.FUNCTIONS and after.text not in symbols.OPEN_CHARS:
            html += " "
        out += html
    return out


def _atom(node: Node) -> str:
    text = plain_html(node)
    return text if node.tag in {"mn", "mi", "msup"} else f"({text})"
