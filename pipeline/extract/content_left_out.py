"""Parts of a page that are left out: by what their markup says, and, inside the content, by being lists of links."""

import re
from bisect import bisect_right

from pipeline.extract.content_hints import (
    LEFT_OUT_ROLES,
    Attributes,
    entitles,
    hidden,
    is_line_number,
    is_note,
    named,
    names_of,
)
from pipeline.extract.content_outline import TEXT, Outline, words
from pipeline.extract.content_weight import Weights

LEFT_OUT_TAGS = words("nav footer button menu dialog noscript form aside")
SURE_TAGS = words("nav footer aside")
MOST = 0.4  # a part with more of the running text than this is not left out for its markup
SURE = 0.8  # the same for navigation, footers, asides and notices
MANY = 3  # parts of one class that hold more than that together are not left out either
LONG = 0.2  # of the running text; with more in notices the rest is weighed without them
INTRODUCTION = 100  # running text of a header that introduces a text instead of a site
FORM_TEXT = 100  # bytes of text that a form to fill in may have; one with more wraps content

_SURE = frozenset({"notice", "hidden"})
_UNNAMED = words("main article pre code blockquote h1 h2 h3 body tr tbody dt")  # names do not speak against these
_HEADINGS = words("h1 h2 h3 h4 h5 h6")
_QUOTED = words("pre blockquote")  # a part that holds code or a quotation is a part of a text
_ANCHORS = words("# ¶ § 🔗 ⚓ ∞ ^ ↑ ↩ ↩︎ ↵ ⤴ ⏎")  # of headings, and back from notes
_BLANK = " \n\t\u200b\ufeff"
_NUMBER = re.compile(r"#\d{1,5}")  # of a post
_SLUG = re.compile(r"[^\W_]+")

LINK_SHARE = 0.75  # of the text of a list of links
LINKS = 3
HOSTS = 3  # so many sites in a list are references, not a way around one
_HOST = re.compile(r"https?://(?:www\.)?([^/?#]+)", re.I)
_LISTS = words("ul div section table p dl")
ACTION = 60  # bytes of text in a block of actions
_ACTION_BLOCKS = words("div section p ul ol li header footer")
_ITEMS = words("p li")  # without a class they may be content: a type, an entry of an index
_PROSE = 500  # running text that the content must have before lists of links in it are left out
_PART = 0.3  # of the content's text; a larger list of links is the content


def suspects(page: Outline, weights: Weights) -> dict[int, str]:
    """Entries whose markup says that they are no content, with the reason; outermost ones only."""
    everything = weights.running(0)
    found = _marked(page, weights, everything, everything)
    # A consent text may be longer than the content, beside which the other parts are to be judged.
    notices = sum(weights.running(i) for i, reason in found.items() if reason == "notice")
    if notices > LONG * everything:
        found = _marked(page, weights, everything, everything - notices)
    return _without_common(page, found, weights)


def _marked(page: Outline, weights: Weights, everything: int, unsure: int) -> dict[int, str]:
    """The same where the page has so much running text, and so much of it is not surely something else."""
    tags, ends, attributes = page.tags, page.ends, page.attributes
    found: dict[int, str] = {}
    inside = 0  # end of the innermost article or main, where a header is the content's own
    code = 0  # end of the innermost preformatted text, where names are those of a highlighter
    quoted = [i for i, tag in enumerate(tags) if tag in _QUOTED]
    # Where each post stands in a form of its own, the short ones are told by the long ones.
    forms = (i for i, tag in enumerate(tags) if tag == "form" and attributes[i].get("class"))
    wrapping = {attributes[i]["class"] for i in forms if weights.plain(i) > FORM_TEXT}
    i, count = 1, len(page)
    while i < count:
        tag, given = tags[i], attributes[i]
        reason, limit = "", MOST * unsure
        if tag == TEXT:
            i += 1
            continue
        if i < code:
            if tag == "button":
                reason = "<button>"  # copies the code
            elif given and is_line_number(given):
                reason = "line numbers"
        elif tag in LEFT_OUT_TAGS or (tag == "header" and i >= inside):
            wanted = (
                (tag == "aside" and is_note(given))
                or (tag == "header" and _introduces(page, i, weights))
                or (
                    tag == "form"
                    and (weights.plain(i) > FORM_TEXT or given.get("class") in wrapping)
                    and not i <= _first_after(page.fields, i - 1) < ends[i]
                )
                or (tag == "button" and (tags[page.parents[i]] in _HEADINGS or entitles(given)))
            )
            if not wanted:
                reason = f"<{tag}>"
                limit = SURE * everything if tag in SURE_TAGS else limit
        elif tag == "a" and _is_anchor(page, i, given):
            reason = "anchor"
        elif given and is_line_number(given) and _only_numbers(page, i):
            reason = "line numbers"
        elif given:
            reason = _by_attributes(page, i, tag, given)
            limit = SURE * everything if reason in _SURE else limit
            if reason == "boilerplate" and (
                i < _first_after(quoted, i) < ends[i] or (tag == "a" and _inside_sentence(page, i))
            ):
                reason = ""
        if reason and weights.running(i) <= limit:
            found[i] = reason
            i = ends[i]
            continue
        if tag in ("main", "article") and ends[i] > inside:
            inside = ends[i]
        elif tag == "pre" and ends[i] > code:
            code = ends[i]
        i += 1
    return found


def _introduces(page: Outline, i: int, weights: Weights) -> bool:
    """Whether the head of a page is that of its text: a title, and paragraphs (an abstract), but no ways elsewhere."""
    kinds = page.tags[i + 1 : page.ends[i]]
    return "h1" in kinds and "p" in kinds and weights.running(i) > INTRODUCTION and not weights.links(i)


