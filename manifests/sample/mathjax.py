"""What MathJax leaves in a page: version 2 a script and a rendered copy, version 3 CHTML and assistive MathML."""

from html import escape

from manifests.sample import symbols
from manifests.sample.markup import mathml
from manifests.sample.tex import Node

_XMLNS = "http://www.w3.org/1998/Math/MathML"
_ITALIC = {letter: chr(0x1D434 + i) for i, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_ITALIC |= {letter: chr(0x1D44E + i) for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")} | {"h": "ℎ"}


def math_element(tree: Node, display: bool) -> str:
    """The `math` element that MathJax keeps for screen readers: no annotation."""
    block = ' display="block"' if display else ""
    return f'<math xmlns="{_XMLNS}"{block}>{"".join(mathml(child) for child in tree.children)}</math>'


def mathjax2_script(tex: str, display: bool) -> str:
    """A formula before MathJax 2 has run: a preview and a script."""
    mode = "; mode=display" if display else ""
    shown = escape(tex, quote=False)
    return f'<span class="MathJax_Preview">{shown}</span><script type="math/tex{mode}">{tex}</script>'


def mathjax2_rendered(tree: Node, tex: str, display: bool, number: int) -> str:
    """A formula after MathJax 2 has run: rendered spans, assistive MathML, and the script that holds the source."""
    math = math_element(tree, display)
    spans = _Spans(number * 60)
    inner = f'<nobr aria-hidden="true">{spans.wrap("math", spans.render(tree))}</nobr>'
    assistive = f'<span class="MJX_Assistive_MathML" role="presentation">{math}</span>'
    frame = (
        f'<span class="MathJax" id="MathJax-Element-{number}-Frame" tabindex="0" data-mathml="{escape(math)}" '
        f'role="presentation" style="position: relative;">{inner}{assistive}</span>'
    )
    if display:
        frame = f'<div class="MathJax_Display" style="text-align: center;">{frame}</div>'
    mode = "; mode=display" if display else ""
    script = f'<script type="math/tex{mode}" id="MathJax-Element-{number}">{tex}</script>'
    return f'<span class="MathJax_Preview" style="color: inherit;"></span>{frame}{script}'


class _Spans:
    """MathJax 2 HTML-CSS output: one numbered span per MathML element."""

    def __init__(self, first: int) -> None:
        self.number = first

    def wrap(self, kind: str, inner: str, style: str = "") -> str:
        self.number += 1
        extra = f' style="{style}"' if style else ""
        return f'<span class="{kind}" id="MathJax-Span-{self.number}"{extra}>{inner}</span>'

    def render(self, node: Node) -> str:
        if node.tag in {"mi", "mn", "mo", "mtext"}:
            italic = node.tag == "mi" and len(node.text) == 1
            font = "MathJax_Math-italic" if italic else "MathJax_Main"
            return self.wrap(node.tag, escape(node.text), f"font-family: {font};")
        inner = "".join(self.render(child) for child in node.children)
        box = '<span style="display: inline-block; position: relative; height: 0px;">{}</span>'
        return self.wrap(node.tag, box.format(inner) if node.tag != "mrow" else inner)


def mathjax3(tree: Node, display: bool) -> str:
    """A formula after MathJax 3 has run with CHTML output; the glyphs are drawn by CSS, the MathML is the only text."""
    mode = ' display="true"' if display else ""
    shown = "".join(_chtml(child) for child in tree.children)
    kind = "block" if display else "inline"
    style = "font-size: 119.5%; position: relative;"
    copy = f'<mjx-assistive-mml unselectable="on" display="{kind}">{math_element(tree, display)}</mjx-assistive-mml>'
    return (
        f'<mjx-container class="MathJax CtxtMenu_Attached_0" jax="CHTML"{mode} tabindex="0" ctxtmenu_counter="0" '
        f'style="{style}"><mjx-math class="MJX-TEX" aria-hidden="true"{mode}>{shown}</mjx-math>{copy}</mjx-container>'
    )


def _glyphs(node: Node) -> str:
    italic = node.tag == "mi" and len(node.text) == 1
    out = []
    for char in node.text:
        glyph = _ITALIC.get(char, char) if italic else char
        font = " TEX-I" if italic and char in _ITALIC else ""
        out.append(f'<mjx-c class="mjx-c{ord(glyph):X}{font}"></mjx-c>')
    return "".join(out)


def _chtml(node: Node) -> str:
    kids = [_chtml(child) for child in node.children]
    match node.tag:
        case "mi" | "mn" | "mo" | "mtext":
            space = ' space="4"' if node.text in symbols.RELATION_CHARS else ""
            kind = ' class="mjx-i"' if node.tag == "mi" and len(node.text) == 1 else ' class="mjx-n"'
            return f"<mjx-{node.tag}{kind}{space}>{_glyphs(node)}</mjx-{node.tag}>"
        case "mspace":
            return f'<mjx-mspace style="width: {node.attributes["width"]};"></mjx-mspace>'
        case "mfrac":
            return (
                f"<mjx-mfrac><mjx-frac><mjx-num><mjx-nstrut></mjx-nstrut>{kids[0]}</mjx-num><mjx-dbox><mjx-dtable>"
                f"<mjx-line></mjx-line><mjx-row><mjx-den><mjx-dstrut></mjx-dstrut>{kids[1]}</mjx-den></mjx-row>"
                "</mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac>"
            )
        case "msup" | "msub":
            align = "0.363em" if node.tag == "msup" else "-0.15em"
            script = f'<mjx-script style="vertical-align: {align};">{kids[1]}</mjx-script>'
            return f"<mjx-{node.tag}>{kids[0]}{script}</mjx-{node.tag}>"
        case "msubsup":
            both = f'{kids[2]}<mjx-spacer style="margin-top: 0.18em;"></mjx-spacer>{kids[1]}'
            return (
                f'<mjx-msubsup>{kids[0]}<mjx-script style="vertical-align: -0.25em;">{both}</mjx-script></mjx-msubsup>'
            )
        case "msqrt" | "mroot":
            index = f"<mjx-root>{kids[1]}</mjx-root>" if node.tag == "mroot" else ""
            surd = '<mjx-surd><mjx-mo class="mjx-n"><mjx-c class="mjx-c221A"></mjx-c></mjx-mo></mjx-surd>'
            return f"<mjx-{node.tag}>{index}<mjx-sqrt>{surd}<mjx-box>{kids[0]}</mjx-box></mjx-sqrt></mjx-{node.tag}>"
        case _:
            return f"<mjx-{node.tag}>{''.join(kids)}</mjx-{node.tag}>"
