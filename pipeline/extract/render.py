"""The chosen part of a page as Markdown-like plain text.

Text of inline elements is gathered into one block, its white space collapsed, and finished by the formulas' `finish`
(which sees a block whole, so a formula may span inline elements). Blocks are joined by blank lines, the items of a list
by line ends. Links, emphasis and images leave their text only.
"""

import re

from pipeline.extract.content import Choice
from pipeline.extract.content_hints import is_body
from pipeline.extract.content_outline import INLINE, TEXT, Outline, words
from pipeline.extract.formulas import Lifted
from pipeline.extract.limits import LimitExceeded
from pipeline.extract.render_code import fence, inline_code, is_prose, language_of
from pipeline.extract.render_notes import is_inline_note, is_reference, reference
from pipeline.extract.render_table import children, is_data_table, pipes, rows_of

BREAK = "\ue008"  # a <br>, until white space is collapsed
CODE_OPEN, CODE_CLOSE = "\ue006", "\ue007"  # around the number of a piece of inline code, which `finish` must not read

SEPARATION = "---"  # between the posts of a thread

_ORNAMENT = " _-–—|•·»«›‹.:,;/*~<>…" + BREAK  # a block of these alone is a rule or a separator
FORMULA = "\ue000"  # begins the mark of a formula
_FORMULA = re.compile("\ue000(\\d+)\ue001")
_BREAK = re.compile(rf" ?{BREAK} ?")
_BREAKS = re.compile(r"\n{3,}")
_CODE = re.compile(f"{CODE_OPEN}(\\d+){CODE_CLOSE}")
_HEADINGS = {f"h{n}": "#" * n + " " for n in range(1, 7)}
_INLINE_CODE = words("code tt samp kbd")
NOTE = "(note)"  # no tag: a note that stands in the middle of its sentence
_MARKS = {"sup": ("\ue002", "\ue003"), "sub": ("\ue004", "\ue005"), "q": ("“", "”"), NOTE: (" (", ")")}
_REFERRING = words("a sup")
_PLAIN = words("-text a b i em strong span font small u")
_INDENTED = words("blockquote li dd")


