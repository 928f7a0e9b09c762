"""Which part of a page is its content.

Parts that their markup names as something else (navigation, share bars, notices) are left out, unless they hold most of
the running text. From what remains the choice descends, from the body or the page's one `<main>`, into the child that
holds nearly all of it, as long as there is one: so what stands around the content falls away, and a list of posts or
answers, of which none holds nearly all, stays whole. Lists of links inside are left out last.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.extract.content_hints import is_notes, is_post, is_statement, names_of, series_names
from pipeline.extract.content_left_out import actions, link_lists, suspects
from pipeline.extract.content_outline import INLINE, Outline, words
from pipeline.extract.content_weight import Weights
from pipeline.extract.render_table import is_data_table

NEARLY_ALL = 0.7  # a child with this share of the running text is descended into,
HALF = 0.5  # if it has this share of the plain text as well
ALL_BUT = 0.9  # and this share of the running text if a sibling has the same classes
TWIN = 20
MAIN = 0.3  # the page's one <main> is the start if it has this share of the running text,
ARTICLE = 0.6  # and its one <article> this one
MEMBER = 0.02  # of the running text of a row; less in another row makes no series of them
INTRODUCTION = 30  # running text in paragraphs beside a child that keeps the choice from descending into it

_CONTAINERS = words("div section article main td tr tbody table center form body span font noscript")
_PARAGRAPHS = words("p pre blockquote")
_NO_POSTS = INLINE | words("p dt dd td h1 h2 h3 h4 h5 h6")
_PLAIN_PARTS = words("p div section h1 h2 h3 h4 h5 h6 ol ul li article")
_SECTION_HEADINGS = words("h1 h2 h3 h4 h5 h6")
_ROWS = words("li tr td article dd")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to render: `root` without `left_out` (with reasons).

    `notes` are footnotes that stand behind the root. `posts` are the posts of a thread, true for those that follow
    another and have a separation before them; `title` is the heading of a thread that stands outside the root, 0 where
    there is none. `plain` is the length of its plain text (see `Weights`).
    """

    root: int
    left_out: dict[int, str]
    notes: list[int]
    posts: dict[int, bool]
    title: int
    plain: int


def choose(page: Outline) -> Choice | None:
    """The content of a page, or None where there is no text at all."""
    weights = Weights(page)
    left_out = suspects(page, weights)
    weights.leave_out(left_out)
    if not weights.text(0):
        return None
    root = _start(page, weights, left_out)
    while True:
        child = _heaviest(page, root, weights)
        if not child or _in_series(page, child, weights) or _continues(page, child, weights, left_out):
            break
        if page.tags[child] == "table" and is_data_table(page, child, left_out):
            break  # a table of values is a part of a text, never the frame around one
        root = child
    left_out.update(link_lists(page, root, weights))
    left_out.update(actions(page, root, weights))
    posts = _posts(page, root, weights, left_out)
    notes = _notes(page, root, weights, left_out)
    return Choice(root, left_out, notes, posts, _title(page, root) if any(posts.values()) else 0, weights.plain(root))


def _start(page: Outline, weights: Weights, left_out: Mapping[int, str]) -> int:
    """Where the descent starts: the one main or article of the page if it has enough of the text, else the body."""
    found: dict[str, list[int]] = {"main": [], "article": []}
    tags, attributes, ends = page.tags, page.attributes, page.ends
    i = 1
    while i < len(tags):
        if i in left_out:
            i = ends[i]
            continue
        given = attributes[i]
        if given:
            kind = tags[i] if tags[i] in found else given.get("role") or ""
            if kind in found:
                found[kind].append(i)
        elif tags[i] in found:
            found[tags[i]].append(i)
        i += 1
    root = 0
    for kind, share in (("main", MAIN), ("article", ARTICLE)):
        if len(found[kind]) == 1 and weights.running(found[kind][0]) >= share * weights.running(root):
            root = max(root, found[kind][0])
    return root


