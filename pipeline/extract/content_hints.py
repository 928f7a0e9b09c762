"""What markup says about an element: the names, roles and states that authors give to parts that are not content.

The words are those that the web's frameworks and themes share; none belongs to one site. A name alone never decides
against a part that holds most of the page's running text (`content_left_out.py` sees to that).
"""

import re
from functools import lru_cache

from pipeline.extract.content_outline import words

Attributes = dict[str, str | None]

LEFT_OUT_ROLES = words(
    "navigation banner contentinfo search menu menubar menuitem toolbar tooltip dialog alert alertdialog status tablist"
    " form complementary"
)

# One of these words in a class or id names a part that is not content.
_BOILERPLATE = words(
    # ways around the site
    "nav navbar navigation navigate subnav topnav navlinks menu submenu menus megamenu mainmenu breadcrumb breadcrumbs"
    " crumb crumbs sidebar sidenav rightbar leftbar rail footer masthead topbar toolbar pagination pager paginator"
    " pagenav prevnext searchbox searchform searchbar skiplink skip tagcloud tags taglist hashtags taxonomy dropdown"
    " flyout offcanvas drawer permalink headerlink anchorjs"
    # other pages
    " related recommended recommend recommendation recommendations recommends recirc recirculation trending popular"
    # selling
    " promo promos promotion promoted advert adverts advertisement advertising ads adsbygoogle sponsor sponsored"
    " outbrain taboola paywall donate donation cart wishlist checkout newsletter subscribe subscription"
    # people and what they may do
    " share sharing sharedaddy shares social socials addthis addtoany sharethis facebook twitter whatsapp linkedin"
    " pinterest instagram reddit signup signin login logout register registration captcha akismet feedback survey"
    " rating ratings vote votes byline byl signature postprofile userinfo"
    # what lies over the page, or is for other readers
    " popup popover modal overlay lightbox tooltip notification noprint printfriendly editsection nocontent"
    " widgettitle privacy legal"
)
# The same, and sure enough to hold for a part with most of the page's text (consent texts are long).
_NOTICES = words("cookie cookies consent gdpr onetrust cookiebot copyright colophon disclaimer")
_PHRASES = re.compile(
    r"(?:^|[\s_-])(?:sr[-_]only|screen[-_]reader|visually[-_]?hidden|skip[-_]?(?:link|to|nav)|back[-_]?to[-_]?top"
    r"|search[-_](?:box|form|bar|input|field|toggle|modal)|site[-_]search|also[-_]like|you[-_]may|up[-_]next"
    r"|most[-_]read|author[-_](?:box|bio|info|card|pane)|about[-_]author|meta[-_]?data|(?:entry|post|article)[-_]meta"
    r"|post[-_]info|edit[-_]?page|suggested[-_]edits|page[-_]?nav|post[-_]nav|nav[-_]links|next[-_]prev|prev[-_]next"
    r"|comment[-_]?(?:form|respond)|print[-_]only|no[-_]?print|mw[-_]editsection|mw[-_]jump|catlinks"
    r"|(?:message|post|comment|topic|reply)[-_]*(?:user|author|avatar|profile|attribution|number|date|time|actions"
    r"|controls|buttons|reactions|status)s?"
    r"|who[-_]?is[-_]?online|quick[-_]?reply|user[-_]?menu|widget[-_]area)(?:$|[\s_-])",
    re.IGNORECASE,
)
_COMMENTS = words("comments commentlist disqus respond commentarea livefyre")
# "content-sidebar-wrap", "has-sidebar": wrappers of the content and its sidebar.
_BESIDE_SIDEBAR = re.compile(
    r"(?:content|main|has|with|no|without|layout|hide)[\w-]*sidebar|sidebar[\w-]*(?:content|main|layout)"
)
# "doc-signature", "member-signature": of functions, not of those who write in a forum.
_OF_CODE = re.compile(r"(?:doc|member|method|func(?:tion)?|type|class|api|code|tsd)[\w-]*signature")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_LINE_NUMBER = re.compile(
    r"(?:^|[\s_-])(?:line-?no|linenos?|line-?numbers?|lnt?|gutter|rouge-gutter)(?:$|[\s_-])", re.I
)
_NOTE = re.compile(r"note|tip|admonition|callout|warning|caution|important|info|example|theorem|proof|hint", re.I)
_UNFOLDS = re.compile(
    r"accordion|collaps|tab[-_]?(?:panel|pane|content)|toggle|spoiler|solution|answer|hint|details|faq|knowl|callout|admonition|expand|fold"
    r"|reveal|proof|example|exercise",
    re.I,
)
_TITLE = re.compile(r"accordion|faq", re.I)
_TURN = re.compile(r"question|answer|reply|replies|message|response", re.I)
_MEMBER = re.compile(r"post|comment|thread|topic|item|entry", re.I)


