"""Sentences of a text by one deterministic rule, on bytes: where each ends.

A sentence ends behind `.`, `!`, `?` or their full-width forms, with the quotes, brackets and dollars that close there,
where white space follows; and at a blank line. It does not end behind an abbreviation or an initial, before a
lower-case letter or a sign that goes on (`n! = 6`), or before a display (which belongs to the sentence that leads to
it), and it has at least one letter.
"""

import re

_END = re.compile(
    rb"(?P<blank>\n[ \t\r]*\n)"
    rb"|(?:[.!?]+|\xe2\x80\xa6|(?P<wide>\xe3\x80\x82|\xef\xbc\x81|\xef\xbc\x9f))"
    rb"(?:[\"')\]}$*_]|\xe2\x80\x9d|\xe2\x80\x99|\xe3\x80\x8d)*(?P<space>(?=\s|\Z))?"
)
_ABBREVIATION = re.compile(
    rb"(?:^|[^A-Za-z])(?:[A-Z]|No|St|Ex|(?i:e\.g|i\.e|a\.k\.a|cf|vs|viz|resp|approx|al|ca|pp|ed|eds|vol|ch|figs?|eqs?|sec|thm"
    rb"|def|prop|cor|lem|mr|mrs|ms|dr|prof|jr))\.\Z"
)
_LONGEST_ABBREVIATION = 12
_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_DISPLAY = re.compile(rb"\s*(?:\$\$|\\\[|\\begin\b)")
_DISPLAYED = re.compile(rb"(?:\$\$|\\\])\s*\Z")
_GOES_ON = re.compile(rb"\s*(?:[a-z=<>+,;:)&]|\$\$|\\\[|\\begin\b|\\\]|\\end\b)")


def segment_ends(text: bytes) -> list[int]:
    """Where the sentences of a text end, in bytes, in order; the last end is the text's.

    White space between two sentences belongs to the second one, as tokens have it; behind the last one to that.
    """
    ends: list[int] = []
    begin, last = 0, len(text.rstrip())
    for found in _END.finditer(text):
        end = found.start() if found["blank"] else found.end()
        if end <= begin or not _LETTER.search(text, begin, end):
            continue
        if not (_parts(text, found) if found["blank"] else _ends(text, found)):
            continue
        if end >= last:
            break
        ends.append(end)
        begin = end
    return [*ends, len(text)] if text else []


def _parts(text: bytes, found: re.Match[bytes]) -> bool:
    """Whether a blank line ends a sentence: not around a display that it leads to, or that it goes on behind."""
    if _DISPLAY.match(text, found.end()):
        return False
    return not (
        _DISPLAYED.search(text[max(0, found.start() - 8) : found.start()]) and _GOES_ON.match(text, found.end())
    )


def _ends(text: bytes, found: re.Match[bytes]) -> bool:
    """Whether a stop ends a sentence."""
    if found["wide"]:
        return True
    if found["space"] is None or _GOES_ON.match(text, found.end()):
        return False
    word = text[max(0, found.start() + 1 - _LONGEST_ABBREVIATION) : found.start() + 1]
    return not _ABBREVIATION.search(word)
