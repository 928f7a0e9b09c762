"""What was lifted from a page, and how it stands in the page's text."""

import re

from pipeline.extract.formulas.delimiters import Scanner
from pipeline.extract.formulas.page import CLOSE, OPEN, Formula, Page
from pipeline.extract.formulas.running import UNICODE, write_scripts

SUP_OPEN, SUP_CLOSE, SUB_OPEN, SUB_CLOSE = "\ue002", "\ue003", "\ue004", "\ue005"
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
_BUSY = "$\\\\\ue000-\ue005" + UNICODE
_AFTER = re.compile(r" *([.,;:]+(?=\s|$))? *")  # behind a display: the punctuation that belongs to it
_NUMBER = re.compile(r" *\((?:[A-Z][.-]?)?\d+(?:[.-]\d+)*[a-z]?['*]?\) *")  # of an equation, alone
_DOLLAR = re.compile(r"(?<!\\)((?:\\\\)*)\$")


def _escaped(text: str) -> str:
    """Text with its literal dollars escaped."""
    return _DOLLAR.sub(r"\1\\$", text) if "$" in text else text


class Lifted:
    """The formulas of one page: those of elements at once, those of delimiters as blocks of text are finished."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._scanner = Scanner(page)
        self.formulas: list[Formula] = page.formulas  # by the number in their marks, those of `finish` added
        self._displayed = False  # whether the last block ended with a display
        self._busy = re.compile(f"[{_BUSY}{self._scanner.openers}]")

    def finish(self, block: str, *, code: bool = False) -> str:
        r"""The final text of a block of running text.

        `block`: white space collapsed (a line end is a `<br>`), marks of formulas inside, superscripts between U+E002
        and U+E003, subscripts between U+E004 and U+E005. Formulas between delimiters are found and kept; literal
        dollars are escaped; formulas stand in `$…$`, or in `$$…$$` on lines of their own. `code` restores the source
        only.
        """
        if code:
            return self.source(block)
        if not self._busy.search(block):
            beside, self._displayed = self._displayed, False
            return "" if beside and _NUMBER.fullmatch(block) else block
        block = self._scanner.scan(block)
        block = write_scripts(block, lambda tex: self._page.add(tex, False, "running_text"))
        block = self._write(block)
        self._displayed = block.endswith("$$")
        return block

    def source(self, block: str) -> str:
        """Text of a code block with every mark as the formula's LaTeX, and no other change."""
        if OPEN in block:
            block = _MARK.sub(lambda match: self.formulas[int(match[1])].tex, block)
        for mark in (SUP_OPEN, SUP_CLOSE, SUB_OPEN, SUB_CLOSE):
            if mark in block:
                block = block.replace(mark, "")
        return block

    def _write(self, block: str) -> str:
        """Marks to `$…$` and `$$…$$`, other dollars escaped."""
        out = [""]  # one string per formula and per stretch of text, never two formulas side by side
        place = 0
        for match in _MARK.finditer(block, place):
            text = _escaped(block[place : match.start()])
            formula = self.formulas[int(match[1])]
            place = match.end()
            if not formula.display:
                touching = not text and out[-1].endswith("$")
                out += [" " if touching else text, f"${formula.tex}$"]
                if block[place : place + 1].isdigit():
                    out.append(" ")
                continue
            text = text.rstrip(" ")
            last = text or out[-1]
            out += [text, "\n" if last.strip(" ") and not last.endswith("\n") else "", f"$${formula.tex}$$"]
            after = _AFTER.match(block, place)
            if after:
                place = after.end()
                out.append(after[1] or "")
            number = _NUMBER.match(block, place)
            if number and block[number.end() : number.end() + 1] in ("", "\n"):
                place = number.end()
            if place < len(block) and block[place] != "\n":
                out.append("\n")
        out.append(_escaped(block[place:]))
        return "".join(out).strip(" ")
