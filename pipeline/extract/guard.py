"""Markup that would cost the parser time or memory out of proportion, told from the source before it is parsed.

Three things in HTML's parsing rules are not linear. Closing a tag searches the open elements, so time grows with the
square of the depth; an attribute is compared with all before it in its tag; and formatting elements that were left open
(`<b class=1><b class=2>…`) are built anew in every following block, so 27 KB of source can become four million nodes
(1.4 GB in lexbor). The checks are estimates that an ordinary page passes after a few passes of compiled code.
"""

import re
from collections import Counter

from pipeline.extract.content_outline import INLINE, words
from pipeline.extract.limits import LimitExceeded, Limits

_FORMATTING = words("b big code em font i nobr s small strike strong tt u")
_VOID = words("area base br col embed hr img input link meta param source track wbr")
_RAW = words("script style textarea title xmp")
_CLOSES_ITSELF = words("p li dt dd option tr td th")

_TAG = re.compile(r"<(?:(/?)([a-zA-Z][^\s/>]*)|!--.*?(?:-->|\Z))", re.DOTALL)
# Letters in both cases: a search that ignores case loses its fast path to the next "<".
_FORMATTING_TAG = re.compile(
    r"<(?=[bcefinstuBCEFINSTU])(?:"
    + "|".join("".join(f"[{c}{c.upper()}]" for c in name) for name in sorted(_FORMATTING))
    + r")\s[^>]*"
)
# One start tag, to its end or to the end of the page: it always matches, so no character is read twice.
_START_TAG = re.compile(r"<[a-zA-Z](?:[^\"'>]++|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+")
_VALUE = re.compile(r"=\s*(?:\"[^\"]*\"|'[^']*')")

_FEW_VALUES = 10_000  # a tenth of a second for the parser, if all stand in one tag
_LONG_TAG = re.compile(r"<[a-zA-Z][^>\"'=]{20000}")  # attributes without values
_FEW_TAGS = 30_000  # start tags: nested, they take the parser a second
_FEW_COPIES = 1_000_000  # start tags times formatting tags with attributes: a bound on the nodes that they can become
_ALIKE = 3  # formatting elements with the same start tag; HTML forgets further ones
_SLACK = 20  # the depth told from the source is an estimate; the exact one is checked on the tree


def check_markup(source: str, limits: Limits) -> None:
    """Raise LimitExceeded on source that the parser should not be given. Linear in its length."""
    tags = source.count("<")
    if tags > 4 * limits.nodes:
        raise LimitExceeded("too_many_nodes", tags)
    if source.count("=") > _FEW_VALUES or _LONG_TAG.search(source):
        _check_attributes(source, limits)
    opened = tags - source.count("</")
    if opened > _FEW_TAGS or opened * opened > _FEW_COPIES:
        distinct = len(set(_FORMATTING_TAG.findall(source)))
        if opened > _FEW_TAGS or opened * distinct * _ALIKE > _FEW_COPIES:
            _simulate(source, limits)


def _check_attributes(source: str, limits: Limits) -> None:
    """Raise LimitExceeded on a tag with too many attributes."""
    for match in _START_TAG.finditer(source):
        if len(match[0]) > 2 * limits.attributes:
            attributes = len(_VALUE.sub(" a ", match[0]).split()) - 1
            if attributes > limits.attributes:
                raise LimitExceeded("too_many_attributes", attributes)


def _simulate(source: str, limits: Limits) -> None:
    """Follow the stack of open elements and the list of open formatting elements as HTML's rules do, roughly."""
    stack: list[tuple[str, int]] = []  # name, "" for rebuilt formatting elements, and how many of those it stands for
    opened: dict[str, int] = {}
    closable: dict[str, list[str]] = {}  # start tags of unclosed formatting elements, by name
    alike: Counter[str] = Counter()
    unclosed = 0  # formatting elements that no end tag has closed
    standing = 0  # those of them that are on the stack; the others are built anew at the next tag
    nodes = 0
    raw = ""
    for match in _TAG.finditer(source):
        if not match[2]:
            continue  # a comment
        name = match[2].lower()
        if raw:
            raw = "" if match[1] and name == raw else raw
            continue
        if match[1]:
            if closable.get(name):
                alike[closable[name].pop()] -= 1
                unclosed -= 1
            top = ""
            while opened.get(name) and top != name:
                top, count = stack.pop()
                standing -= count
                opened[top] -= 1
            standing = min(standing, unclosed)
            continue
        if name in _CLOSES_ITSELF and opened.get(name):
            while stack[-1][1]:
                standing -= stack[-1][1]
                opened[stack.pop()[0]] -= 1
            if stack[-1][0] == name:
                opened[stack.pop()[0]] -= 1
        rebuilt = max(0, unclosed - standing)
        nodes += 1 + rebuilt
        if nodes > limits.nodes:
            raise LimitExceeded("too_many_nodes", nodes)
        formats = 0
        if name in _FORMATTING:
            start_tag = source[match.start() : source.find(">", match.end())]
            if alike[start_tag] < _ALIKE:
                formats = 1
                unclosed += 1
                alike[start_tag] += 1
                closable.setdefault(name, []).append(start_tag)
        parts = [("", rebuilt), (name, formats)]
        for top, count in parts if name in INLINE else reversed(parts):  # a block begins before they are rebuilt in it
            if count or (top and top not in _VOID and top not in _RAW):
                stack.append((top, count))
                opened[top] = opened.get(top, 0) + 1
                standing += count
        if name in _RAW:
            raw = name
        if len(stack) > _SLACK * limits.depth:
            raise LimitExceeded("too_deep", len(stack))
