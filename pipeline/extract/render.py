"""The chosen part of a page as Markdown-like plain text.

Text of inline elements is gathered into one block, white space collapsed, and finished by the formulas' `finish` (which
sees a block whole, so a formula may span inline elements). Blocks are joined by blank lines, list items by line ends.
"""

import re
from collections.abc import Mapping

from pipeline.extract.content_outline import INLINE, TEXT, Outline
from pipeline.extract.formulas import Lifted
from pipeline.extract.limits import LimitExceeded
from pipeline.extract.render_code import fence, inline_code, language_of
from pipeline.extract.render_table import is_data_table, pipes, rows_of

BREAK = "\x1f"  # a <br>, until white space is collapsed
CODE_OPEN, CODE_CLOSE = "\ue006", "\ue007"  # around the number of a piece of inline code that `finish` must not read

_SPACE = re.compile(r"[ \t\n\r\f\v\xa0\u2009\u200a\u202f]+")
_BREAK = re.compile(rf" ?{BREAK} ?")
_BREAKS = re.compile(r"\n{3,}")
_CODE = re.compile(f"{CODE_OPEN}(\\d+){CODE_CLOSE}")
_HEADINGS = {f"h{n}": "#" * n + " " for n in range(1, 7)}
_INLINE_CODE = frozenset({"code", "tt", "samp", "kbd"})
_SCRIPTS = {"sup": ("\ue002", "\ue003"), "sub": ("\ue004", "\ue005")}
_QUOTES = {"q": ("“", "”")}


