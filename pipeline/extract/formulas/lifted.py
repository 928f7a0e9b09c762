"""What was lifted from a page, and how it stands in the page's text."""

import re

from pipeline.extract.formulas.delimiters import Scanner
from pipeline.extract.formulas.page import CLOSE, OPEN, Formula, Page
from pipeline.extract.formulas.running import UNICODE, write_scripts

SUP_OPEN, SUP_CLOSE, SUB_OPEN, SUB_CLOSE = "\ue002", "\ue003", "\ue004", "\ue005"
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
_BUSY = "$\\\\\ue000-\ue005" + UNICODE


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
            return block
        block = self._scanner.scan(block)
        block = write_scripts(block, lambda tex: self._page.add(tex, False, "running_text"))
        return self._write(block)

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
        out: list[str] = []
        place = 0
        for match in _MARK.finditer(block):
            out.append(_escaped(block[place : match.start()]))
            place = match.end()
            formula = self.formulas[int(match[1])]
            if formula.display:
                before = "".join(out[-2:]).rstrip(" ")
                if out:
                    out[-1] = out[-1].rstrip(" ")
                if before and not before.endswith("\n"):
                    out.append("\n")
                out.append(f"$${formula.tex}$$")
                rest = block[place:]
                stripped = rest.lstrip(" ")
                punctuation = re.match(r"[.,;:]+(?=\s|$)", stripped)
                if punctuation:
                    out.append(punctuation[0])
                    stripped = stripped[punctuation.end() :].lstrip(" ")
                place = len(block) - len(stripped)
                if stripped and not stripped.startswith("\n"):
                    out.append("\n")
            else:
                if not out[-1] and len(out) > 1 and out[-2].endswith("$"):
                    out.append(" ")
                out.append(f"${formula.tex}$")
                if block[place : place + 1].isdigit():
                    out.append(" ")
        out.append(_escaped(block[place:]))
        return "".join(out).strip(" ")
