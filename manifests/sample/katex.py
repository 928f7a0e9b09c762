"""The HTML half of KaTeX: the nested spans that a page holds after KaTeX has run.

The class names and the way scripts and fractions are stacked (`vlist`) are KaTeX's; heights are rounded, since nothing
but a screen needs them. Source of the structure: the output of KaTeX 0.16, described in its own documentation.
"""

from html import escape

from manifests.sample import symbols
from manifests.sample.markup import mathml
from manifests.sample.tex import Node

_SMALL = "sizing reset-size6 size3 mtight"


def katex(tree: Node, tex: str, display: bool, with_mathml: bool = True) -> str:
    """A whole KaTeX formula; without its MathML half it holds no TeX at all."""
    block = ' display="block"' if display else ""
    source = (
        f'<span class="katex-mathml"><math xmlns="http://www.w3.org/1998/Math/MathML"{block}><semantics>{mathml(tree)}'
        f'<annotation encoding="application/x-tex">{escape(tex, quote=False)}</annotation></semantics></math></span>'
    )
    shown = f'<span class="katex-html" aria-hidden="true">{_bases(tree)}</span>'
    inner = f'<span class="katex">{source if with_mathml else ""}{shown}</span>'
    return f'<span class="katex-display">{inner}</span>' if display else inner


def _bases(tree: Node) -> str:
    """KaTeX may break a line after a relation, so each stretch up to one is a base of its own."""
    bases: list[str] = []
    stretch: list[Node] = []
    for child in tree.children:
        stretch.append(child)
        if child.tag == "mo" and child.text in symbols.RELATION_CHARS:
            bases.append(_row(stretch))
            stretch = []
    if stretch:
        bases.append(_row(stretch))
    strut = '<span class="strut" style="height:1em;vertical-align:-0.25em;"></span>'
    return "".join(f'<span class="base">{strut}{base}</span>' for base in bases)


def _space(width: float) -> str:
    return f'<span class="mspace" style="margin-right:{width:.4f}em;"></span>'


def _row(nodes: list[Node]) -> str:
    out: list[str] = []
    for index, node in enumerate(nodes):
        before = nodes[index - 1] if index else None
        if node.tag == "mo" and node.text in symbols.RELATION_CHARS:
            out.append(_space(0.2778) + f'<span class="mrel">{escape(node.text)}</span>' + _space(0.2778))
        elif node.tag == "mo" and node.text in symbols.BINARY_CHARS and before is not None and before.tag != "mo":
            out.append(_space(0.2222) + f'<span class="mbin">{node.text}</span>' + _space(0.2222))
        elif node.tag == "mo" and node.text in symbols.PUNCTUATION:
            out.append(f'<span class="mpunct">{node.text}</span>' + _space(0.1667))
        else:
            out.append(_node(node))
    return "".join(out)


def _node(node: Node) -> str:
    kids = node.children
    match node.tag:
        case "mi":
            return _identifier(node)
        case "mn":
            return f'<span class="mord">{node.text}</span>'
        case "mo":
            return _operator(node)
        case "mtext":
            return f'<span class="mord text"><span class="mord">{escape(node.text)}</span></span>'
        case "mspace":
            return f'<span class="mspace" style="margin-right:{node.attributes["width"]};"></span>'
        case "mfrac":
            return _fraction(node)
        case "msqrt":
            return _root(kids[0], None)
        case "mroot":
            return _root(kids[0], kids[1])
        case "msup":
            return _scripts(kids[0], None, kids[1])
        case "msub":
            return _scripts(kids[0], kids[1], None)
        case "msubsup":
            return _scripts(kids[0], kids[1], kids[2])
        case "mover" if node.attributes.get("accent"):
            return _accent(kids[0], kids[1].text)
        case "munder":
            return _limits(kids[0], kids[1], None)
        case "mover":
            return _limits(kids[0], None, kids[1])
        case "munderover":
            return _limits(kids[0], kids[1], kids[2])
        case "mtable":
            return _table(node)
        case _ if kids and kids[0].attributes.get("fence"):
            return f'<span class="minner">{_row(list(kids))}</span>'
        case _:
            return f'<span class="mord">{_row(list(kids))}</span>'


def _identifier(node: Node) -> str:
    if node.attributes.get("mathvariant") == "bold":
        return f'<span class="mord mathbf">{node.text}</span>'
    if node.text in symbols.FUNCTIONS or len(node.text) > 1:
        return f'<span class="mop">{node.text}</span>' + _space(0.1667)
    if node.text in symbols.DOUBLE_STRUCK.values():
        letter = next(key for key, value in symbols.DOUBLE_STRUCK.items() if value == node.text)
        return f'<span class="mord mathbb">{letter}</span>'
    if node.text in symbols.LETTERS.values() or node.attributes.get("mathvariant") == "normal":
        return f'<span class="mord">{node.text}</span>'
    return f'<span class="mord mathnormal">{node.text}</span>'


