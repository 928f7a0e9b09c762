"""Notes: the marks that refer to them, those inside a sentence, and those that stand behind the content."""

import re

from pipeline.extract.content_hints import Attributes
from pipeline.extract.content_outline import Outline

_ENTRIES = 4  # of a link that is a reference: itself, what raises it, its text
_NUMBER = re.compile(r"[a-z]?\d{1,3}[a-z]?|[*†‡§]{1,3}")
_NAMED = re.compile(r"foot-?note|note-?ref|fn-?ref|endnote", re.I)
_INLINE = re.compile(r"(?:^|\s)(?:ltx_note_outer|side-?note|margin-?note)(?:$|\s)")


def is_reference(page: Outline, i: int) -> bool:
    """Whether a link or a superscript is the mark of a note on the page, not mathematics: `<sup><a href="#fn1">`,
    `<a href="#fn1"><sup>`, or a link that its class or role calls one."""
    tags, below, given = page.tags, i + 1, page.attributes[i]
    if below >= page.ends[i]:
        return False
    if tags[i] == "sup":
        return tags[below] == "a" and _leads_to_note(page, below)
    if page.ends[i] - i > _ENTRIES or not _leads_to_note(page, i) or not _NUMBER.fullmatch(_text(page, i)):
        return False
    names = f"{given.get('class') or ''} {given.get('role') or ''} {given.get('epub:type') or ''}"
    return tags[below] == "sup" or ("back" not in names and bool(_NAMED.search(names)))


def _leads_to_note(page: Outline, i: int) -> bool:
    return "#" in (page.attributes[i].get("href") or "")


def _text(page: Outline, i: int) -> str:
    return "".join(page.texts[i : page.ends[i]]).strip()


def reference(page: Outline, i: int) -> str:
    """The mark of a note, in brackets, so that it does not run into a number or a word before it."""
    text = _text(page, i)
    bracketed = page.texts[i - 1].rstrip().endswith(("[", "("))
    return f"[{text}]" if _NUMBER.fullmatch(text) and not bracketed else text


def is_inline_note(attributes: Attributes) -> bool:
    """Whether a span holds a note where it is referred to: beside the text on a wide screen (LaTeXML, Tufte)."""
    return bool(_INLINE.search(attributes.get("class") or ""))
