r"""A text as the guard reads it: formulas, code and running text apart, in linear time whatever the text holds."""

import re
from dataclasses import dataclass, field

FORMULA = "\ue000"
"""Stands in the running text for a formula."""
CODE = "\ue001"
"""Stands in the running text for code."""

_CODE = re.compile(
    r"^[ \t>]*+(?P<mark>`{3,}+|~{3,}+)[^\n]*+\n"
    r"(?P<block>(?:(?![ \t>]*+(?P=mark))[^\n]*+(?:\n|\Z))*+)(?:[ \t>]*+(?P=mark)[^\n]*+)?"
    r"|(?<!`)`(?P<span>[^`\n]{1,300})`(?!`)",
    re.MULTILINE,
)
_ENVIRONMENTS = (
    "equation|align|aligned|alignat|gather|gathered|multline|eqnarray|displaymath|math|flalign|split|array|cases"
    "|[pbvV]?matrix"
)
_MARK = re.compile(r"\\(?:[\\$()\[\]]|(?:begin|end)\s?\{(?:" + _ENVIRONMENTS + r")\*?\})|\${5,}|\$\$?")
_CHARACTERS = frozenset(["\\\\", "\\$"])
_MONEY = re.compile(r"\s*\d[\d.,]*(?:\s+(?:[a-z]{2,}|[A-Z][a-z]+)|\s*[-–]\s*$|\s*[/)])")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_SPACES = {0x00A0: " ", 0x200B: None, 0xFEFF: None, 0x00AD: None}
_SIMPLE = re.compile(r"[^\s\d](?:[^\n]{0,300}[^\s])?")
_SURELY = re.compile(r"[\\^_=]")
_SURELY_SPACED = re.compile(r"[\\^_=(+<>]")
_INLINE_CHARS = 2000
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}

_Mark = tuple[int, int, str]
"""A delimiter: where it begins and ends, and the delimiter."""


@dataclass
class Reading:
    """`formulas` and `code` in order, `prose` with a mark in each one's place, `unclosed` delimiters without a pair."""

    formulas: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    prose: str = ""
    unclosed: int = 0


def read(text: str) -> Reading:
    """Take a text apart. A dollar that cannot be a delimiter is money, and stays in the running text."""
    reading = Reading()
    if not text.isascii():
        text = text.translate(_SPACES)
    if "`" in text or "~~~" in text:

        def code(match: re.Match[str]) -> str:
            block = match["block"]
            reading.code.append(match["span"] if block is None else block)
            if block is not None and not match[0].rstrip().endswith(match["mark"]):
                reading.unclosed += 1
            return CODE if block is None else f"\n{CODE}\n"

        text = _CODE.sub(code, text)
    if "$" not in text and "\\" not in text:
        reading.prose = text
        return reading
    marks = [(*m.span(), mark) for m in _MARK.finditer(text) if (mark := m[0]) not in _CHARACTERS]
    prose: list[str] = []
    place = i = 0
    unpaired: set[str] = set()  # closing delimiters that do not occur any more
    while i < len(marks):
        start, end, mark = marks[i]
        k: int | None
        if mark == "$":
            # Nearly always the next mark closes it, and what is between is plainly no money.
            simple = i + 1 < len(marks) and marks[i + 1][2] == "$" and _SIMPLE.fullmatch(text, end, marks[i + 1][0])
            k = i + 1 if simple else _dollar(text, marks, i)
        else:
            k = _pair(marks, i, unpaired)
        if k is None:
            reading.unclosed += mark != "$" or not _is_money(text, end)
            i += 1
            continue
        closing_start, closing_end, closing = marks[k]
        if mark[0] == "\\":
            reading.unclosed += sum(other[2][0] == "$" for other in marks[i + 1 : k]) % 2
        begins = mark.startswith("\\begin")
        reading.formulas.append(text[start:closing_end] if begins else text[end:closing_start])
        prose += [text[place:start], FORMULA]
        if mark == "$" and closing == "$$":
            # `$a$$b$` is two formulas: the second dollar of the pair opens the next.
            place = closing_start + 1
            marks[k] = (place, closing_end, "$")
            i = k
        else:
            place = closing_end
            i = k + 1
    prose.append(text[place:])
    reading.prose = "".join(prose)
    return reading


def _pair(marks: list[_Mark], i: int, unpaired: set[str]) -> int | None:
    """The mark that closes mark `i`; None where it opens nothing."""
    mark = marks[i][2]
    begins = mark.startswith("\\begin")
    closing = mark.replace("begin", "end") if begins else _CLOSING.get(mark)
    if closing is None or closing in unpaired:
        return None
    depth = 0
    for k in range(i + 1, len(marks)):
        other = marks[k][2]
        if other == closing:
            if not depth:
                return k
            depth -= 1
        elif other == mark:
            if not begins:
                return None  # opened anew: the first was never closed
            depth += 1
    unpaired.add(closing)
    return None


def _dollar(text: str, marks: list[_Mark], i: int) -> int | None:
    """The dollar that closes an inline formula: the next one, unless what is between is money or two paragraphs."""
    start = marks[i][1]
    for k in range(i + 1, len(marks)):
        place, end, other = marks[k]
        if place - start > _INLINE_CHARS:
            return None
        if other[0] != "$":
            continue
        if len(other) > 2:
            return None  # a rule of dollars
        inner = text[start:place]
        if not inner or inner.isspace() or ("\n" in inner and _BLANK_LINE.search(inner)):
            return None
        last = inner[-1].isspace()
        if last != inner[0].isspace() and "\n" not in inner and not _SURELY.search(inner):
            return None
        money = _MONEY.match(inner) and (last or text[end : end + 1].isdigit())
        return None if money and not (last and inner[0].isspace() and _SURELY_SPACED.search(inner)) else k
    return None


def _is_money(text: str, place: int) -> bool:
    return text[place : place + 3].lstrip()[:1].isdigit() or not text[place : place + 1].strip()