def _heaviest(page: Outline, root: int, weights: Weights) -> int:
    """The child that holds nearly all text of an entry, 0 where there is none."""
    running, plain = weights.running(root), HALF * weights.plain(root)
    child = root + 1
    while child < page.ends[root]:
        if (
            weights.running(child) >= NEARLY_ALL * running
            and weights.plain(child) > plain
            and page.tags[child] in _CONTAINERS
            and (weights.running(child) >= ALL_BUT * running or not _has_twin(page, child, weights))
        ):
            return child
        child = page.ends[child]
    return 0


def _has_twin(page: Outline, i: int, weights: Weights) -> bool:
    """Whether a sibling has the same tag and the same classes, and text."""
    name = page.attributes[i].get("class")
    child = page.parents[i] + 1
    while name and child < page.ends[page.parents[i]]:
        if (
            child != i
            and page.tags[child] == page.tags[i]
            and page.attributes[child].get("class") == name
            and weights.running(child) > TWIN
        ):
            return True
        child = page.ends[child]
    return False


def _in_series(page: Outline, i: int, weights: Weights) -> bool:
    """Whether an entry is one of several posts, answers or the like that stand side by side."""
    tag = page.tags[i]
    series = series_names(names_of(page.attributes[i]))
    entitled = tag == "section" and _entitled(page, i)
    if not series and tag not in _ROWS and not entitled:
        return False
    child = page.parents[i] + 1
    while child < page.ends[page.parents[i]]:
        if child != i and page.tags[child] == tag:
            if not series or entitled:
                if weights.running(child) > MEMBER * weights.running(i) and (tag in _ROWS or _entitled(page, child)):
                    return True
            elif weights.text(child) and not series.isdisjoint(series_names(names_of(page.attributes[child]))):
                return True
        child = page.ends[child]
    return False


def _entitled(page: Outline, i: int) -> bool:
    """Whether a section begins with a heading."""
    return not _SECTION_HEADINGS.isdisjoint(page.tags[i + 1 : min(i + 4, page.ends[i])])


def _continues(page: Outline, i: int, weights: Weights, left_out: Mapping[int, str]) -> bool:
    """Whether paragraphs or theorems beside an entry, or parts before it that introduce it, belong with it."""
    found = 0
    child = page.parents[i] + 1
    while child < page.ends[page.parents[i]]:
        beside = child != i and child not in left_out
        if beside and is_statement(page.attributes[child]) and weights.text(child):
            return True
        if beside and (page.tags[child] in _PARAGRAPHS or (child < i and _introduces(page, child))):
            found += weights.running(child)
        child = page.ends[child]
    return found > INTRODUCTION


def _introduces(page: Outline, i: int) -> bool:
    """Whether a subtree has paragraphs, and the first-level heading or little else."""
    kinds = set(page.tags[i + 1 : page.ends[i]])
    return "p" in kinds and ("h1" in kinds or not kinds - INLINE - _PLAIN_PARTS)


def _posts(page: Outline, root: int, weights: Weights, left_out: Mapping[int, str]) -> dict[int, bool]:
    """Posts, answers and comments inside the content, and whether they follow another one of their series."""
    found = {}
    seen: set[int] = set()  # parents of posts
    tags, attributes, parents, ends = page.tags, page.attributes, page.parents, page.ends
    i = root + 1
    while i < ends[root]:
        if i in left_out:
            i = ends[i]
            continue
        given = attributes[i]
        if given and tags[i] not in _NO_POSTS and is_post(names_of(given), tags[i] == "li") and weights.text(i):
            found[i] = parents[i] in seen
            seen.add(parents[i])
        i += 1
    return found


def _notes(page: Outline, root: int, weights: Weights, left_out: Mapping[int, str]) -> list[int]:
    """Footnotes behind the root."""
    found = []
    i, last = page.ends[root], len(page)
    while i < last:
        if i in left_out:
            i = page.ends[i]
        elif page.attributes[i] and is_notes(page.attributes[i]) and weights.text(i):
            found.append(i)
            i = page.ends[i]
        else:
            i += 1
    return found


def _title(page: Outline, root: int) -> int:
    """The page's only first-level heading, if it stands before the root; else 0."""
    headings = [i for i, tag in enumerate(page.tags) if tag == "h1"]
    return headings[0] if len(headings) == 1 and headings[0] < root else 0
