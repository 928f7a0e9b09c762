"""What a page's scripts say about its formulas: delimiters, macros, whether back-ticks are AsciiMath.

MathJax 2 (`MathJax.Hub.Config`, `tex2jax`, `TeX: {Macros}`), MathJax 3 and 4 (`MathJax = {tex: {...}}`) and KaTeX
auto-render (`renderMathInElement(..., {delimiters, macros})`) write the same few keys in JavaScript objects, which are
scanned for here; no JavaScript is run.
"""

import re
from dataclasses import dataclass, field
from itertools import islice

from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.macros import Macros

_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_KEY = re.compile(r"""["']?\b(inlineMath|displayMath|delimiters|macros|Macros|preview|processEscapes)["']?\s*:\s*""")
_LEFT_RIGHT = re.compile(
    r"""["']?(left|right|display)["']?\s*:\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|true|false|!0|!1)"""
)
_MACRO_KEY = re.compile(
    r"""\s*(?:/\*.*?\*/\s*|//[^\n]*\n\s*)*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|([A-Za-z]+))\s*:\s*""",
    re.DOTALL,
)
_COMMENT = re.compile(r"(?:^|(?<=[\s,{\[(;]))//[^\n]*|/\*.*?\*/", re.DOTALL)
_ASCIIMATH = re.compile(
    rb"ascii-?math[\w.-]{0,30}\.js|input/asciimath|asciimath2jax|[-_]am[-_]|am_(?:htmlormml|chtml|svg)|translateasciimath"
)
_PAIR = re.compile(rb"\$(?:\$|([^$<\n]{1,200})\$)")  # "$$" is a delimiter of its own
_TEX = re.compile(rb"\\[a-zA-Z]{2,}")
_VARIABLE = re.compile(rb"<var>[^<]{0,200}(?:\\[a-zA-Z]{2}|[_^]\{)")
_USED = 3  # pairs of dollars with a command between them that tell how a page uses dollars
_NEAR = 100  # characters from the name of an object to its delimiters
_BLOCKS = 20  # objects and arrays read of one script
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(slots=True)
class Configuration:
    """The delimiters of a page beyond the usual ones; `dollars` is None where no script says anything about `$`."""

    macros: Macros
    dollars: bool | None = None
    inline: list[tuple[str, str]] = field(default_factory=list)
    display: list[tuple[str, str]] = field(default_factory=list)
    asciimath: bool = False
    ascii_delimiters: list[tuple[str, str]] = field(default_factory=list)  # of AsciiMath, beside back-ticks
    variables: bool = False  # <var> holds LaTeX
    renders: bool = False  # a renderer of delimited formulas is loaded


