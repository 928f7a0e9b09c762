"""Text of a page, made fit to read in the report: nothing invisible, bounded, formulas apart from prose.

Escaping is Jinja's, which escapes every value; here characters that would act on the reader without being seen (bidi
overrides, zero-width characters, controls) become visible ones.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.report.mathml import mathml

_DRAWN_CHARS = 30_000
"""MathML of one text after which formulas are shown as source: it is ten times as long as LaTeX."""
_MARKED = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile(r"[^ -~\n\t]")
_LINE = str.maketrans({"\n": "␊", "\t": "␉"})
_FORMULA = re.compile(
    r"(?P<code>^(?P<ticks>`{3,})[^\n]*\n.*?(?:^(?P=ticks)`*[ \t]*$|\Z))"
    r"|(?P<display>(?<!\\)\$\$(?:[^$\\]|\\.|\$(?!\$))+?\$\$)"
    r"|(?P<inline>(?<![\\$])\$(?!\$)(?:[^$\\\n]|\\.|\n(?!\s*\n))+?\$)",
    re.DOTALL | re.MULTILINE,
)
"""Fenced code and formulas. A document's text escapes stray dollars; no inline formula spans a blank line."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `kind` is `prose`, `code`, or the way of a formula: `inline`, `display`.

    `drawn` is a formula's MathML, None where its source has to do.
    """

    kind: str
    text: str
    drawn: Markup | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text in pieces; `whole` when nothing follows it."""

    pieces: tuple[Piece, ...]
    whole: bool


def visible(text: str | None, limit: int) -> str:
    """One line of at most `limit` characters, in which every control and format character can be seen.

    Control characters take their symbol (`␀`), others without a width their code point (`⟦202E⟧`).
    """
    text = text or ""
    shown = _shown(text[: limit + 1]).translate(_LINE)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def excerpt(text: str, limit: int) -> Excerpt:
    """The beginning of a text: line breaks and tabs kept, formulas (drawn) and fenced code in pieces of their own.

    `limit` counts characters as shown, so that it bounds the page whatever the text is made of.
    """
    shown = _shown(text[: limit + 1])
    whole = len(shown) <= limit
    shown = shown[:limit]
    pieces: list[Piece] = []
    end = drawn_chars = 0
    for match in _FORMULA.finditer(shown):
        if match.start() > end:
            pieces.append(Piece("prose", shown[end : match.start()]))
        kind = next(kind for kind in ("code", "display", "inline") if match[kind] is not None)
        drawn = None
        if kind != "code" and drawn_chars < _DRAWN_CHARS:
            drawn = mathml(match[0].strip("$"), kind == "display")
            drawn_chars += len(drawn or "")
        pieces.append(Piece(kind, match[0], drawn))
        end = match.end()
    if end < len(shown):
        pieces.append(Piece("prose", shown[end:]))
    return Excerpt(tuple(pieces), whole)


def _shown(text: str) -> str:
    return _SUSPECT.sub(lambda match: _symbol(match[0]), text)


def _symbol(character: str) -> str:
    if unicodedata.category(character) not in _MARKED:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟦{code:04X}⟧"
