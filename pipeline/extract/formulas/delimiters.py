r"""Formulas between delimiters in text: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, environments, BBCode, what a page configures.

A dollar is also money and a shell's variable, so a pair of them is a formula only when what it holds looks like one,
judged more or less strictly by what the page's scripts say about dollars.
"""

import re

from pipeline.extract.formulas.asciimath import to_tex
from pipeline.extract.formulas.dollars import is_formula, is_mathematical, prose
from pipeline.extract.formulas.page import Page

ENVIRONMENTS = (
    "equation|align|aligned|alignat|alignedat|gather|gathered|multline|eqnarray|displaymath|math|flalign|split|array|cases"
    "|matrix|pmatrix|bmatrix|vmatrix|Vmatrix|Bmatrix|smallmatrix|subequations|xalignat|dcases|rcases|CD|tikzcd|prooftree"
)
_TAGS = "tex|latex|math|mathjaxinline|itex|imath|dmath|eqn|eq|equation|formula|katex|mathjax|texdisplay|inline|display"
_TOKEN = (
    r"\\(?:\$|\\(?![\[(]))|(?P<environment>\\begin\s?\{(?P<name>" + ENVIRONMENTS + r")(?P<star>\*?)\})"
    r"|(?P<display>\\\[)|(?P<inline>\\\()|(?P<latex>\$latex\s)|(?P<many>\${6}|\${3})(?!\$)|(?P<dollars>\$\$)|(?P<dollar>\$)"
    r"|\[(?P<tag>(?i:" + _TAGS + r"))(?:=[\w ]{1,12})?\]"
)
_SCRIPTS = {"\ue002": "^{", "\ue003": "}", "\ue004": "_{", "\ue005": "}"}
_PERCENT = re.compile(r"((?:^|[^\\])(?:\\\\)*)%")
_INLINE_CHARS = 2_000