def unquote(match: re.Match[str]) -> str:
    """The value of a JavaScript string."""

    def unescape(escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        return _SIMPLE.get(code, code)

    return _ESCAPE.sub(unescape, next(part for part in match.groups() if part is not None))


def _block(text: str, start: int, longest: int) -> str:
    """The JavaScript object or array that starts at `start`, brackets included; "" when it does not close."""
    pairs = {"{": "}", "[": "]"}
    opening = text[start : start + 1]
    if opening not in pairs:
        return ""
    depth, i, last = 0, start, min(len(text), start + longest)
    while i < last:
        char = text[i]
        if char in "\"'`":
            match = _STRING.match(text, i)
            if match:
                i = match.end()
                continue
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if not depth:
                return text[start : i + 1]
        i += 1
    return ""


def _pairs(block: str) -> list[tuple[str, str]]:
    """`[['$','$'], ['\\(','\\)']]` as pairs."""
    strings = [unquote(match) for match in _STRING.finditer(block)]
    return [(a, b) for a, b in zip(strings[::2], strings[1::2], strict=False) if a and b and len(a) + len(b) < 60]


def _katex_delimiters(block: str, found: Configuration) -> None:
    """`[{left: "$$", right: "$$", display: true}, ...]`."""
    current: dict[str, str] = {}
    for match in _LEFT_RIGHT.finditer(block):
        if match[1] in current:
            current = {}
        value = match[2]
        quoted = _STRING.fullmatch(value)
        current[match[1]] = unquote(quoted) if quoted else value
        if len(current) == 3:
            pair = (current["left"], current["right"])
            if all(pair):
                (found.display if current["display"] in ("true", "!0") else found.inline).append(pair)
            current = {}


def _macros(block: str, macros: Macros) -> None:
    r"""`{RR: "\\mathbb{R}", "\\bold": ["\\mathbf{#1}", 1]}`."""
    i = 1
    while i < len(block):
        key = _MACRO_KEY.match(block, i)
        if not key:
            comma = block.find(",", i)
            if comma < 0:
                return
            i = comma + 1
            continue
        name = unquote(_STRING.match(f'"{key[1] or key[2] or key[3]}"') or key) if (key[1] or key[2]) else key[3]
        name = name.lstrip("\\")
        i = key.end()
        value = _STRING.match(block, i)
        if value:
            body = unquote(value)
            macros.define(name, body, _arity(body))
            i = value.end()
        elif block[i : i + 1] == "[":
            array = _block(block, i, len(block))
            first = _STRING.match(array, len(array) - len(array[1:].lstrip()))
            if array and first:
                rest = array[first.end() :]
                count = re.match(r"\s*,\s*(\d)", rest)
                default = _STRING.search(rest)
                body = unquote(first)
                macros.define(name, body, int(count[1]) if count else 0, unquote(default) if default else None)
            i += max(1, len(array))
        elif block[i : i + 1] == "{":
            i += max(1, len(_block(block, i, len(block))))


def _arity(body: str) -> int:
    """How many arguments a KaTeX macro takes: the highest `#n` in it."""
    return max((int(hole) for hole in re.findall(r"#([1-9])", body)), default=0)


def read_script(text: str, found: Configuration, limits: FormulaLimits) -> None:
    """Add what one script says."""
    text = _COMMENT.sub("", text[: limits.config_chars])
    place = tried = 0
    for match in _KEY.finditer(text):
        if match.start() < place or tried >= _BLOCKS:
            continue
        tried += 1
        block = _block(text, match.end(), limits.config_chars)
        if not block:
            continue
        place = match.end() + len(block)
        key = match[1]
        if key in ("macros", "Macros"):
            _macros(block, found.macros)
        elif key == "inlineMath":
            found.inline += _pairs(block)
        elif key == "displayMath":
            found.display += _pairs(block)
        elif key == "delimiters":
            if "left" in block:
                _katex_delimiters(block, found)
            elif "ascii" in text[max(0, match.start() - _NEAR) : match.start()].lower():
                pairs = _pairs(block)
                found.asciimath |= ("`", "`") in pairs
                found.ascii_delimiters += [pair for pair in pairs if pair != ("`", "`")]
    if found.inline or found.display:
        found.renders = True
        found.dollars = ("$", "$") in found.inline


def read_source(lowered: bytes, found: Configuration) -> None:
    """Add what the page's bytes (in lower case) say without its scripts being read: which renderers they load."""
    mathjax = b"mathjax" in lowered
    if (b"asciimath" in lowered or (mathjax and b"am_" in lowered)) and _ASCIIMATH.search(lowered):
        found.asciimath = True
    if mathjax or b"katex" in lowered or b"rendermathinelement" in lowered:
        found.renders = True


def read_usage(raw: bytes, found: Configuration) -> None:
    """Add what the page's own formulas say where no script that can be read does.

    Dollars with commands between them are delimiters, and a `<var>` is a formula where others are LaTeX.
    """
    if found.dollars is None and b"$" in raw:
        used = (pair for pair in _PAIR.findall(raw) if _TEX.search(pair))
        if len(list(islice(used, _USED))) == _USED:
            found.dollars = True
    found.variables = found.renders and _VARIABLE.search(raw) is not None
