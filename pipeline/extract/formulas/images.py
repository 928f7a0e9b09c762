"""Formulas as images: LaTeX from the alternative text, the title, or the address of the service that drew them."""

import re
from urllib.parse import unquote, unquote_plus

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.page import Page, alone, looks_tex

TAGS = frozenset({"img"})
_SERVICE = re.compile(
    r"(?:math|mime)tex\.cgi\?(?P<cgi>.+)"
    r"|/(?:gif|png|svg|pdf|emf|swf|html|jpe?g)\.(?:latex|image|download)\?(?P<codecogs>.+)"
    r"|[?&](?:latex|tex|math|texstring|math_?tex)=(?P<query>[^&]+)|[?&](?:formula|equation|eqn?)=(?P<doubtful>[^&]+)"
    r"|(?:upmath\.me|s2cms\.ru)/(?:svg|png)/(?P<path>.+)|math\.now\.sh/?\?from=(?P<now>[^&]+)",
    re.IGNORECASE | re.DOTALL,
)
_CHART = re.compile(r"[?&]chl=(?P<chart>[^&]+)")
_PATH = re.compile(r"/(?:formula|equation_images|latex|tex|render)/(?P<generic>[^?#]+)", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*(?:LaTeX|TeX|Formula|Equation|Math)\s*:\s*", re.IGNORECASE)
_PARAMETERS = re.compile(
    r"^(?:\\(?:dpi|bg|fg|fn|color)(?:_\w+)?\s*(?:\{[^{}]*\}|(?=[\s\\]))\s*"
    r"|\\(?:inline|opaque|reverse|[lL]arge|LARGE|[hH]uge|small|tiny|normalsize)(?![a-zA-Z])\s*)+"
)
_HINTS = re.compile(
    r"(?:^|[\s_-])(?:latex|tex|math|equation|formula\w*|texrender|mathtex|mimetex|eqn|wirisformula|ql-img|katex|mwe-math\S*)(?:$|[\s_-])"
    r"|(?:inline|display)formula|numberedequation|formula(?:Inl|Dsp)|[tT]exImage|mathimg|wp-katex",
    re.IGNORECASE,
)
_URL_HINTS = re.compile(
    r"latex|mathtex|mimetex|/tex/|/math/|codecogs|equation|formula|wikimedia\.org/api/rest_v1/media/math|pix\.php|texvc|eqn",
    re.IGNORECASE,
)
# What the class or the address of every formula's image has one of; most images stop here.
_MAYBE = re.compile(r"te?x|math|formula|equation|eqn|cht=|codecogs|ql-|upmath|s2cms|eq=|pix\.php")
_UNTOLD = frozenset(
    {
        "",
        "tex",
        "latex",
        "formula",
        "equation",
        "image",
        "math",
        "img",
        "[math]",
        "[latex]",
        "[tex]",
        "eq",
        "mathematics formula",
    }
)
_CALCULATOR = re.compile(r"[_^]\([^()]*\)")  # AsciiMath, as MathWorld writes its alternative texts
_DISPLAY = re.compile(r"display|block|formulaDsp|numberedequation")
_NUMBER = re.compile(r"(?:\\ ){3,}\(\d+(?:\.\d+)*\)$")  # set apart by hand: WordPress has no other way
_INLINE = re.compile(r"\\inline(?![a-zA-Z])")


def lift(node: LexborNode, page: Page) -> None:
    """Replace an image that shows a formula."""
    attributes = node.attributes
    alt = attributes.get("alt") or ""
    source = attributes.get("src") or ""
    if not source or source.startswith("data:"):
        source = attributes.get("data-src") or attributes.get("data-lazy-src") or ""
    name = attributes.get("class") or ""
    if "\\" not in alt and "$" not in alt and not _MAYBE.search(f"{name} {source[:300]}".lower()):
        return
    if len(source) > page.limits.tex_chars:
        return
    service = _CHART.search(source) if "cht=tx" in source else _SERVICE.search(source) or _PATH.search(source)
    drawn = _from_url(service) if service is not None else ""
    hinted = bool(drawn) or bool(_HINTS.search(name)) or bool(_URL_HINTS.search(source[:2000]))
    if not hinted and not _certain(alt.strip()):
        return
    told = _told(alt, hinted and not drawn)
    title = _told(attributes.get("title") or "", False)
    if told and ("..." in told or len(told) < len(drawn) * 0.5):
        told = ""  # cut short for readers by ear
    found = [(told, "image_alt"), (drawn, "image_url"), (title, "image_title")]
    tex, encoding = next((pair for pair in found if pair[0]), ("", ""))
    if not tex:
        return
    display = _display(node, name, tex)
    if "\\" not in tex and _CALCULATOR.search(tex):
        tex = to_tex(tex)
    page.put(node, _NUMBER.sub("", _PARAMETERS.sub("", _INLINE.sub("", tex))), display, encoding)


def _told(text: str, plain: bool) -> str:
    """A formula that an attribute's text is, "" when it is none; `plain`: one without commands will do."""
    text = _PREFIX.sub("", text).strip()
    if text.lower() in _UNTOLD:
        return ""
    return text if looks_tex(text) or (plain and _plain(text)) else ""


def _display(node: LexborNode, name: str, tex: str) -> bool | None:
    """Whether the image is a display formula; None leaves it to the delimiters in the text."""
    if "inline" in name.lower() or _INLINE.search(tex):
        return False
    if _DISPLAY.search(name):
        return True
    return None if tex.startswith(("$", "\\(", "\\[")) else alone(node)


def _from_url(service: re.Match[str]) -> str:
    """The formula in an address, "" when what stands there is none."""
    kind, value = service.lastgroup, service[service.lastgroup or 0]
    value = value.partition("#")[0]
    if kind in ("query", "doubtful", "chart", "now"):
        text = unquote_plus(value)
    else:
        text = unquote(value).replace("&space;", " ").replace("&plus;", "+")
        if kind == "codecogs" and " " not in text and "+" in text and "%2B" in value:
            text = unquote_plus(value)
        if kind in ("path", "generic"):
            text = unquote(re.sub(r"\.(?:png|svg|gif)$", "", text))
    return text if looks_tex(text) or (kind not in ("doubtful", "generic") and _plain(text)) else ""


def _plain(text: str) -> bool:
    """Whether a short text without commands is a formula, given that the image is one."""
    return (
        0 < len(text) < 60
        and len(re.findall(r"[^\W\d_]{3,}", text)) == 0
        and not re.search(r"\.(?:png|gif|jpe?g|svg)$|\n|--", text)
    )


def _certain(text: str) -> bool:
    """Whether alternative text is LaTeX beyond doubt, on an image that nothing else calls a formula."""
    if re.match(r"\$.*\$$|\\\(.*\\\)$|\\\[.*\\\]$|\{\\displaystyle", text, re.DOTALL):
        return not re.match(r"\$\d", text)
    return bool(
        re.search(
            r"\\(?:frac|sqrt|sum|int|alpha|beta|left|mathbf|mathbb|mathcal|begin|cdot|leq?|geq?|in|to|times)(?![a-zA-Z])",
            text,
        )
    )
