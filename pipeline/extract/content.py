"""Which part of a page is its content.

Parts that their markup names as something else (navigation, share bars, notices) are left out, unless they hold most of
the running text. From what remains the choice descends, from the body or the page's one `<main>`, into the child that
holds nearly all of the text, as long as there is one: what stays beside the way is less than the share that may be lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.extract.content_hints import LEFT_OUT_ROLES, LEFT_OUT_TAGS, hidden, is_note, named, series_names
from pipeline.extract.content_outline import INLINE, TEXT, Outline, words

GUARD = 1
SHORT = 100  # characters; a block this long weighs half its length, longer ones more
MOST = 0.4  # a part with more of the running text than this is not left out for its name
SURE = 0.8  # the same for navigation and footers
SURE_TAGS = words("nav footer aside")
NEARLY_ALL = 0.7  # a child with this share of the text is descended into
HALF = 0.5  # and with this share of the plain text
CONTAINERS = words("div section article main td tr tbody table center form body content span font")
MAIN = 0.3
ARTICLE = 0.6
FORM = 100
LINK_WORTH = 0.2  # a character inside a link, beside one outside
NAMED_FREELY = words("main article pre code blockquote h1 h2 h3 body p tr td tbody")  # names do not speak against these
BLOCK_COST = 10  # characters; what a block must have before it counts as running text


@dataclass(slots=True)
class Choice:
    """The root of the content and, per entry inside it, whether it was left out (and why)."""

    root: int
    left_out: dict[int, str]
    value: list[float]


def names_of(attributes: dict[str, str | None]) -> str:
    """Class and id of an element. A long id is the slug of a heading, which speaks of the content, not of its part."""
    names = attributes.get("class") or ""
    given = attributes.get("id")
    if given and len(given) < 40 and given.count("-") + given.count("_") + given.count(" ") < 3:
        names = f"{names} {given}"
    return names


def suspects(page: Outline, plain: list[float]) -> dict[int, str]:
    """Entries whose markup says that they are no content, with the reason; outermost only."""
    tags, ends, attributes = page.tags, page.ends, page.attributes
    found: dict[int, str] = {}
    inside = 0  # end of the innermost article or main, where a header is the content's own
    i, count = 1, len(page)
    while i < count:
        tag, given = tags[i], attributes[i]
        reason, most = "", MOST
        if tag in LEFT_OUT_TAGS or (tag == "header" and i >= inside):
            if not (tag == "aside" and is_note(given)):
                reason = f"tag {tag}"
            if tag in SURE_TAGS:
                most = SURE
        elif given:
            role = given.get("role")
            if role in LEFT_OUT_ROLES:
                reason = f"role {role}"
            elif hidden(given):
                reason = "hidden"
            else:
                names = names_of(given)
                if names and tag not in NAMED_FREELY:
                    reason = named(names)
                    if reason == "notice":
                        most = SURE
        if reason == "tag form" and plain[i] > FORM:
            reason = ""
        if reason and plain[i] <= most * plain[0]:
            found[i] = reason
            i = ends[i]
            continue
        if tag in ("main", "article") and ends[i] > inside:
            inside = ends[i]
        i += 1
    return found


def running_text(page: Outline, left_out: Mapping[int, str]) -> tuple[list[float], list[float]]:
    """Per entry, the text of its subtree in characters, and the same with long blocks weighing more than short ones.

    Links count less, the shortest blocks not at all.
    """
    count = len(page)
    tags, parents, texts, ends = page.tags, page.parents, page.texts, page.ends
    letters = [0] * count
    linked = [0] * count
    plain = [0.0] * count
    weight = [0.0] * count
    skip = bytearray(count)
    for i in left_out:
        skip[i : ends[i]] = b"\1" * (ends[i] - i)
    for i in range(count - 1, -1, -1):
        if skip[i]:
            continue
        tag = tags[i]
        if tag == TEXT:
            letters[parents[i]] += len(texts[i].strip().encode())
            continue
        parent = parents[i]
        if tag in INLINE:
            letters[parent] += letters[i]
            linked[parent] += letters[i] if tag == "a" else linked[i]
        elif letters[i]:
            own = letters[i] - (1 - LINK_WORTH) * linked[i]
            plain[i] += own
            own -= BLOCK_COST
            if own > 0:
                weight[i] += own * own / (own + SHORT)
        if i:
            plain[parent] += plain[i]
            weight[parent] += weight[i]
    return plain, weight


def in_series(page: Outline, i: int, plain: list[float]) -> bool:
    """Whether an entry is one of several posts, answers or the like that stand side by side."""
    tag = page.tags[i]
    series = series_names(names_of(page.attributes[i]))
    if not series and tag not in ("li", "tr", "td", "article", "dd"):
        return False
    parent = page.parents[i]
    child = parent + 1
    while child < page.ends[parent]:
        if child != i and page.tags[child] == tag and plain[child] > 0.02 * plain[i]:
            if not series or series & series_names(names_of(page.attributes[child])):
                return True
        child = page.ends[child]
    return False


def the_one(page: Outline, tag: str, left_out: Mapping[int, str]) -> int:
    """The page's only element of a kind, 0 where there is none or more than one."""
    found, i = 0, 1
    while i < len(page):
        if i in left_out:
            i = page.ends[i]
            continue
        if page.tags[i] == tag or page.attributes[i].get("role") == tag:
            if found:
                return 0
            found = i
            i = page.ends[i]
            continue
        i += 1
    return found


def choose(page: Outline) -> Choice | None:
    """The content of a page, or None where there is no text at all."""
    left_out = suspects(page, running_text(page, {})[GUARD])
    plain, weight = running_text(page, left_out)
    root = 0
    for tag, share in (("main", MAIN), ("article", ARTICLE)):
        one = the_one(page, tag, left_out)
        if one and weight[one] >= share * weight[root] and page.parents[one] >= root:
            root = one
    while plain[root]:
        heaviest = None
        child = root + 1
        while child < page.ends[root]:
            if (
                weight[child] >= NEARLY_ALL * weight[root]
                and plain[child] >= HALF * plain[root]
                and page.tags[child] in CONTAINERS
            ):
                heaviest = child
            child = page.ends[child]
        if heaviest is None or in_series(page, heaviest, plain):
            break
        root = heaviest
    return Choice(root, left_out, weight)
