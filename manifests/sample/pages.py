"""An article on a site is a page: this module puts the two together and makes near-duplicates."""

from dataclasses import replace
from html import escape
from random import Random

from manifests.sample.article import Article, Renderer, choose
from manifests.sample.encode import ENCODERS
from manifests.sample.records import Page
from manifests.sample.shell import Frame, ShownPost, show
from manifests.sample.sites import Site

_NEIGHBOURS = (
    ("Fractions without fear", "fractions"),
    ("Reading a proof", "reading-proofs"),
    ("The number line", "number-line"),
    ("Index of topics", "topics"),
    ("A short history of zero", "history-of-zero"),
    ("How to use this site", "help"),
    ("Solutions to last week", "solutions-last-week"),
    ("What is new", "news"),
    ("Newest additions", "latest"),
    ("Frequently asked questions", "faq"),
)
_NEIGHBOURS_OTHER = (
    ("Ten ideas for a rainy Sunday", "rainy-sunday"),
    ("Letters to the editor", "letters"),
    ("The week in pictures", "pictures"),
    ("What our readers say", "readers"),
    ("Autumn special", "autumn"),
    ("Most popular this month", "popular"),
    ("Archive 2021", "archive-2021"),
    ("Ask us anything", "ask"),
)

# A dollar that is money, on pages where MathJax looks for dollars: escaped before it has run, in a span afterwards.
_MONEY = {"dollars": "\\$", "mathjax2-script": "\\$", "mathjax2-rendered": "<span>$</span>"}


def settle(article: Article, random: Random) -> Article:
    """`article` with its wordings chosen."""
    posts = tuple(
        replace(
            post,
            text=choose(post.text, random.choice),
            comments=tuple(choose(comment, random.choice) for comment in post.comments),
        )
        for post in article.posts
    )
    return replace(article, text=choose(article.text, random.choice), posts=posts)


def page(article: Article, site: Site, seed: str, encoding: str = "", **fields: object) -> Page:
    """The page of a settled `article` on `site`; `seed` decides the clutter around it."""
    random = Random(seed)
    encoding = encoding or site.encoding
    number = random.randint(1000, 99999)
    url = f"https://{site.host}" + site.path.format(slug=article.slug, number=number)
    day = f"20{random.randint(14, 23)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    renderer = Renderer(ENCODERS.get(encoding, ENCODERS["brackets"]), site.theorem, _MONEY.get(encoding, "$"))
    body = "" if article.posts else renderer.blocks(article.text)
    posts = tuple(
        ShownPost(
            post.author,
            post.votes,
            post.accepted,
            renderer.blocks(post.text),
            tuple(map(renderer.inline, post.comments)),
        )
        for post in article.posts
    )
    pool = _NEIGHBOURS if site.encoding != "none" else _NEIGHBOURS_OTHER
    related = tuple((text, f"/{slug}") for text, slug in random.sample(pool, 5))
    frame = Frame(escape(article.title, quote=False), url, site.name, body, posts, related, random, day)
    html = show(site.shell, article, frame)
    gold = tuple((str(item["tex"]), bool(item["display"])) for item in article.formulas())
    known = Page(
        url=url,
        body=html.encode(site.charset, "xmlcharrefreplace"),
        kind=article.kind,
        encoding=encoding if gold else "none",
        language=article.language,
        math=article.math,
        series=article.series,
        formulas=gold,
        content_type=f"text/html; charset={site.charset}",
    )
    return replace(known, **fields)  # type: ignore[arg-type]


_OPENINGS = (
    "This page was revised after questions from readers.",
    "The following text belongs to our collection for the first year.",
    "Read slowly and with a pencil in hand.",
    "A shorter version of this page is used in class.",
)
_CLOSINGS = (
    "Questions about this page are discussed every Thursday.",
    "Please report mistakes with the form at the end.",
    "More examples follow in the next unit.",
    "Last week's version had a misprint in one of the examples; it is mended here.",
)


def near_copy(article: Article, random: Random) -> Article:
    """`article` with one more sentence at its start or end, or another title: the same text for any reader."""
    change = random.randint(0, 2)
    slug = f"{article.slug}-{random.choice(['2', 'copy', 'v2', 'reprint', 'print'])}"
    if change == 0:
        return replace(article, slug=slug, text=f"{random.choice(_OPENINGS)}\n\n{article.text}")
    if change == 1:
        return replace(article, slug=slug, text=f"{article.text}\n\n{random.choice(_CLOSINGS)}")
    return replace(
        article, slug=slug, title=f"{article.title} ({random.choice(['notes', 'revised', 'reader', 'handout'])})"
    )