def _inside_sentence(page: Outline, i: int) -> bool:
    """Whether a link has text before and behind it in a paragraph."""
    before, behind, parent = i - 1, page.ends[i], page.parents[i]
    return (
        page.tags[parent] == "p"
        and behind < page.ends[parent]
        and page.tags[before] == page.tags[behind] == TEXT
        and not page.texts[before].isspace()
        and not page.texts[behind].isspace()
    )


def _only_numbers(page: Outline, i: int) -> bool:
    """Whether a column beside code holds the numbers of its lines."""
    return "".join("".join(page.texts[i : page.ends[i]]).split()).isdecimal()


def _first_after(entries: list[int], i: int) -> int:
    """The first of some entries in order that stands behind an entry; 0 where there is none."""
    at = bisect_right(entries, i)
    return entries[at] if at < len(entries) else 0


def _without_common(page: Outline, found: dict[int, str], weights: Weights) -> dict[int, str]:
    """Leave what bears a class out of `found` where the parts of that class together hold most of the running text."""
    together: dict[str, list[int]] = {}
    for i in found:
        name = page.attributes[i].get("class")
        if name:
            together.setdefault(name, []).append(weights.running(i))
    most = MOST * weights.running(0)
    common = {name for name, running in together.items() if len(running) >= MANY and sum(running) > most}
    if not common:
        return found
    return {i: reason for i, reason in found.items() if page.attributes[i].get("class") not in common}


def _by_attributes(page: Outline, i: int, tag: str, given: Attributes) -> str:
    """The reason that role, state or names of an element give to leave it out, or ""."""
    role = given.get("role")
    if role in LEFT_OUT_ROLES:
        return f"role {role}"
    if hidden(given):
        return "hidden"
    if "data-nosnippet" in given:
        return "boilerplate"
    if tag in _UNNAMED:
        return ""
    if given.get("class") == "lang" and "language-" in (page.attributes[page.parents[i]].get("class") or ""):
        return "language"  # of the code beside it
    names = names_of(given)
    reason = named(names) if names else ""
    if reason and given.get("id") and (tag in _HEADINGS or _is_slug(page, i, given["id"] or "")):
        return named(given.get("class") or "")
    return reason


def _is_anchor(page: Outline, i: int, given: Attributes) -> bool:
    """Whether a link is the mark beside a heading, paragraph or post that links to it."""
    if page.ends[i] > i + 3:
        return False
    text = "".join(page.texts[i : page.ends[i]]).strip(_BLANK)
    return (not text or text in _ANCHORS or bool(_NUMBER.fullmatch(text))) and "#" in (given.get("href") or "")


def _is_slug(page: Outline, i: int, name: str) -> bool:
    """Whether an id repeats the words of the heading that its element begins with."""
    for child in range(i + 1, min(i + 5, page.ends[i])):
        if page.tags[child] in _HEADINGS:
            heading = "".join(page.texts[child : page.ends[child]]).lower()
            return _SLUG.findall(name.lower()) == _SLUG.findall(heading)
    return False


def link_lists(page: Outline, root: int, weights: Weights) -> dict[int, str]:
    """Lists inside the content that are links to other pages and little else; none where there is little prose."""
    if weights.running(root) < _PROSE:
        return {}
    tags, ends = page.tags, page.ends
    largest = _PART * weights.text(root)
    found = {}
    i = root + 1
    while i < ends[root]:
        if tags[i] in _LISTS and weights.links(i) >= LINKS and _all_links(weights, i) and weights.text(i) < largest:
            if _hosts(page, i) < HOSTS:
                found[i] = "links"
                if heading := _heading_of(page, i):
                    found[heading] = "links"
            i = ends[i]
        else:
            i += 1
    return found


def _heading_of(page: Outline, i: int) -> int:
    """The heading that stands directly before a list and has nothing else below it, else 0."""
    parent, last = page.parents[i], page.ends[i]
    if last < page.ends[parent] and page.tags[last] not in _HEADINGS:
        return 0
    before = i - 1
    while before > parent and page.parents[before] != parent:
        before = page.parents[before]
    return before if page.tags[before] in _HEADINGS and before > parent else 0


def _hosts(page: Outline, i: int) -> int:
    """How many sites the links of a list lead to: one of references leads to several."""
    hosts = set()
    for entry in range(i, page.ends[i]):
        if page.tags[entry] == "a" and (host := _HOST.match(page.attributes[entry].get("href") or "")):
            hosts.add(host[1])
    return len(hosts)


def actions(page: Outline, root: int, weights: Weights) -> dict[int, str]:
    """Short blocks inside the content that are links and stand there again and again: what a reader may do with a post
    ("Reply", "Top"); none where there is little prose."""
    if weights.running(root) < _PROSE:
        return {}
    tags, ends = page.tags, page.ends
    alike: dict[tuple[str, str | None, str], list[int]] = {}
    i = root + 1
    while i < ends[root]:
        if tags[i] in _ACTION_BLOCKS and 0 < weights.text(i) <= ACTION and _all_links(weights, i):
            name = page.attributes[i].get("class")
            if name or tags[i] not in _ITEMS:
                text = " ".join("".join(page.texts[i : ends[i]]).split())
                alike.setdefault((tags[i], name, text), []).append(i)
            i = ends[i]
        else:
            i += 1
    return {i: "actions" for same in alike.values() if len(same) >= MANY for i in same}


def _all_links(weights: Weights, i: int) -> bool:
    return weights.linked(i) >= LINK_SHARE * weights.text(i)
