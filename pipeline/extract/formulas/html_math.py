"""Formulas written with HTML alone: italics, `<sup>`, `<sub>` and Unicode."""

import re

from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import FUNCTIONS, chars_tex, join

_WORD = re.compile(r"[a-zA-Z]{2,}|[^a-zA-Z]+|[a-zA-Z]")


def to_tex(node: Element) -> str:
    """LaTeX of an element that holds a formula in HTML."""
    return _row(node).strip()


def run_tex(text: str, words: bool = True) -> str:
    """LaTeX of running text: function names as commands, words upright."""
    pieces: list[str] = []
    for word in _WORD.findall(" ".join(text.split()) if text.strip() else ""):
        if len(word) > 1 and word.isalpha() and word.isascii():
            pieces.append("\\" + word if word in FUNCTIONS else f"\\mathrm{{{word}}}" if words else word)
        else:
            pieces.append(chars_tex(word))
    return join(pieces)


def _row(node: Element) -> str:
    pieces: list[str] = []
    for child in node.children:
        if isinstance(child, str):
            pieces.append(run_tex(child))
        elif child.tag in ("sup", "sub"):
            inner = _row(child).strip()
            mark = "^" if child.tag == "sup" else "_"
            if inner:
                pieces.append(f"{mark}{inner}" if len(inner) == 1 else f"{mark}{{{inner}}}")
        elif child.tag in ("i", "em", "var"):
            text = child.text()
            pieces.append(run_tex(text, words=False) if not child.elements else _row(child))
        elif child.tag in ("b", "strong"):
            inner = _row(child)
            pieces.append(f"\\mathbf{{{inner}}}" if inner else "")
        elif child.tag == "br":
            pieces.append(" ")
        else:
            pieces.append(_row(child))
    return join(pieces)
