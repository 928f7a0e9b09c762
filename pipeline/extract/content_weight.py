"""How much running text stands where: one pass from the last entry of an outline to the first."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.extract.content_outline import INLINE, TEXT, Outline

LINK_WORTH = 0.2  # a character inside a link, beside one outside
BLOCK_COST = 10  # characters; what a block must have before it counts as running text
SHORT = 100  # characters; a block this long weighs half its length, a longer one more, a shorter one less


@dataclass(frozen=True, slots=True)
class Weights:
    """Per entry, sums over its subtree. Lengths are in UTF-8 bytes, so that an ideograph counts as a short word.

    `plain` counts text, in links less. `running` counts the same with long blocks weighing more than short ones, which
    tells prose from teasers, captions and menus. `text` and `linked` are bytes of text, and of text in links to other
    pages; `links` counts those.
    """

    plain: list[float]
    running: list[float]
    text: list[int]
    linked: list[int]
    links: list[int]


def weigh(page: Outline, left_out: Iterable[int] = ()) -> Weights:
    """Weights of every entry, without the subtrees that are left out (their own entries weigh 0)."""
    count = len(page)
    tags, parents, texts, ends, attributes = page.tags, page.parents, page.texts, page.ends, page.attributes
    block = [0] * count  # text of the block that is being gathered from inline descendants
    block_linked = [0] * count
    plain = [0.0] * count
    running = [0.0] * count
    text = [0] * count
    linked = [0] * count
    links = [0] * count
    skip = bytearray(count)
    for i in left_out:
        skip[i : ends[i]] = b"\1" * (ends[i] - i)
    for i in range(count - 1, -1, -1):
        if skip[i]:
            continue
        tag = tags[i]
        parent = parents[i]
        if tag == TEXT:
            written = texts[i].strip()
            block[parent] += len(written) if written.isascii() else len(written.encode())
            continue
        if tag in INLINE:
            if tag == "a":
                block[parent] += block[i]
                block_linked[parent] += block[i]
                if not (attributes[i].get("href") or "#").startswith("#"):
                    links[i] += 1
            else:
                block[parent] += block[i]
                block_linked[parent] += block_linked[i]
        elif block[i]:
            own = block[i] - (1 - LINK_WORTH) * block_linked[i]
            plain[i] += own
            text[i] += block[i]
            linked[i] += block_linked[i]
            own -= BLOCK_COST
            if own > 0:
                running[i] += own * own / (own + SHORT)
        if i:
            plain[parent] += plain[i]
            running[parent] += running[i]
            text[parent] += text[i]
            linked[parent] += linked[i]
            links[parent] += links[i]
    return Weights(plain, running, text, linked, links)
