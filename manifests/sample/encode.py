"""One formula in each of the ways the web writes mathematics."""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

from manifests.sample import katex, mathjax
from manifests.sample.markup import asciimath, mathml, plain_html
from manifests.sample.tex import parse

_XMLNS = 'xmlns="http://www.w3.org/1998/Math/MathML"'

# tex, display, number of the formula on its page → HTML
Encoder = Callable[[str, bool, int], str]


def _mathml_annotated(tex: str, display: bool, number: int) -> str:
    kind = "block" if display else "inline"
    note = f'<annotation encoding="application/x-tex">{escape(tex, quote=False)}</annotation>'
    return f'<math display="{kind}" {_XMLNS}><semantics>{mathml(parse(tex, display))}{note}</semantics></math>'


def _mathml_alttext(tex: str, display: bool, number: int) -> str:
    kind = "block" if display else "inline"
    style = "\\displaystyle " if display else ""
    math = (
        f'<math id="S1.m{number}" class="ltx_Math" alttext="{escape(style + tex)}" display="{kind}">'
        f"{mathml(parse(tex, display))}</math>"
    )
    if not display:
        return math
    return (
        f'<table id="S1.E{number}" class="ltx_equation ltx_eqn_table"><tbody><tr class="ltx_equation ltx_eqn_row">'
        f'<td class="ltx_eqn_cell ltx_align_center">{math}</td><td class="ltx_eqn_cell ltx_eqn_eqno ltx_align_right">'
        f'<span class="ltx_tag ltx_tag_equation ltx_align_right">({number})</span></td></tr></tbody></table>'
    )


def _mathml_bare(tex: str, display: bool, number: int) -> str:
    kind = ' display="block"' if display else ""
    return f"<math {_XMLNS}{kind}>{mathml(parse(tex, display))}</math>"


def _katex(tex: str, display: bool, number: int) -> str:
    return katex.katex(parse(tex, display), tex, display)


def _katex_html(tex: str, display: bool, number: int) -> str:
    return katex.katex(parse(tex, display), tex, display, with_mathml=False)


def _mathjax2_script(tex: str, display: bool, number: int) -> str:
    return mathjax.mathjax2_script(tex, display)


def _mathjax2_rendered(tex: str, display: bool, number: int) -> str:
    return mathjax.mathjax2_rendered(parse(tex, display), tex, display, number)


def _mathjax3(tex: str, display: bool, number: int) -> str:
    return mathjax.mathjax3(parse(tex, display), display)


def _dollars(tex: str, display: bool, number: int) -> str:
    mark = "$$" if display else "$"
    return f"{mark}{escape(tex, quote=False)}{mark}"


def _brackets(tex: str, display: bool, number: int) -> str:
    opening, closing = ("\\[", "\\]") if display else ("\\(", "\\)")
    return f"{opening} {escape(tex, quote=False)} {closing}"


def _sphinx(tex: str, display: bool, number: int) -> str:
    if display:
        return f'<div class="math notranslate nohighlight">\n\\[{escape(tex, quote=False)}\\]</div>'
    return f'<span class="math notranslate nohighlight">\\({escape(tex, quote=False)}\\)</span>'


def _mediawiki(tex: str, display: bool, number: int) -> str:
    kind = "block" if display else "inline"
    alt = escape(f"{{\\displaystyle {tex}}}")
    math = (
        f'<math {_XMLNS} alttext="{alt}"><semantics>{mathml(parse(tex, True))}'
        f'<annotation encoding="application/x-tex">{alt}</annotation></semantics></math>'
    )
    return (
        f'<span class="mwe-math-element mwe-math-element-{kind}">'
        f'<span class="mwe-math-mathml-{kind} mwe-math-mathml-a11y" style="display: none;">{math}</span>'
        f'<img src="/media/math/render/svg/{_digest(tex)}" '
        f'class="mwe-math-fallback-image-{kind} mw-invert" aria-hidden="true" alt="{alt}"/></span>'
    )


def _wordpress(tex: str, display: bool, number: int) -> str:
    source = f"https://s0.wp.com/latex.php?latex={quote(tex, safe='')}&#038;bg=ffffff&#038;fg=333333&#038;s=0"
    image = f'<img src="{source}" alt="{escape(tex)}" title="{escape(tex)}" class="latex" />'
    return f'<p style="text-align:center;">{image}</p>' if display else image


def _codecogs(tex: str, display: bool, number: int) -> str:
    prefix = "" if display else "\\inline&amp;space;"
    source = (
        "https://latex.codecogs.com/gif.latex?"
        + prefix
        + quote(tex, safe="\\{}^_=+-()/,!'[]|*").replace("%20", "&amp;space;")
    )
    image = f'<img src="{source}" alt="" border="0" />'
    return f'<div align="center">{image}</div>' if display else image


def _plain(tex: str, display: bool, number: int) -> str:
    shown = " ".join(plain_html(parse(tex)).split())
    return f"<blockquote>{shown}</blockquote>" if display else shown


def _asciimath(tex: str, display: bool, number: int) -> str:
    shown = escape("`" + " ".join(asciimath(parse(tex)).split()) + "`", quote=False)
    return f'<div class="am">{shown}</div>' if display else shown


def _digest(tex: str) -> str:
    """Forty hexadecimal digits in the manner of a render service's file name; any stable number will do."""
    value = 0
    for char in tex:
        value = (value * 1_000_003 + ord(char)) % (1 << 160)
    return f"{value:040x}"


ENCODERS: dict[str, Encoder] = {
    "mathml-annotation": _mathml_annotated,
    "mathml-alttext": _mathml_alttext,
    "mathml-bare": _mathml_bare,
    "katex": _katex,
    "katex-html": _katex_html,
    "mathjax2-script": _mathjax2_script,
    "mathjax2-rendered": _mathjax2_rendered,
    "mathjax3": _mathjax3,
    "dollars": _dollars,
    "brackets": _brackets,
    "sphinx": _sphinx,
    "mediawiki": _mediawiki,
    "wordpress": _wordpress,
    "codecogs": _codecogs,
    "plain": _plain,
    "asciimath": _asciimath,
}
