"""How a record begins: in WARC with a version line and header fields, in ARC with one line."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastwarc.warc import HeaderMap

HEADER_BYTES = 1 << 16
"""Longest header block; a longer one is not a header."""

Headers = dict[str, str]
"""Lower-case name to value; of a name given twice the first."""

_PARSER_BYTES = 32_000

_LINE_END = re.compile(rb"\r?\n|\r(?!\n)")
_ARC_LINE = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,20}:[^\r\n]{0,4000}?) ([0-9A-Fa-f.:]{1,45}|-) (\d{14}) "
    rb"([^\r\n]{0,200}?) ?(\d{1,15})\r?\n"
)


@dataclass(frozen=True, slots=True)
class Grammar:
    """What marks a record's header."""

    name: str
    lookahead: int
    """Decoded bytes that `begins` and `find` may need to see."""
    begins: Callable[[bytes, int], bool]
    """Whether a header begins at a position, where one is expected."""
    find: re.Pattern[bytes]
    """A header anywhere: stricter, since nothing says that one is there."""
    length: Callable[[bytes, int], int]
    """Bytes of the header at a position; 0 when its end is not in sight."""
    parse: Callable[[bytes], Headers]
    """The fields of a header."""


def block_length(data: bytes, start: int) -> int:
    """Bytes of the header block at `start`, its blank line included; 0 when no blank line ends it.

    Lines may end in CR LF or in LF alone (ClueWeb, wget, many servers).
    """
    limit = start + HEADER_BYTES
    crlf = data.find(b"\r\n\r\n", start, limit)
    end = crlf + 4 if crlf >= 0 else 0
    for blank in (b"\n\n", b"\n\r\n"):
        found = data.find(blank, start, end - 3 if end else limit)
        if found >= 0:
            end = found + len(blank)
    return end - start if end else 0


def parse_block(block: bytes) -> tuple[str, Headers]:
    """The first line and the fields of a header block. Folded lines are joined, lines without a colon ignored."""
    lines = block.count(b"\n")
    if block.count(b"\r\n") != lines or block.count(b"\r") != lines:
        block = _LINE_END.sub(b"\r\n", block)
    first, headers = "", Headers()
    for number, part in enumerate(_parts(block)):
        fields = HeaderMap()
        fields.parse(io.BytesIO(part), has_status_line=number == 0)
        first = first or fields.status_line or ""
        for name, value in fields.to_tuples():
            headers.setdefault(name.lower(), value)
    return first, headers


def _parts(block: bytes) -> Iterator[bytes]:
    """The block in parts that FastWARC takes (it refuses more than 32 KiB), cut at line ends; longer lines are cut."""
    while len(block) > _PARSER_BYTES:
        end = block.rfind(b"\r\n", 0, _PARSER_BYTES) + 2
        yield block[: end if end > 1 else _PARSER_BYTES]
        rest = end if end > 1 else block.find(b"\r\n") + 2
        block = block[rest if rest > 1 else len(block) :]
    yield block


def _arc_length(data: bytes, start: int) -> int:
    match = _ARC_LINE.match(data, start)
    return len(match[0]) if match else 0


def _arc_fields(line: bytes) -> Headers:
    """An ARC line (`URL address date type … length`, versions 1 and 2) as WARC fields."""
    match = _ARC_LINE.fullmatch(line)
    assert match is not None, line
    url, _, date, kinds, length = (group.decode("utf-8", errors="replace") for group in match.groups())
    return {
        "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-date": date,
        "content-type": kinds.partition(" ")[0],
        "content-length": length,
    }


WARC = Grammar(
    name="warc",
    lookahead=80,
    begins=lambda data, at: data[at : at + 5].upper() == b"WARC/",  # the standard: names in any case
    find=re.compile(rb"(?i:WARC)/\d{1,2}\.\d{1,3}\r?\n[!-9;-~]{1,64}:"),
    length=block_length,
    parse=lambda block: parse_block(block)[1],
)
ARC = Grammar(
    name="arc",
    lookahead=4300,
    begins=lambda data, at: _ARC_LINE.match(data, at) is not None,
    find=re.compile(rb"(?<=\n)" + _ARC_LINE.pattern),
    length=_arc_length,
    parse=_arc_fields,
)
