"""Which part of a page is its content.

Every entry of the outline gets a value: long texts with few links are worth their length, short link-rich ones cost.
The content is the subtree with the greatest sum, less the subtrees in it that cost more than they bring.
"""

from dataclasses import dataclass

from pipeline.extract.content_outline import INLINE, TEXT, Outline, words

DROPPED_TAGS = frozenset({"nav", "footer", "aside", "button", "menu"})
DROPPED_ROLES = words(
    "navigation banner contentinfo search complementary menu menubar toolbar dialog alert alertdialog"
)


@dataclass(slots=True)
class Choice:
    """The root of the content and, per entry inside it, whether it was left out (and why)."""

    root: int
    left_out: dict[int, str]


def hidden(attributes: dict[str, str | None]) -> bool:
    """Whether the markup says that a reader does not see the element."""
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return bool(style) and "display:none" in style.replace(" ", "").lower()  # type: ignore[union-attr]


def choose(page: Outline) -> Choice | None:
    """The content of a page, or None where there is no text at all."""
    count = len(page)
    tags, ends, parents, texts, attributes = page.tags, page.ends, page.parents, page.texts, page.attributes
    left_out: dict[int, str] = {}
    letters = [0] * count
    linked = [0] * count
    value = [0.0] * count
    i = 1
    while i < count:
        given = attributes[i]
        reason = ""
        if tags[i] in DROPPED_TAGS:
            reason = "tag"
        elif given and given.get("role") in DROPPED_ROLES:
            reason = "role"
        elif given and hidden(given):
            reason = "hidden"
        if reason:
            left_out[i] = reason
            i = ends[i]
        else:
            i += 1
    skip = [False] * count
    for i in left_out:
        skip[i : ends[i]] = [True] * (ends[i] - i)
    for i in range(count - 1, 0, -1):
        if skip[i]:
            continue
        tag = tags[i]
        if tag == TEXT:
            letters[i] = len(texts[i].strip())
        if tag == "a":
            linked[i] = letters[i]
        if tag not in INLINE and letters[i]:
            density = linked[i] / letters[i]
            value[i] += letters[i] * (1 - 2 * density) - 20
            letters[i] = linked[i] = 0
        parent = parents[i]
        letters[parent] += letters[i]
        linked[parent] += linked[i]
        value[parent] += value[i]
    best = 0
    for i in range(count):
        if tags[i] not in INLINE and value[i] >= value[best]:
            best = i
    return Choice(best, left_out)
