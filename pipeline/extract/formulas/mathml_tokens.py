"""Token elements of MathML to LaTeX: identifiers, numbers, operators, words and spaces."""

import re

from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import FENCES, FUNCTIONS, INVISIBLE, VARIANTS, chars_tex, styled

_SPACE = re.compile(r"\s+")
_LENGTH = re.compile(r"(-?[\d.]+)\s*(em|ex|px|pt|mu|in|cm|mm|%)?$")
_EM = {"em": 1.0, "ex": 0.43, "px": 0.06, "pt": 0.1, "mu": 1 / 18, "in": 7.0, "cm": 2.8, "mm": 0.28, "": 1.0}
_NAMED_SPACE = {"veryverythinmathspace": 1 / 18, "verythinmathspace": 2 / 18, "thinmathspace": 3 / 18,
                "mediummathspace": 4 / 18, "thickmathspace": 5 / 18, "verythickmathspace": 6 / 18}  # fmt: skip
_WIDTHS = {"\u200a": 0.06, "\u2009": 0.17, "\u202f": 0.17, "\u2006": 0.17, "\u205f": 0.22, "\u2005": 0.21,
           "\u2004": 0.33, "\u2002": 0.5, "\u2003": 1.0}  # fmt: skip
_BLANK = "".join(INVISIBLE) + " \n\t\r\xa0" + "".join(_WIDTHS)
_TEXT_COMMANDS = {"\\mathbf": "\\textbf", "\\mathtt": "\\texttt", "\\mathsf": "\\textsf", "\\boldsymbol": "\\textbf"}
_TEXT_SPECIAL = re.compile(r"[#$%&_{}~^\\]")
_TEXT_ESCAPES = {"~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\\": "\\textbackslash{}"}
_BARS = "|‖∣∥"


def mi(node: Element) -> str:
    """An identifier: a letter, a function's name or a word."""
    text = _SPACE.sub(" ", node.text()).strip()
    if not text:
        return ""
    variant = node.get("mathvariant")
    if len(text) == 1:
        return FENCES[text] if text in _BARS else in_variant(text, variant)
    bare = "".join(char for char in text if char not in INVISIBLE)
    name = bare.replace("\u2009", " ").replace("\xa0", " ")
    if name in FUNCTIONS and variant in ("", "normal"):
        return "\\" + name
    if name in ("lim sup", "lim inf"):
        return "\\" + name.replace(" ", "")
    if name == "mod" and variant in ("", "normal"):
        return "\\bmod "
    if len(bare) == 1:
        return in_variant(bare, variant)
    letters = "".join(styled(char)[0] for char in bare)
    if letters.isascii() and letters.isalpha():
        if letters != bare:
            fonts = {styled(char)[1] for char in bare}
            if len(fonts) == 1:
                font = fonts.pop()
                return f"{font}{{{letters}}}" if font else letters
            return chars_tex(bare)
        if variant in ("", "normal"):
            return f"\\mathrm{{{bare}}}"
        font = VARIANTS.get(variant, "")
        return f"{font}{{{bare}}}" if font else f"\\mathit{{{bare}}}"
    if any(char.isspace() for char in bare):
        return text_tex(bare)
    return in_variant(bare, variant)


def in_variant(text: str, variant: str) -> str:
    """Characters in a mathvariant."""
    inner = chars_tex(text)
    font = VARIANTS.get(variant, "") if variant else ""
    if variant == "normal" and not (text.isascii() and text.isalpha()):
        return inner
    if not font or not inner or inner.startswith("\\math"):
        return inner
    if font == "\\mathbf" and not text.isascii():
        font = "\\boldsymbol"
    return f"{font}{{{inner}}}"


def mn(node: Element) -> str:
    """A number."""
    text = "".join(node.text().split())
    return in_variant(text, node.get("mathvariant")) if text else ""


def mo(node: Element) -> str:
    """An operator or a fence."""
    text = _SPACE.sub(" ", node.text()).strip()
    if not text:
        return ""
    if len(text) > 1:
        bare = "".join(char for char in text if char not in INVISIBLE)
        if bare in FUNCTIONS:
            return "\\" + bare
        if bare in ("lim sup", "lim inf"):
            return "\\" + bare.replace(" ", "")
        if bare.isascii() and bare.isalpha() and len(bare) > 1:
            return {"mod": "\\bmod "}.get(bare, f"\\operatorname{{{bare}}}")
        if " " in bare:
            return text_tex(bare)
    if text == "∥" and (node.get("fence") == "true" or node.get("form") in ("prefix", "postfix")):
        return FENCES[text]
    variant = node.get("mathvariant")
    return in_variant(text, variant if variant != "normal" else "")


def text_tex(text: str, command: str = "\\text") -> str:
    """Words inside a formula."""
    if not text.strip(_BLANK):
        return _blank(text)
    text = _SPACE.sub(" ", text.replace("\xa0", " "))
    if len(text) == 1 and not text.isalnum():
        return chars_tex(text)
    plain = "".join(styled(char)[0] for char in text if char not in INVISIBLE)
    if plain != text and command == "\\text":
        command = _TEXT_COMMANDS.get(next((styled(char)[1] for char in text if char.isalpha()), ""), command)
    escaped = _TEXT_SPECIAL.sub(lambda match: _TEXT_ESCAPES.get(match[0], "\\" + match[0]), plain)
    return f"{command}{{{escaped}}}"


def _blank(text: str) -> str:
    """Space written with characters: KaTeX's MathML has nothing else, a negative one with U+2063 behind it."""
    if "\u2063" in text:
        return "\\!"
    width = sum(_WIDTHS.get(char, 0.0) for char in text)
    return "\\ " if " " in text or "\xa0" in text or "\n" in text else _space(width)


def mspace(node: Element) -> str:
    """A space, as the nearest of LaTeX's."""
    if node.get("linebreak") == "newline":
        return "\\\\ "
    width = node.get("width")
    em = _NAMED_SPACE.get(width)
    if em is None:
        match = _LENGTH.match(width.strip())
        em = (
            float(match[1]) * _EM.get(match[2] or "", 0)
            if match and match[1].count(".") < 2 and match[1] not in ("-", ".", "-.")
            else 0.0
        )
    return _space(em)


def _space(em: float) -> str:
    """The nearest of LaTeX's spaces."""
    if em >= 1.7:
        return "\\qquad "
    if em >= 0.8:
        return "\\quad "
    if em >= 0.26:
        return "\\;"
    if em >= 0.2:
        return "\\:"
    if em >= 0.1:
        return "\\,"
    return "\\!" if em <= -0.1 else ""


def ms(node: Element) -> str:
    """A string literal."""
    return text_tex(f'"{node.text().strip()}"')


def mglyph(node: Element) -> str:
    """A character as an image."""
    return text_tex(node.get("alt")) if node.get("alt") else ""