def _operator(node: Node) -> str:
    text = node.text
    if node.attributes.get("fence"):
        side = "mopen" if text in symbols.OPEN_CHARS else "mclose"
        return f'<span class="{side}"><span class="delimsizing size2">{text}</span></span>'
    if text in symbols.LARGE_CHARS:
        return f'<span class="mop op-symbol small-op">{text}</span>'
    if text.isalpha():
        return f'<span class="mop">{text}</span>' + _space(0.1667)
    kind = "mopen" if text in symbols.OPEN_CHARS else "mclose" if text in symbols.CLOSE_CHARS else "mord"
    return f'<span class="{kind}">{escape(text)}</span>'


def _stack(layers: list[tuple[float, str]], strut: float = 3.0) -> str:
    """A KaTeX vlist: each layer (its height in em, its HTML), listed from the lowest to the highest as KaTeX does."""
    pstrut = f'<span class="pstrut" style="height:{strut:g}em;"></span>'
    body = "".join(f'<span style="top:{-top:.3f}em;">{pstrut}{html}</span>' for top, html in layers)
    first = f'<span class="vlist-r"><span class="vlist" style="height:1.2em;">{body}</span>'
    if len(layers) == 1:
        return f'<span class="vlist-t">{first}</span></span>'
    second = '<span class="vlist-r"><span class="vlist" style="height:0.686em;"><span></span></span></span>'
    return f'<span class="vlist-t vlist-t2">{first}<span class="vlist-s">\u200b</span></span>{second}</span>'


def _small(node: Node) -> str:
    return f'<span class="{_SMALL}">{_node(node)}</span>'


def _scripts(base: Node, sub: Node | None, sup: Node | None) -> str:
    layers = [(2.55, _small(sub))] if sub else []
    if sup:
        layers.append((3.063, _small(sup)))
    return f'<span class="mord">{_node(base)}<span class="msupsub">{_stack(layers, 2.7)}</span></span>'


def _fraction(node: Node) -> str:
    top, bottom = (f'<span class="mord">{_node(child)}</span>' for child in node.children)
    if node.attributes.get("linethickness") == "0":
        return f'<span class="mfrac">{_stack([(2.314, bottom), (3.677, top)])}</span>'
    line = '<span class="frac-line" style="border-bottom-width:0.04em;"></span>'
    null = '<span class="{} nulldelimiter"></span>'
    stack = _stack([(2.314, bottom), (3.23, line), (3.677, top)])
    return f'<span class="mord">{null.format("mopen")}<span class="mfrac">{stack}</span>{null.format("mclose")}</span>'


def _root(body: Node, index: Node | None) -> str:
    sign = (
        '<span class="hide-tail" style="min-width:0.853em;height:1.08em;"><svg xmlns="http://www.w3.org/2000/svg" '
        'width="400em" height="1.08em" viewBox="0 0 400000 1080"><path d="M95,702c-2.7,0,-7,-3,-13,-8z"/></svg></span>'
    )
    inner = f'<span class="mord" style="padding-left:0.833em;">{_node(body)}</span>'
    left = f'<span class="root">{_stack([(2.9, _small(index))])}</span>' if index else ""
    return f'<span class="mord sqrt">{left}{_stack([(3.0, inner), (2.86, sign)])}</span>'


def _accent(base: Node, mark: str) -> str:
    if mark == "‾":
        line = '<span class="overline-line" style="border-bottom-width:0.04em;"></span>'
        return f'<span class="mord overline">{_stack([(3.0, f"{_node(base)}"), (3.6, line)])}</span>'
    body = f'<span class="accent-body" style="left:-0.25em;"><span class="mord">{mark}</span></span>'
    return f'<span class="mord accent">{_stack([(3.0, _node(base)), (3.1, body)])}</span>'


def _limits(base: Node, under: Node | None, over: Node | None) -> str:
    middle = (
        f'<span class="mop op-symbol large-op">{base.text}</span>' if base.text in symbols.LARGE_CHARS else _node(base)
    )
    layers = [(1.87, _small(under))] if under else []
    layers.append((3.05, f"<span>{middle}</span>"))
    if over:
        layers.append((4.3, _small(over)))
    return f'<span class="mop op-limits">{_stack(layers, 3.05)}</span>' + _space(0.1667)


def _table(node: Node) -> str:
    columns: list[str] = []
    rows = [row.children for row in node.children]
    for column in range(max(len(row) for row in rows)):
        cells = [row[column] if column < len(row) else Node("mtd") for row in rows]
        layers = [
            (3.61 - 1.2 * i, f'<span class="mord">{_row(list(cell.children))}</span>') for i, cell in enumerate(cells)
        ]
        columns.append(f'<span class="col-align-c">{_stack(layers)}</span>')
    gap = '<span class="arraycolsep" style="width:0.5em;"></span>'
    return f'<span class="mord"><span class="mtable">{f"{gap}{gap}".join(columns)}</span></span>'