class Renderer:
    """Renders slices of one outline; `blocks` grows in document order."""

    def __init__(self, page: Outline, left_out: Mapping[int, str], lifted: Lifted, text_chars: int) -> None:
        self.page = page
        self.left_out = left_out
        self.lifted = lifted
        self.room = text_chars
        self.parts: list[str] = []  # finished text and the separators between
        self.inline: list[str] = []
        self.codes: list[str] = []
        self.indent: list[str] = []  # what every line of a block starts with, one entry per open container
        self.marker = ""  # replaces the last indent on the first line of the next block
        self.heading = ""
        self.tight = False  # the next block follows the last without a blank line

    def text(self) -> str:
        """What was rendered so far."""
        self.flush()
        return "".join(self.parts)

    def render(self, first: int) -> None:
        """Render the subtree of an entry."""
        page, left_out = self.page, self.left_out
        tags, ends, texts = page.tags, page.ends, page.texts
        inline = self.inline
        last = ends[first]
        open_ends: list[int] = []  # ends of the elements that need an action when they close, innermost last
        closing: list[tuple[str, int]] = []
        i = first
        while i < last or open_ends:
            while open_ends and open_ends[-1] <= i:
                open_ends.pop()
                self.close(*closing.pop())
            if i >= last:
                continue
            tag = tags[i]
            if tag == TEXT:
                inline.append(texts[i])
                i += 1
            elif i in left_out:
                i = ends[i]
            elif tag == "pre" or tag == "table" or tag in _INLINE_CODE:
                i = self.special(tag, i)
            else:
                if tag == "br":
                    inline.append(BREAK)
                elif tag not in INLINE or tag in _SCRIPTS or tag in _QUOTES:
                    self.open(tag, i)
                    open_ends.append(ends[i])
                    closing.append((tag, i))
                i += 1

    def special(self, tag: str, i: int) -> int:
        """Code and data tables, rendered whole. Returns the next entry."""
        page = self.page
        if tag == "pre":
            self.flush()
            self.emit(fence(self.lifted.source(self.raw(i)), language_of(page, i)))
        elif tag == "table":
            if not is_data_table(page, i, self.left_out):
                self.flush()
                self.indent.append("")
                self.indent.pop()
                return self.layout(i)
            self.flush()
            self.table(i)
        else:
            code = inline_code(self.lifted.source(self.raw(i)))
            if code:
                self.inline.append(f"{CODE_OPEN}{len(self.codes)}{CODE_CLOSE}")
                self.codes.append(code)
        return page.ends[i]

    def layout(self, i: int) -> int:
        """A table that only arranges: its cells become blocks."""
        return i + 1

    def table(self, i: int) -> None:
        """A data table, one line a row."""
        grid = []
        for row in rows_of(self.page, i, self.left_out):
            cells = []
            for cell, span in row:
                inner = Renderer(self.page, self.left_out, self.lifted, self.room)
                inner.render(cell)
                cells.append(" ".join(inner.text().split()))
                cells.extend([""] * (span - 1))
            grid.append(cells)
        text = pipes(grid)
        if text:
            self.emit(text)

    def raw(self, i: int) -> str:
        """The text of a subtree as it stands, `<br>` as line ends."""
        page, pieces, end = self.page, [], self.page.ends[i]
        while i < end:
            tag = page.tags[i]
            if i in self.left_out:
                i = page.ends[i]
                continue
            if tag == TEXT:
                pieces.append(page.texts[i])
            elif tag == "br":
                pieces.append("\n")
            i += 1
        return "".join(pieces)

    def open(self, tag: str, i: int) -> None:
        """An element begins."""
        if tag in _SCRIPTS:
            self.inline.append(_SCRIPTS[tag][0])
            return
        if tag in _QUOTES:
            self.inline.append(_QUOTES[tag][0])
            return
        self.flush()
        if tag in _HEADINGS:
            self.heading = _HEADINGS[tag]
        elif tag == "blockquote":
            self.indent.append("> ")
        elif tag == "li":
            number = self.number(i)
            self.marker = f"{number}. " if number else "- "
            self.indent.append(" " * len(self.marker))
            self.tight = bool(self.parts) and self.parts[-1] != ""
        elif tag == "dd":
            self.marker = ": "
            self.indent.append("  ")
            self.tight = True

    def close(self, tag: str, i: int) -> None:
        """An element ends."""
        if tag in _SCRIPTS:
            self.inline.append(_SCRIPTS[tag][1])
            return
        if tag in _QUOTES:
            self.inline.append(_QUOTES[tag][1])
            return
        self.flush()
        if tag in _HEADINGS:
            self.heading = ""
        elif tag in ("blockquote", "li", "dd"):
            self.indent.pop()
            self.marker = ""
            self.tight = False

    def number(self, i: int) -> int:
        """The number of a list item, 0 in a list without numbers."""
        page = self.page
        parent = page.parents[i]
        if page.tags[parent] != "ol":
            return 0
        count, child = 0, parent + 1
        while child <= i:
            count += page.tags[child] == "li"
            child = page.ends[child]
        return count

    def flush(self) -> None:
        """Finish the block that was being gathered."""
        if not self.inline:
            return
        joined = "".join(self.inline)
        self.inline.clear()
        joined = _SPACE.sub(" ", joined).strip(" " + BREAK)
        if not joined:
            return
        if BREAK in joined:
            joined = _BREAKS.sub("\n\n", _BREAK.sub("\n", joined))
        block = self.lifted.finish(joined)
        if CODE_OPEN in block:
            block = _CODE.sub(lambda match: self.codes[int(match[1])], block)
        if self.heading:
            block = self.heading + " ".join(block.split())
        if block:
            self.emit(block)

    def emit(self, block: str) -> None:
        """Append a finished block under the indents that are open."""
        self.room -= len(block)
        if self.room < 0:
            raise LimitExceeded("text_too_long", f"more than {-self.room} over")
        indent = "".join(self.indent)
        first = indent
        if self.marker:
            first = "".join(self.indent[:-1]) + self.marker
        if self.parts:
            self.parts.append("\n" if self.tight else "\n\n")
        if indent:
            block = first + block.replace("\n", "\n" + indent)
        self.parts.append(block)
        self.marker = ""
        self.tight = False
