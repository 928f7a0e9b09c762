"""What markup says about an element: names, roles and states that authors give to parts that are not content.

The words are those that the web's frameworks and themes share; none belongs to one site. A name alone never decides
against a part that holds most of the page's running text (`content.py` sees to that).
"""

import re
from functools import lru_cache

from pipeline.extract.content_outline import words

LEFT_OUT_TAGS = words("nav footer button menu dialog noscript form aside")
_NOTE = re.compile(
    r"note|tip|admonition|callout|warning|caution|important|info|example|theorem|proof|hint", re.IGNORECASE
)
LEFT_OUT_ROLES = words(
    "navigation banner contentinfo search menu menubar menuitem toolbar tooltip dialog alert alertdialog status tablist"
    " form complementary"
)

# One of these words in a class or id names a part that is not content.
_BOILERPLATE = words(
    "nav navbar navigation navigate subnav topnav menu submenu menus megamenu mainmenu breadcrumb breadcrumbs crumb"
    " crumbs sidebar sidenav rightbar leftbar rail footer colophon masthead topbar toolbar"
    " privacy share sharing sharedaddy shares social socials addthis addtoany sharethis"
    " facebook twitter whatsapp linkedin pinterest instagram reddit"
    " related recommended recommend recommendation recommendations recommends recirc recirculation trending popular promo promos promotion"
    " promoted advert adverts advertisement advertising ads adsbygoogle sponsor sponsored outbrain taboola"
    " newsletter subscribe subscription signup signin login logout register registration paywall donate donation"
    " popup popover modal overlay lightbox tooltip flyout offcanvas drawer dropdown"
    " pagination pager paginator pagenav prevnext search searchbox searchform skiplink skip copyright legal disclaimer"
    " nocontent widgettitle tagcloud tags taglist hashtags taxonomy printfriendly feedback survey rating ratings vote votes signature sig postprofile userinfo"
    " byline byl akismet captcha toc-toggle noprint print-only editsection edit-link jump notification notice-bar"
    " cart wishlist checkout permalink headerlink anchorjs"
)
_NOTICES = words("cookie cookies consent gdpr onetrust cookiebot copyright colophon")
_PAIRS = re.compile(
    r"(?:^|[\s_-])(?:sr[-_]only|screen[-_]reader|visually[-_]?hidden|skip[-_]?(?:link|to|nav)|back[-_]?to[-_]?top"
    r"|read[-_]?more|see[-_]?also[-_]?links|also[-_]like|you[-_]may|up[-_]next|most[-_]read|author[-_](?:box|bio|info|card)"
    r"|about[-_]author|meta[-_]?data|entry[-_]meta|post[-_]meta|post[-_]info|article[-_]meta|edit[-_]?page|suggested[-_]edits"
    r"|page[-_]?nav|post[-_]nav|nav[-_]links|comment[-_]?(?:form|respond)|print[-_]only|no[-_]?print|mw[-_]editsection"
    r"|mw[-_]jump|catlinks|line[-_]?numbers?|linenos?|gutter|who[-_]?is[-_]?online|quick[-_]?reply|user[-_]?menu|widget[-_]area|next[-_]prev|prev[-_]next)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
_COMMENTS = words("comments commentlist disqus respond comment-list commentarea livefyre")
_CONTENT = words(
    "content article body main post entry story text column page container wrapper wrap layout site app root document"
    " markdown prose"
)
_LAYOUT = re.compile(
    r"(?:content|main|has|with|no|without|layout|hide)[\w-]*sidebar|sidebar[\w-]*(?:content|main|layout)"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=1 << 16)
def named(names: str) -> str:
    """What class and id names say: "boilerplate", "notice", "comments", or ""."""
    found = {word.lower() for word in _WORD.findall(names)}
    if "sidebar" in found and _LAYOUT.search(names):
        found.discard("sidebar")  # a wrapper of the content and its sidebar
    if found & _NOTICES:
        return "notice"
    if found & _BOILERPLATE or _PAIRS.search(names):
        return "boilerplate"
    if found & _COMMENTS:
        return "comments"
    return ""


_TURN = re.compile(r"question|answer|reply|replies|message|response", re.IGNORECASE)
_MEMBER = re.compile(r"post|comment|thread|topic|item|entry", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)
def series_names(names: str) -> frozenset[str]:
    """What marks an element as one of a series: "turn" for a turn of a conversation, else its class for a post or item.

    Two elements side by side are of one series when these sets meet.
    """
    if _TURN.search(names):
        return frozenset({"turn"})
    return frozenset(name for name in names.split() if _MEMBER.search(name))


def is_note(attributes: dict[str, str | None]) -> bool:
    """Whether an aside belongs to the text: a note, a warning, an example."""
    return attributes.get("role") == "note" or bool(_NOTE.search(attributes.get("class") or ""))


def hidden(attributes: dict[str, str | None]) -> bool:
    """Whether the markup says that a reader does not see the element."""
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    if not style or ":" not in style:
        return False
    style = style.replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style
