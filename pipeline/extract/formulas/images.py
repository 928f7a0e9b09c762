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
    r"|[?&](?:latex|tex|math|formula|equation|eqn?|LaTeX|texstring|math_?tex)=(?P<query>[^&]+)"
    r"|[?&]cht=tx(?:&(?!chl=)[^&]*)*&chl=(?P<chart>[^&]+)|[?&]chl=(?P<chart2>[^&]+)(?=.*[?&]cht=tx)"
    r"|(?:upmath\.me|s2cms\.ru)/(?:svg|png)/(?P<path>.+)|math\.now\.sh/?\?from=(?P<now>[^&]+)"
    r"|/(?:formula|equation_images|latex|tex|render)/(?P<generic>[^?#]*(?:%5C|\\|%7B|\^|_)[^?#]*)",
    re.IGNORECASE | re.DOTALL,
)
_PREFIX = re.compile(r"^\s*(?:LaTeX|TeX|Formula|Equation|Math)\s*:\s*", re.IGNORECASE)
_PARAMETERS = re.compile(
    r"^(?:\\(?:dpi|bg|fg|inline|large|small|huge|tiny|fn_\w+|color)\s*(?:\{[^{}]*\}|(?=\s))\s*|\\opaque\s*|\\reverse\s*)+"
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
_INLINE = re.compile(r"\\inline(?![a-zA-Z])")


def lift(node: LexborNode, page: Page) -> None:
    """Replace an image that shows a formula."""
    attributes = node.attributes
    alt = attributes.get("alt") or ""
    title = attributes.get("title") or ""
    source = attributes.get("src") or attributes.get("data-src") or attributes.get("data-lazy-src") or ""
    if source.startswith("data:"):
        source = attributes.get("data-src") or ""
    name = attributes.get("class") or ""
    if "\\" not in alt and "$" not in alt and not _MAYBE.search(f"{name} {source[:300]}".lower()):
        return
    lowered = source[:2000].lower()
    service = (
        _SERVICE.search(source) if len(source) < page.limits.tex_chars and ("?" in source or "/" in source) else None
    )
    hinted = bool(service) or bool(name and _HINTS.search(name)) or bool(_URL_HINTS.search(lowered))
    if not hinted and "\\" not in alt and "$" not in alt:
        return
    tex, encoding = "", "image_alt"
    if service is not None:
        value = next(group for group in service.groups() if group)
        tex, encoding = _from_url(value, service), "image_url"
        if not looks_tex(tex) and not _plain(tex, name, lowered):
            tex = ""
    told = _PREFIX.sub("", alt).strip()
    if told.lower() in _UNTOLD or not (looks_tex(told) or (_plain(told, name, lowered) and (hinted and not tex))):
        told = ""
    if told and not hinted and not _certain(told):
        return
    if not tex or (told and len(told) >= len(tex) * 0.5 and "..." not in told):
        tex, encoding = (told, "image_alt") if told else (tex, encoding)
    if not tex:
        heading = _PREFIX.sub("", title).strip()
        if heading and heading.lower() not in _UNTOLD and looks_tex(heading):
            tex, encoding = heading, "image_title"
    if not tex:
        return
    if "\\" not in tex and _CALCULATOR.search(tex):
        tex = to_tex(tex)
    display: bool | None = None
    if re.search(r"display|block|formulaDsp", name) or "%5Cdisplaystyle" in source[:200]:
        display = True if re.search(r"display|block|formulaDsp", name) else None
    if "inline" in name.lower() or _INLINE.search(tex):
        display = False
    if display is None and not tex.startswith(("$", "\\(", "\\[")):
        display = alone(node)
    page.put(node, _PARAMETERS.sub("", _INLINE.sub("", tex)), display, encoding)


def _from_url(value: str, service: re.Match[str]) -> str:
    value = value.partition("#")[0] if "\\" in value or "%" in value else value
    if service["query"] or service["chart"] or service["chart2"] or service["now"]:
        return unquote_plus(value)
    text = unquote(value)
    if service["codecogs"] or service["cgi"]:
        text = text.replace("&space;", " ").replace("&plus;", "+")
        if " " not in text and text.count("+") and service["codecogs"] and "%2B" in value:
            text = unquote_plus(value)
        text = re.sub(r"&(?:formdata|fontsize|space)=[^&]*$", "", text)
    if service["path"] or service["generic"]:
        text = re.sub(r"\.(?:png|svg|gif)$", "", text)
        if "%" in text:
            text = unquote(text)
    return text


def _plain(text: str, name: str, source: str) -> bool:
    """Whether a short text without commands is a formula, given that the image is one."""
    return (
        0 < len(text) < 60
        and len(re.findall(r"[^\W\d_]{3,}", text)) == 0
        and not re.search(r"\.(?:png|gif|jpe?g|svg)$", text)
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
