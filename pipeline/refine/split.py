"""Long documents in parts: cut at headings and between paragraphs, never inside a formula, code block or table."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*\n?\Z")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# What opens and closes a display; a dollar or bracket after a line break or a backslash is a character.
_DISPLAY = re.compile(r"\\(?:[\\$]|(?P<bracket>[\[\]])|(?P<edge>begin|end)\s?\{[A-Za-z]{1,20}\*?\})|(?P<dollars>\$\$)")
_DISPLAY_LINES = 200  # a display that is still open after so many lines was never one


@dataclass(frozen=True)
class Piece:
    """A part of a text: `text` as it stands, the headings above its start, and whether one block exceeds the budget."""

    text: str
    heading_path: tuple[str, ...] = ()
    oversized: bool = False


@dataclass(frozen=True)
class _Block:
    """Lines that stay together, with the blank lines that follow them. `level` is that of a heading, else 0."""

    text: str
    level: int
    title: str
    tokens: int


def split(text: str, budget_tokens: int, count: Callable[[str], int]) -> list[Piece]:
    """Parts of at most `budget_tokens` each by `count`, in order; `"".join` of their texts is `text`.

    A part ends before a heading where that leaves it at least half full, and never ends with one. A block beyond the
    budget (a paragraph, a table, a program, a display) is a part of its own, marked `oversized`: to cut it would break
    it. `count` is called once per block, and the sum stands for the whole.

    Raises:
        ValueError: `budget_tokens` is below 1.
    """
    if budget_tokens < 1:
        raise ValueError(f"budget_tokens {budget_tokens} is below 1")
    pieces: list[Piece] = []
    path: list[tuple[int, str]] = []
    for part in _parts([_block(block, count) for block in blocks(text)], budget_tokens):
        while part[0].level and path and path[-1][0] >= part[0].level:
            path.pop()
        above = tuple(title for _, title in path)
        oversized = sum(block.tokens for block in part) > budget_tokens
        pieces.append(Piece("".join(block.text for block in part), above, oversized))
        for block in part:
            if block.level:
                while path and path[-1][0] >= block.level:
                    path.pop()
                path.append((block.level, block.title))
    return pieces


def join(pieces: Iterable[str]) -> str:
    """The whole text again. A part that does not end its line (a rewritten one) gets a blank line after it."""
    parts: list[str] = []
    for piece in filter(None, pieces):
        if parts and not parts[-1].endswith("\n"):
            parts.append("\n\n")
        parts.append(piece)
    return "".join(parts)


def _parts(blocks: list[_Block], budget: int) -> Iterator[list[_Block]]:
    part: list[_Block] = []
    for block in blocks:
        while part and sum(kept.tokens for kept in part) + block.tokens > budget:
            cut = _cut(part, budget)
            if not cut and block.tokens > budget:
                break  # headings go with the block that no part can hold
            cut = cut or len(part)
            yield part[:cut]
            part = part[cut:]
        part.append(block)
    if part:
        yield part


def _cut(part: list[_Block], budget: int) -> int:
    """Where a full part ends: before its last heading if half of the budget stands before it, else before the headings
    at its end.
    """
    end = len(part)
    while end and part[end - 1].level:
        end -= 1
    size = sum(block.tokens for block in part[:end])
    for i in range(end - 1, 0, -1):
        size -= part[i].tokens
        if 2 * size < budget:
            break
        if part[i].level and not part[i - 1].level:
            return i
    return end


def _block(text: str, count: Callable[[str], int]) -> _Block:
    match = _HEADING.match(text.strip("\n"))
    return _Block(text, len(match[1]) if match else 0, match[2] if match else "", count(text))


def blocks(text: str) -> Iterator[str]:
    """The text cut after blank lines and around headings, outside code, displays and environments."""
    lines = _LINE.findall(text)
    block: list[str] = []
    filled = complete = False
    closed_before = i = 0
    while i < len(lines):
        heading = _HEADING.match(lines[i])
        blank = not lines[i].strip()
        if filled and (heading or (complete and not blank)):
            yield "".join(block)
            block, filled = [], False
        end = i + 1
        if fenced := _FENCE.match(lines[i]):
            end = _after_fence(lines, i, fenced[1])
        elif i >= closed_before:
            end = _after_display(lines, i)
            if not end:
                end, closed_before = i + 1, i + _DISPLAY_LINES
        block += lines[i:end]
        filled = filled or not blank
        complete = heading is not None or blank
        i = end
    if block:
        yield "".join(block)


def _after_fence(lines: list[str], start: int, mark: str) -> int:
    for i in range(start + 1, len(lines)):
        closing = _FENCE.match(lines[i])
        if closing and closing[1].startswith(mark) and not lines[i][closing.end() :].strip():
            return i + 1
    return len(lines)


def _after_display(lines: list[str], start: int) -> int:
    """The line after `start`, or after the display that it leaves open; 0 where nothing closes that."""
    dollars = brackets = depth = 0
    for i in range(start, min(len(lines), start + _DISPLAY_LINES)):
        line = lines[i]
        if "$" in line or "\\" in line:
            for mark in _DISPLAY.finditer(line):
                if mark["dollars"]:
                    dollars ^= 1
                elif mark["bracket"]:
                    brackets = int(mark["bracket"] == "[")
                elif mark["edge"]:
                    depth = depth + 1 if mark["edge"] == "begin" else max(depth - 1, 0)
        if not dollars and not brackets and not depth:
            return i + 1
    return 0