class Renderer:
    """Renders parts of one outline, in the order in which they are asked for."""

    def __init__(self, page: Outline, choice: Choice, lifted: Lifted, text_chars: int) -> None:
        self.page = page
        self.choice = choice
        self.lifted = lifted
        self.text_chars = text_chars
        self.length = 0
        self.formulas: list[int] = []  # numbers of the formulas in the text
        self.parts: list[str] = []  # finished blocks and what separates them
        self.inline: list[str] = []  # the block that is being gathered
        self.codes: list[str] = []  # pieces of inline code, by number
        self.indents: list[str] = []  # what every line of a block starts with, one entry per open container
        self.before: list[str] = []  # the same for the last block
        self.marker = ""  # stands for the last indent on the first line of the next block
        self.heading = ""  # the marks before the text of an open heading
        self.tight = False  # the next block follows the last one without a blank line
        self.lists: dict[int, int] = {}  # the number of the last item of each list that was begun

    def text(self) -> str:
        """What was rendered so far."""
        self._flush()
        return "".join(self.parts)

    def render(self, first: int) -> None:
        """Render the subtree of an entry. Raises LimitExceeded when the text grows too long."""
        page, left_out = self.page, self.choice.left_out
        tags, ends, texts = page.tags, page.ends, page.texts
        inline = self.inline
        last = ends[first]
        opened: list[tuple[int, str]] = []  # (end, tag) of the elements that need an action when they close
        i = first
        while True:
            while opened and opened[-1][0] <= i:
                self._close(opened.pop()[1])
            if i >= last:
                break
            tag = tags[i]
            if tag == TEXT:
                begun = inline and inline[-1] == _MARKS[NOTE][0]
                if text := texts[i].lstrip() if begun else texts[i]:
                    inline.append(text)
                i += 1
            elif i in left_out:
                i = ends[i]
            elif tag == "br":
                inline.append(BREAK)
                i += 1
            elif tag in _INLINE_CODE:
                self._inline_code(i)
                i = ends[i]
            elif tag == "pre":
                self._preformatted(i)
                i = ends[i]
            elif tag == "table" and is_data_table(page, i, left_out):
                self._table(i)
                i = ends[i]
            elif tag not in INLINE:
                if (tag == "li" and i in self.choice.posts) or (tag == "blockquote" and is_body(page.attributes[i])):
                    tag = "div"  # forums' software takes lists for posts and quotations for their text
                self._open(tag, i)
                opened.append((ends[i], tag))
                i += 1
            elif tag in _REFERRING and is_reference(page, i):
                inline.append(reference(page, i))
                i = ends[i]
            elif tag in _MARKS:
                inline.append(_MARKS[tag][0])
                opened.append((ends[i], tag))
                i += 1
            elif tag == "span" and is_inline_note(page.attributes[i]):
                inline.append(_MARKS[NOTE][0])
                opened.append((ends[i], NOTE))
                i += 1
            else:
                i += 1

    def _open(self, tag: str, i: int) -> None:
        """A block element begins."""
        self._flush()
        if self.choice.posts.get(i) and self.parts and self.parts[-1] != SEPARATION:
            self._emit(SEPARATION)
        if tag in _HEADINGS:
            self.heading = _HEADINGS[tag]
        elif tag == "blockquote":
            self.indents.append("> ")
        elif tag == "li":
            listed = self.page.parents[i]
            self.tight = listed in self.lists or any(indent != "> " for indent in self.indents)
            number = self.lists[listed] = self.lists.get(listed, self._start(listed)) + 1
            self.marker = f"{number}. " if self.page.tags[listed] == "ol" else "- "
            self.indents.append(" " * len(self.marker))
        elif tag == "dd":
            self.tight = True
            self.marker = ": "
            self.indents.append("  ")

    def _close(self, tag: str) -> None:
        """An element for which `render` asked ends."""
        if tag in _MARKS:
            self.inline.append(_MARKS[tag][1])
            return
        self._flush()
        if tag in _HEADINGS:
            self.heading = ""
        elif tag in _INDENTED:
            self.indents.pop()
            self.marker = ""
            self.tight = False

    def _start(self, i: int) -> int:
        """One less than the number of a list's first item."""
        start = self.page.attributes[i].get("start") or "1"
        return int(start) - 1 if start.isascii() and start.isdigit() and len(start) < 6 else 0

    def _inline_code(self, i: int) -> None:
        code = inline_code(self.lifted.source(self._raw(i)))
        if code:
            self.inline.append(f"{CODE_OPEN}{len(self.codes)}{CODE_CLOSE}")
            self.codes.append(code)

    def _preformatted(self, i: int) -> None:
        self._flush()
        raw = self._raw(i)
        language = language_of(self.page, i)
        if not language and is_prose(raw):
            for paragraph in re.split(r"\n[ \t]*\n", raw.strip("\n").expandtabs()):
                self._emit(self._finish(paragraph.rstrip()))
        else:
            self._emit(fence(self.lifted.source(raw), language))

    def _table(self, i: int) -> None:
        """A data table, one line a row, its caption before it."""
        self._flush()
        for child in children(self.page, i):
            if self.page.tags[child] == "caption":
                self.render(child)
                self._flush()
        grid = []
        for row in rows_of(self.page, i, self.choice.left_out):
            cells = []
            for cell, span in row:
                cells.append(self._cell(cell))
                cells.extend([""] * (span - 1))
            grid.append(cells)
        self._emit(pipes(grid))

    def _cell(self, i: int) -> str:
        """The text of a table's cell, on one line."""
        first, end = i + 1, self.page.ends[i]
        if _PLAIN.issuperset(self.page.tags[first:end]) and self.choice.left_out.keys().isdisjoint(range(first, end)):
            # Most cells are a word or a number: they need no renderer of their own.
            text = " ".join("".join(self.page.texts[first:end]).split())
            return " ".join(self._finish(text).split()) if text else ""
        inner = Renderer(self.page, self.choice, self.lifted, self.text_chars)
        inner.render(i)
        text = " ".join(inner.text().split())
        self.formulas += inner.formulas
        return text

    def _raw(self, i: int) -> str:
        """The text of a subtree as it stands, `<br>` and blocks as line ends."""
        page, left_out = self.page, self.choice.left_out
        pieces: list[str] = []
        first, end = i, page.ends[i]
        while i < end:
            tag = page.tags[i]
            if i in left_out:
                i = page.ends[i]
                continue
            if tag == TEXT:
                pieces.append(page.texts[i])
            elif tag == "br" or (tag not in INLINE and i > first and pieces and not pieces[-1].endswith("\n")):
                pieces.append("\n")
            i += 1
        return "".join(pieces)

    def _flush(self) -> None:
        """Finish the block that was being gathered."""
        if not self.inline:
            return
        joined = " ".join("".join(self.inline).split())
        self.inline.clear()
        if BREAK in joined:
            joined = _BREAKS.sub("\n\n", _BREAK.sub("\n", joined.strip(" " + BREAK)))
        if not joined.strip(_ORNAMENT):
            return
        block = self._finish(joined)
        if CODE_OPEN in block:
            block = _CODE.sub(lambda match: self.codes[int(match[1])], block)
        if self.heading:
            block = self.heading + " ".join(block.split())
        self._emit(block)

    def _finish(self, block: str) -> str:
        """Running text with its formulas, which are counted."""
        before = len(self.lifted.formulas)
        if FORMULA in block:
            self.formulas += map(int, _FORMULA.findall(block))
        finished = self.lifted.finish(block)
        self.formulas += range(before, len(self.lifted.formulas))
        return finished

    def _emit(self, block: str) -> None:
        """Append a finished block under the indents that are open."""
        if not block:
            return
        self.length += len(block)
        if self.length > self.text_chars:
            raise LimitExceeded("text_too_long", self.length)
        if self.parts:
            self.parts.append("\n" if self.tight else f"\n{self._between()}\n")
        if self.indents:
            indent = "".join(self.indents)
            first = "".join(self.indents[:-1]) + self.marker if self.marker else indent
            block = first + block.replace("\n", "\n" + indent)
        self.parts.append(block)
        self.before = self.indents.copy()
        self.marker = ""
        self.tight = False

    def _between(self) -> str:
        """The blank line between two blocks: marked as quoted where both stand in the same quotation."""
        shared = 0
        for last, now in zip(self.before, self.indents, strict=False):
            if last != now:
                break
            shared += 1
        while shared and self.indents[shared - 1] != "> ":
            shared -= 1
        return "".join(self.indents[:shared]).rstrip()
