"""LaTeX of a document as MathML that a browser draws without fonts, scripts or network; hostile LaTeX stays inert.

latex2mathml makes the tree, but lets a page's text through as markup and its styles, links and colours as attributes.
The tree is therefore written out again here: known elements, known attributes with harmless values, escaped text.
"""

import html
import re
import unicodedata
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

LIMIT_CHARS = 800
"""A longer formula is shown as source."""
_LIMIT_DEPTH = 60
_CANNOT: tuple[type[Exception], ...] = (
    *(error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, Exception)),
    LookupError,  # unknown delimiters end in one
    StopIteration,  # as do braces that never close
    ValueError,  # as do environments
    RecursionError,  # \sqrt\sqrt\sqrt…
)
"""What latex2mathml raises on LaTeX that it does not know or that is cut off."""
_ELEMENTS = frozenset(
    "math mi mn mo mtext mspace ms mrow mfrac msqrt mroot mstyle mpadded mphantom msub msup msubsup munder mover "
    "munderover mmultiscripts mprescripts none mtable mtr mlabeledtr mtd".split()
)
_WORD = re.compile(r"[a-z-]{1,16}( [a-z-]{1,16}){0,15}")
_SIZE = re.compile(r"\d{1,2}(\.\d{1,3})?(em|ex|px|pt)?|0")
_SIZES = re.compile(rf"({_SIZE.pattern})( ({_SIZE.pattern})){{0,15}}")
_ATTRIBUTES = {
    **dict.fromkeys(("stretchy", "fence", "form", "accent", "movablelimits", "separator", "displaystyle"), _WORD),
    **dict.fromkeys(("columnalign", "rowlines", "columnlines"), _WORD),
    **dict.fromkeys(("width", "minsize", "maxsize", "linethickness", "lspace", "rspace"), _SIZE),
    **dict.fromkeys(("rowspacing", "columnspacing"), _SIZES),
    "scriptlevel": re.compile(r"[+-]?\d"),
}
_MACRO = re.compile(r"\\[A-Za-z]")


@lru_cache(maxsize=4096)
def mathml(latex: str, display: bool) -> Markup | None:
    """A formula (LaTeX without its dollars) as a `<math>` element; None when it cannot be drawn faithfully.

    That is: longer than `LIMIT_CHARS`, deeper than a browser should lay out, not understood by latex2mathml, or with a
    command that it would spell out as letters. Its source is then the thing to show.
    """
    if len(latex) > LIMIT_CHARS or not latex.strip():
        return None
    try:
        tree = convert_to_element(latex)
    except _CANNOT:
        return None
    pieces: list[str] = []
    if not _write(tree, pieces, 0):
        return None
    mode = ' display="block"' if display else ""
    return Markup(f"<math{mode}>{''.join(pieces[1:])}")


def _write(element: Element, pieces: list[str], depth: int) -> bool:
    """Append an element's markup; False when the tree holds what must not or cannot be shown."""
    if depth > _LIMIT_DEPTH:
        return False
    tag = "mrow" if element.tag == "menclose" else element.tag
    if tag not in _ELEMENTS:
        return False
    attributes = "".join(
        f' {name}="{value}"'
        for name, value in element.attrib.items()
        if (pattern := _ATTRIBUTES.get(name)) is not None and pattern.fullmatch(value)
    )
    text = html.unescape(element.text or "")
    if _MACRO.match(text) and tag != "mtext":
        return False
    variant = element.attrib.get("mathvariant", "")
    if tag == "mi" and variant == "normal":
        attributes += ' mathvariant="normal"'
    pieces.append(f"<{tag}{attributes}>")
    pieces.append(str(escape("".join(_letters().get((variant, letter), letter) for letter in text))))
    for child in element:
        if not _write(child, pieces, depth + 1):
            return False
    pieces.append(f"</{tag}>")
    return True


@lru_cache(maxsize=1)
def _letters() -> dict[tuple[str, str], str]:
    """(mathvariant, letter) → the letter of a mathematical alphabet: browsers know no `mathvariant` but normal.

    Read off the character database: 𝔸 is named MATHEMATICAL DOUBLE-STRUCK CAPITAL A and decomposes to A; the letters
    that stood elsewhere before (ℝ, ℒ, ℭ) have names of their own, without the first word and with older ones.
    """
    older = {"BLACK-LETTER": "fraktur", "DOUBLE-STRUCK": "double-struck", "SCRIPT": "script"}
    found: dict[tuple[str, str], str] = {}
    for code in (*range(0x2102, 0x2139), *range(0x1D400, 0x1D800)):
        name = unicodedata.name(chr(code), "")
        plain = unicodedata.normalize("NFKC", chr(code))
        style, separator, _ = name.removeprefix("MATHEMATICAL ").rpartition(
            " CAPITAL " if " CAPITAL " in name else " DIGIT " if " DIGIT " in name else " SMALL "
        )
        if separator and len(plain) == 1 and plain != chr(code):
            known = older.get(style) or (style.lower().replace(" ", "-") if name.startswith("MATHEMATICAL ") else "")
            if known:
                found[known, plain] = chr(code)
    return found
