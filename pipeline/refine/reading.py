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
_MARK = re.compile(
    r"\\(?:[\\$]|(?P<opens>[(\[])|(?P<closes>[)\]])|(?P<edge>begin|end)\s?\{(?P<name>" + _ENVIRONMENTS + r")\*?\})"
    r"|(?P<dollars>\$\$?)"
)
_MONEY = re.compile(r"\s*\d[\d.,]*(?:\s+(?:[a-z]{2,}|[A-Z][a-z]+)|\s*[-–]\s*$|\s*[/)])")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_INLINE_CHARS = 2000
_CLOSING = {"(": ")", "[": "]"}


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
    marks = [_Mark(match) for match in _MARK.finditer(text)]
    prose: list[str] = []
    place = i = 0
    unpaired: set[str] = set()  # closing delimiters that do not occur any more
    while i < len(marks):
        mark = marks[i]
        end = _pair(text, marks, i, unpaired)
        if end is None:
            money = mark.kind == "$" and _is_money(text, mark.end)
            reading.unclosed += mark.kind != "character" and not money
            i += 1
            continue
        closing = marks[end]
        inner = text[mark.end : closing.start] if mark.kind != "begin" else text[mark.start : closing.end]
        if mark.kind not in {"$", "$$"} and "$" in inner:
            reading.unclosed += sum(other.kind in {"$", "$$"} for other in marks[i + 1 : end]) % 2
        prose += [text[place : mark.start], FORMULA]
        reading.formulas.append(inner)
        # `$a$$b$` is two formulas: the second dollar of the pair opens the next.
        place = closing.start + 1 if mark.kind == "$" and closing.kind == "$$" else closing.end
        if place != closing.end:
            marks[end] = closing.half()
            i = end
        else:
            i = end + 1
    prose.append(text[place:])
    reading.prose = "".join(prose)
    return reading


class _Mark:
    """A delimiter: its kind (`$`, `$$`, an opening or closing bracket, `begin`, `end`, or `character`) and place."""

    __slots__ = ("end", "kind", "name", "start")

    def __init__(self, match: re.Match[str]) -> None:
        self.start, self.end = match.span()
        kind = match.lastgroup
        self.name = match["name"] or ""
        self.kind = match[kind] if kind in {"opens", "closes", "dollars"} else (match["edge"] or "character")

    def half(self) -> "_Mark":
        """The second dollar of `$$`."""
        mark = _Mark.__new__(_Mark)
        mark.start, mark.end, mark.kind, mark.name = self.start + 1, self.end, "$", ""
        return mark


def _pair(text: str, marks: list[_Mark], i: int, unpaired: set[str]) -> int | None:
    """The mark that closes mark `i`; None where it opens nothing."""
    mark = marks[i]
    if mark.kind == "$":
        return _dollar(text, marks, i)
    if mark.kind in {"character", ")", "]", "end"}:
        return None
    wanted = "$$" if mark.kind == "$$" else _CLOSING.get(mark.kind, mark.name)
    if wanted in unpaired:
        return None
    depth = 0
    for k in range(i + 1, len(marks)):
        other = marks[k]
        if mark.kind == "begin":
            if other.name == wanted:
                if other.kind == "begin":
                    depth += 1
                elif not depth:
                    return k
                else:
                    depth -= 1
        elif other.kind == wanted:
            return k
        elif other.kind == mark.kind:
            return None  # opened anew: the first was never closed
    unpaired.add(wanted)
    return None


def _dollar(text: str, marks: list[_Mark], i: int) -> int | None:
    """The dollar that closes an inline formula: the next one, unless what is between is money or two paragraphs."""
    start = marks[i].end
    for k in range(i + 1, len(marks)):
        other = marks[k]
        if other.start - start > _INLINE_CHARS:
            return None
        if other.kind not in {"$", "$$"}:
            continue
        inner = text[start : other.start]
        if not inner.strip() or _BLANK_LINE.search(inner):
            return None
        if inner[-1].isspace() != inner[0].isspace() and "\n" not in inner and not re.search(r"[\\^_=]", inner):
            return None
        after = text[other.end : other.end + 1]
        return None if _MONEY.match(inner) and (inner[-1].isspace() or after.isdigit()) else k
    return None


def _is_money(text: str, place: int) -> bool:
    return text[place : place + 3].lstrip()[:1].isdigit() or not text[place : place + 1].strip()