class Scanner:
    """Finds delimited formulas in the text of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        configuration = page.configuration
        usual = {
            ("$", "$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("$$", "$$"),
            ("`", "`"),
            ("\\begin{equation}", "\\end{equation}"),
        }
        self.custom = {
            a: (b, False) for a, b in configuration.inline if (a, b) not in usual and not a.startswith("\\begin")
        }
        self.custom |= {
            a: (b, True) for a, b in configuration.display if (a, b) not in usual and not a.startswith("\\begin")
        }
        self.ascii = {"`", *(opening for opening, _ in configuration.ascii_delimiters)}
        self.custom |= {opening: (closing, False) for opening, closing in configuration.ascii_delimiters}
        if configuration.asciimath:
            self.custom.setdefault("`", ("`", False))
        token = _TOKEN
        for number, opening in enumerate(sorted(self.custom, key=len, reverse=True)):
            token = f"(?P<custom{number}>(?<!\\\\){re.escape(opening)})|" + token
        self.token = re.compile(token)
        # Characters, besides dollars and backslashes, that a formula can begin with; for the caller's quick test.
        self.openers = "".join(sorted({re.escape(opening[0]) for opening in self.custom})) + r"\["

    def scan(self, block: str) -> str:
        """A block with a mark in the place of every delimited formula."""
        if "$" not in block and "\\" not in block and "[" not in block and not self.custom:
            return block
        out: list[str] = []
        place = 0
        searching = 0
        absent: set[str] = set()  # closing delimiters that do not occur any more
        self._braces = True
        while True:
            match = self.token.search(block, searching)
            if match is None:
                break
            searching = match.end()
            found = self._formula(block, match, absent)
            if found is None:
                continue
            mark, end = found
            out.append(block[place : match.start()])
            out.append(mark)
            place = searching = end
        out.append(block[place:])
        return "".join(out) if place else block

    def _formula(self, block: str, match: re.Match[str], absent: set[str]) -> tuple[str, int] | None:
        """The mark of the formula that an opening delimiter begins, and where it ends; None where it begins none."""
        kind, start = match.lastgroup, match.end()
        if kind is None:
            return None
        if kind in ("name", "star", "environment"):
            return self._environment(block, match, absent)
        if kind == "dollar":
            return self._dollar(block, match.start(), start)
        display: bool | None
        encoding = "delimiters"
        if kind == "display":
            closing, display = "\\]", True
        elif kind == "inline":
            closing, display = "\\)", False
        elif kind == "dollars":
            closing, display = "$$", True
        elif kind == "many":
            closing = match["many"]  # so that prose may hold dollars, singly and in pairs
            display = len(closing) == 6
        elif kind == "latex":
            closing, display, encoding = "$", False, "wordpress_text"
        elif kind == "tag":
            tag = match["tag"]
            closing, display, encoding = f"[/{tag}]", tag.lower() in ("dmath", "display", "texdisplay"), "bbcode"
        else:
            closing, display = self.custom[match[kind]]
            encoding = "configured"
        end = self._find(block, closing, start, absent)
        if end < 0:
            return None
        inner = block[start:end]
        if len(inner) > self.page.limits.tex_chars or not inner.strip():
            return None
        if kind == "inline" and "\\(" in inner:
            return None
        if kind in ("inline", "display") and not self.page.configuration.renders and not is_mathematical(inner):
            return None
        doubtful = kind in ("dollars", "many") and not is_mathematical(inner)
        if doubtful and (not self.page.configuration.renders or "\n\n" in inner or prose(inner)):
            return None
        if kind.startswith("custom") and match[kind] in self.ascii:
            inner, encoding = to_tex(inner), "asciimath"
        elif kind == "tag":
            display = display or (
                block[: match.start()].rstrip(" ")[-1:] in ("", "\n")
                and block[end + len(closing) :].lstrip(" ")[:1] in ("", "\n")
            )
        return self._mark(inner, display, encoding, end + len(closing))

    def _find(self, block: str, closing: str, start: int, absent: set[str]) -> int:
        if closing in absent:
            return -1
        end = block.find(closing, start)
        if end < 0 and closing.startswith("["):
            end = block.lower().find(closing.lower(), start)
        while end > 0 and closing[0] in "$`" and block[end - 1] == "\\" and (end < 2 or block[end - 2] != "\\"):
            end = block.find(closing, end + 1)
        while end > 0 and closing[0] == "\\" and block[end - 1] == "\\" and (end < 2 or block[end - 2] != "\\"):
            end = block.find(closing, end + 1)
        if end < 0:
            absent.add(closing)
        return end

    def _environment(self, block: str, match: re.Match[str], absent: set[str]) -> tuple[str, int] | None:
        name = match["name"] + match["star"]
        closing = f"\\end{{{name}}}"
        depth, place = 1, match.end()
        opening = f"\\begin{{{name}}}"
        while depth:
            end = self._find(block, closing, place, absent)
            if end < 0 or end - match.start() > self.page.limits.tex_chars:
                absent.add(closing)  # the next one would be searched through the same text again
                return None
            depth += block.count(opening, place, end) - 1
            place = end + len(closing)
        return self._mark(block[match.start() : place], True, "environment", place)

    def _dollar(self, block: str, at: int, start: int) -> tuple[str, int] | None:
        end = self._closing_dollar(block, start)
        if end < 0:
            return None
        inner = block[start:end]
        before, after = block[at - 1 : at], block[end + 1 : end + 2]
        if not is_formula(_written(inner), before, after, self.page.configuration.dollars):
            return None
        return self._mark(inner, False, "delimiters", end + 1)

    def _closing_dollar(self, block: str, start: int) -> int:
        r"""The next `$` outside braces (`\text{if $x$}` is one formula), or the next where braces do not close."""
        depth, i, last = 0, start, min(len(block), start + _INLINE_CHARS)
        first = -1
        while i < last:
            char = block[i]
            if char == "\\":
                i += 2
                continue
            if char == "$":
                if depth <= 0 or not self._braces:
                    return i
                if first < 0:
                    first = i
            elif char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
            i += 1
        if first >= 0:
            self._braces = False
        return first

    def _mark(self, inner: str, display: bool | None, encoding: str, end: int) -> tuple[str, int] | None:
        if "\ue006" in inner:
            return None
        inner = _written(inner)
        if "%" in inner and "\n" not in inner:
            inner = _PERCENT.sub(r"\1\\%", inner)  # the line that a comment would end with is not known here
        made = self.page.add(inner, display, encoding)
        return (made or " ", end) if made is not None else None


def _written(inner: str) -> str:
    """Marks of scripts as LaTeX."""
    for mark, tex in _SCRIPTS.items():
        if mark in inner:
            inner = inner.replace(mark, tex)
    return inner
