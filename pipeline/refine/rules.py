"""The offline refiner: a deterministic editor that repairs and never rewrites. It makes no claim to be a model.

It removes lines of navigation and repeated paragraphs, joins broken lines, and writes formula delimiters in one way.
Formulas, numbers and code are never touched: a line that holds one is never removed, unless its whole paragraph stands
twice.
"""

import re
from collections.abc import Iterator

from pipeline.refine.split import blocks

VERSION = 2
"""Raised by hand when the output can change."""

NAME = f"rules@{VERSION}"
"""What a document's `refiner` says."""

_INLINE = re.compile(r"(?<![\\$\w])\\\((?P<inner>(?:(?!\\[()\[\]]|\n)[^$]){1,1000}+)\\\)(?![$\w])")
_BRACKETS = re.compile(r"(?<!\\)\\\[(?P<inner>(?:(?!\\[()\[\]]|\n[ \t]*\n)[^$]){1,5000}+)\\\]")
_BRACKET = re.compile(r"(?<!\\)\\[\[\]]")
_INVISIBLE = str.maketrans({"\u00a0": " ", "\u200b": None, "\ufeff": None, "\u00ad": None, "\r": None})
_CODE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})")
_DISPLAYS = re.compile(r"\$\$|\\\[|\\begin\b")
_CONTENT = re.compile(r"[\d$\\`|]")

_PHRASES = frozenset(
    """
    about, about us, accept, accept all, accept all cookies, accept cookies, add a comment, advertisement,
    advertisements, all rights reserved, back to the top, back to top, contact, contact us, content, contents,
    cookie policy, cookie settings, disclaimer, email this, facebook, home, leave a comment, leave a reply, linkedin,
    loading, log in, log in or register, log in or sign up, log in to reply, log out, login, logout, main menu, menu,
    my account, navigation, next, next article, next chapter, next lesson, next page, next post, permalink, pin it,
    popular articles, popular posts, post a comment, prev, previous, previous article, previous chapter,
    previous lesson, previous page, previous post, print, print page, print this, print this page, privacy,
    privacy policy, read more, recent articles, recent posts, reddit, register, related articles, related pages,
    related posts, related questions, reply, report, report abuse, search, share, sign in, sign out, sign up, site map,
    sitemap, skip to content, skip to main content, sponsored, sponsored content, subscribe, subscribe now, terms,
    terms of service, terms of use, to the top, top, tweet, twitter, whatsapp
    """.replace("\n    ", " ")
    .strip()
    .split(", ")
)
_BEGINNINGS = re.compile(
    r"(?:share (?:this|on|via)|follow us|like us|click here|continue reading"
    r"|(?:this site|this website|we) uses? cookies"
    r"|your email address will not be published|(?:[«<←] ?)?prev(?:ious)? [|·•/-] next)\b"
)
_STRUCTURE = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]|[>|]|[-*+•·][ \t]|\(?(?:\d{1,4}|[A-Za-z]|[ivxIVX]{1,5})[.)][ \t]"
    r"|\$\$|\\|!\[|-{3,}|={3,}|_{3,}|\*{3,})"
)
_BROKEN_END = re.compile(r"[^\W\d_]{2}[,;]?\Z|[^\W\d_]{3}-\Z")
_BROKEN_START = re.compile(r"[a-zà-ÿ]{2,}(?:[ ,;.)]|\Z)")
_WORD = re.compile(r"[^\W\d_]+")
_LAST_WORD = re.compile(r"[^\W\d_]{1,40}\Z")
_BROKEN_CHARS = 40
"""A shorter line ends where its author ended it (an address, a verse, a label)."""
_BOILERPLATE_CHARS = 160
_REPEATED_CHARS = 60
"""A shorter paragraph may well stand twice (`Solve for $x$.`)."""


def edit(text: str) -> str:
    """The edited text; editing that again changes nothing. Linear in the length of the text.

    A text of which nothing would be left stays as it is.
    """
    words: set[str] = set(_WORD.findall(text)) if "-\n" in text else set()
    seen: set[str] = set()
    out: list[str] = []
    for block in blocks(text):
        if _CODE.match(block):
            out.append(block)
            continue
        edited = _block(block.translate(_INVISIBLE), words)
        if len(edited) >= _REPEATED_CHARS:
            form = " ".join(edited.split())
            if form in seen:
                continue
            seen.add(form)
        if edited:
            out.append(edited + _gap(block))
    return "".join(out).strip("\n") if any(map(str.strip, out)) else text


def is_boilerplate(line: str) -> bool:
    """Whether a line is navigation, sharing, sign-in or the like, and holds no number, formula, code or table."""
    if len(line) > _BOILERPLATE_CHARS or _CONTENT.search(line):
        return False
    line = line.strip(" \t*_>|·•-–—#«»←→.:!…").casefold()
    return line in _PHRASES or _BEGINNINGS.match(line) is not None


def _gap(block: str) -> str:
    """The line ends after a block: one blank line at most."""
    return "\n" * min(block[len(block.rstrip()) :].count("\n"), 2)


def _block(block: str, words: set[str]) -> str:
    """One paragraph, heading, list, table or display."""
    if _DISPLAYS.search(block):
        edited = block.strip("\n").rstrip()
    else:
        lines = [line.rstrip() for line in block.split("\n")]
        edited = "\n".join(_joined([line for line in lines if line and not is_boilerplate(line)], words))
    if "\\(" in edited:
        edited = _INLINE.sub(
            lambda match: f"${match['inner'].strip()}$" if match["inner"].strip() else match[0], edited
        )
    if "\\[" in edited and edited.count("$$") % 2 == 0:
        in_dollars = _BRACKETS.sub(lambda match: f"$${match['inner']}$$", edited)
        if not _BRACKET.search(in_dollars):  # one without a partner would pair with others the next time
            edited = in_dollars
    return edited


def _joined(lines: list[str], words: set[str]) -> Iterator[str]:
    """Lines, those that were broken in the middle of a sentence as one again."""
    parts: list[str] = []
    length = 0
    for line in lines:
        if parts and length >= _BROKEN_CHARS and _broken(parts, line):
            line = line.lstrip()
            parts[-1], between = _mend(parts[-1], line, words)
            parts += [between, line]
        else:
            if parts:
                yield "".join(parts)
            parts, length = [line], 0
        length += len(line)
    if parts:
        yield "".join(parts)


def _broken(parts: list[str], line: str) -> bool:
    return (
        _BROKEN_END.search(parts[-1]) is not None
        and _BROKEN_START.match(line.lstrip()) is not None
        and not _STRUCTURE.match(parts[0])
        and not _STRUCTURE.match(line)
    )


def _mend(first: str, second: str, words: set[str]) -> tuple[str, str]:
    """The first half and what goes between; a word cut by a hyphen is whole again where the page has it elsewhere."""
    if not first.endswith("-"):
        return first, " "
    before, after = _LAST_WORD.search(first[:-1]), _WORD.match(second)
    return (first[:-1] if before and after and before[0] + after[0] in words else first), ""