@lru_cache(maxsize=1 << 16)
def named(names: str) -> str:
    """What class and id names say: "boilerplate", "notice", "comments", or ""."""
    found = {word.lower() for word in _WORD.findall(names)}
    if "sidebar" in found and _BESIDE_SIDEBAR.search(names):
        found.discard("sidebar")
    if "signature" in found and _OF_CODE.search(names):
        found.discard("signature")
    if not found.isdisjoint(_NOTICES):
        return "notice"
    if not found.isdisjoint(_BOILERPLATE) or _PHRASES.search(names):
        return "boilerplate"
    if not found.isdisjoint(_COMMENTS):
        return "comments"
    return ""


def names_of(attributes: Attributes) -> str:
    """Class and id of an element. A long id is the slug of a heading, and one with a dot the name of what is documented
    (`flask.Blueprint.register`): they speak of the content, not of its part."""
    names = attributes.get("class") or ""
    given = attributes.get("id")
    if given and len(given) < 40 and "." not in given and given.count("-") + given.count("_") + given.count(" ") < 3:
        return f"{names} {given}"
    return names


_POST = re.compile(
    r"(?:^|[\s_-])(?:post|comment|answer|reply|message|question)(?:s|bit)?(?:[_-]?\d+)?(?:$|\s)"
    r"|[a-z](?:Post|Comment|Answer|Reply)(?:$|\s)"
)


_LISTED_POST = re.compile(r"post|comment|reply|message", re.I)


@lru_cache(maxsize=1 << 14)
def is_post(names: str, listed: bool) -> bool:
    """Whether a class or id is that of one post of a thread as a whole, not of a part of one (`message-cell`).

    The questions and answers of a list (`listed`) are those of an exercise.
    """
    return bool(_POST.search(names)) and (not listed or bool(_LISTED_POST.search(names)))


_BODY = re.compile(r"(?:post|message|comment)[-_]?(?:content|text|body|entry)", re.I)


def is_body(attributes: Attributes) -> bool:
    """Whether an element, a quotation by its tag, holds the text of a post."""
    return bool(_BODY.search(attributes.get("class") or ""))


_STATEMENT = re.compile(
    r"(?:^|[\s_-])(?:theorem|lemma|proposition|corollary|conjecture|proof|exercise)(?:$|[\s_-])", re.I
)


def is_statement(attributes: Attributes) -> bool:
    """Whether an element is a theorem, its proof or the like, which belong with what stands beside them."""
    return bool(_STATEMENT.search(attributes.get("class") or ""))


@lru_cache(maxsize=1 << 14)
def series_names(names: str) -> frozenset[str]:
    """What marks an element as one of a series: "turn" for a turn of a conversation, else its class for a post or item.

    Two elements side by side are of one series when these sets meet.
    """
    if _TURN.search(names):
        return frozenset({"turn"})
    return frozenset(name for name in names.split() if _MEMBER.search(name))


def is_line_number(attributes: Attributes) -> bool:
    """Whether an element inside code holds the numbers of its lines."""
    return bool(_LINE_NUMBER.search(attributes.get("class") or "")) or "data-line-number" in attributes


def is_note(attributes: Attributes) -> bool:
    """Whether an aside belongs to the text: a note, a warning, an example."""
    return attributes.get("role") == "note" or is_notes(attributes) or bool(_NOTE.search(attributes.get("class") or ""))


_NOTES = re.compile(r"(?:^|[\s_-])(?:foot|end)notes?(?:$|[\s_-])", re.I)


def is_notes(attributes: Attributes) -> bool:
    """Whether an element holds footnotes, by its class, id, role or type in an EPUB."""
    kinds = (names_of(attributes), attributes.get("role"), attributes.get("epub:type"))
    return any(kind and _named_notes(kind) for kind in kinds)


@lru_cache(maxsize=1 << 14)
def _named_notes(names: str) -> bool:
    return bool(_NOTES.search(names))


def hidden(attributes: Attributes) -> bool:
    """Whether the markup says that a reader neither sees the element nor can unfold it."""
    out_of_sight = "hidden" in attributes or attributes.get("aria-hidden") == "true"
    if not out_of_sight:
        style = attributes.get("style")
        if not style or ":" not in style:
            return False
        style = style.replace(" ", "").lower()
        out_of_sight = "display:none" in style or "visibility:hidden" in style
    if not out_of_sight:
        return False
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''} {attributes.get('role') or ''}"
    return not _UNFOLDS.search(names)


def entitles(attributes: Attributes) -> bool:
    """Whether a button is the title of what it unfolds."""
    return bool(_TITLE.search(attributes.get("class") or ""))
