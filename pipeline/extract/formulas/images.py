"""Formulas as images: LaTeX from the alternative text, the title, or the address of the service that drew them."""

import re
from urllib.parse import unquote, unquote_plus

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.latex import clean
from pipeline.extract.formulas.page import CLOSE, OPEN, Page, alone, is_blank_text, looks_tex, only_child

TAGS = frozenset({"img"})
_SERVICE = re.compile(
    r"(?:math|mime)tex\.cgi\?(?P<cgi>.+)"
    r"|/(?:gif|png|svg|pdf|emf|swf|html|jpe?g)\.(?:latex|image|download)\?(?P<codecogs>.+)"
    r"|[?&](?:latex|tex|math|texstring|math_?tex)=(?P<query>[^&]+)|[?&](?:formula|equation|eqn?)=(?P<doubtful>[^&]+)"
    r"|(?:upmath\.me|s2cms\.ru)/(?:svg|png)/(?P<path>.+)|math\.(?:now\.sh|vercel\.app)/?\?from=(?P<now>[^&]+)",
    re.IGNORECASE | re.DOTALL,
)
_CHART = re.compile(r"[?&]chl=(?P<chart>[^&]+)")
_PATH = re.compile(r"/(?:formula|equation_images|latex|tex|render)/(?P<generic>[^?#]+)", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*(?:LaTeX|TeX|Formula|Equation|Math)\s*:\s*", re.IGNORECASE)
_PARAMETERS = re.compile(
    r"^\s*(?:\\(?:dpi|bg|fg|fn|color)(?:_\w+)?\s*(?:\{[^{}]*\}|(?=[\s\\]))\s*"
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
_MARKED = re.compile(r"[\\$]|[\^_]\{")  # alternative text that may be LaTeX, whatever the image is
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
# AsciiMath, as MathWorld writes its alternative texts
_CALCULATOR = re.compile(r"[_^]\([^()]*\)|(?<![a-zA-Z])(?:int|sum|prod|sqrt|lim|alpha|beta|pi|infty|theta)(?![a-zA-Z])")
_DISPLAY = re.compile(r"display|block|formulaDsp|numberedequation")
_NUMBER = re.compile(r"(?:\\ ){3,}\(\d+(?:\.\d+)*\)$")  # set apart by hand: WordPress has no other way
_INLINE = re.compile(r"\\inline(?![a-zA-Z])")
_BETWEEN = re.compile(r"[\s{}]+")


def lift(node: LexborNode, page: Page) -> None:
    """Replace an image that shows a formula."""
    attributes = node.attributes
    alt = attributes.get("alt") or ""
    source = attributes.get("src") or ""
    if not source or source.startswith("data:"):
        source = attributes.get("data-src") or attributes.get("data-lazy-src") or ""
    name = attributes.get("class") or ""
    if not _MARKED.search(alt) and not _MAYBE.search(f"{name} {source[:300]}".lower()):
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
    target = node
    if node.parent is not None and node.parent.tag == "noscript" and only_child(node.parent, node):
        target = node.parent  # what stands before it needs scripts, and may be the same image, or nothing at all
    tex = _NUMBER.sub("", _PARAMETERS.sub("", _INLINE.sub("", tex)))
    if _repeats(target, tex, page):
        target.decompose()
    else:
        page.put(target, tex, display, encoding)


def _repeats(node: LexborNode, tex: str, page: Page) -> bool:
    """Whether the formula right before a node is the same: an image for browsers that cannot show the other form."""
    before = node.prev
    while before is not None and is_blank_text(before):
        before = before.prev
    if before is None:
        return False
    text = ((before.text_content if before.tag == "-text" else before.text(deep=True)) or "").rstrip()
    last = text[text.rfind(OPEN) + 1 : -1]
    return text.endswith(CLOSE) and _letters(page.formulas[int(last)].tex) == _letters(clean(tex)[0])


def _letters(tex: str) -> str:
    """A formula as it is compared: without spaces and braces."""
    return _BETWEEN.sub("", tex)


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
        if kind in ("path", "generic", "now"):
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
            r"[\w)}][\^_]\{|\\(?:frac|sqrt|sum|int|alpha|beta|left|mathbf|mathbb|mathcal|begin|cdot|leq?|geq?|in|to|times)(?![a-zA-Z])",
            text,
        )
    )
