"""Pages that hold nothing worth keeping: spam, empty pages, logins, errors, responses that are not HTML."""

import json
from random import Random
from struct import pack
from zlib import crc32

from manifests.sample.records import Page

_BAIT = (
    "casino",
    "bonus",
    "jackpot",
    "free spins",
    "slots",
    "poker",
    "roulette",
    "winner",
    "lucky",
    "cash",
    "bet",
    "deposit",
)
_SEO = (
    "cheap",
    "best",
    "online",
    "top ten",
    "discount",
    "near me",
    "review",
    "2024",
    "buy",
    "fast",
    "official",
    "coupon",
)
_GOODS = ("garden sheds", "phone cases", "mattresses", "sunglasses", "printer ink", "tyres", "watches", "vitamins")


def simple(title: str, body: str, head: str = '<meta charset="utf-8">') -> bytes:
    """A page with next to no markup, in UTF-8."""
    return (
        f"<!DOCTYPE html>\n<html><head>{head}<title>{title}</title></head>\n<body>\n{body}\n</body></html>\n".encode()
    )


def spam_pages() -> list[Page]:
    """Link farms, keyword stuffing, casino pages, and offers to do somebody's homework."""
    pages: list[Page] = []
    for number in range(4):
        random = Random(f"farm/{number}")
        items = "\n".join(
            f'<a href="http://{random.choice(_GOODS).replace(" ", "")}-{random.randint(1, 99)}.test/">'
            f"{random.choice(_SEO)} {random.choice(_GOODS)}</a>"
            for _ in range(120)
        )
        pages.append(
            Page(f"http://links{number}.directory.test/page{number}.html", simple("Link directory", items), "spam")
        )
    for number in range(4):
        random = Random(f"bait/{number}")
        words = " ".join(random.choice(_BAIT) for _ in range(220))
        button = '<a class="cta" href="/register">PLAY NOW</a>'
        body = (
            f"<h1>{random.choice(_BAIT).upper()} {random.choice(_BAIT).upper()} 777</h1>{button}<p>{words}</p>{button}"
        )
        pages.append(Page(f"http://lucky{number}.spin.test/", simple("Play and win", body), "spam"))
    for number, subject in enumerate(("algebra homework", "calculus exam", "statistics essay", "geometry proof")):
        random = Random(f"mill/{number}")
        promises = " ".join(
            f"{random.choice(('Get', 'Order', 'Buy', 'Download'))} {random.choice(_SEO)} {subject} help from our "
            f"{random.choice(('experts', 'writers', 'PhD team', 'helpers'))}, "
            f"{random.choice(('24/7', 'on time', 'plagiarism free'))}."
            for _ in range(14)
        )
        body = f"<h1>Pay somebody to do your {subject}</h1><p>{promises}</p><a href='/order'>Calculate the price</a>"
        pages.append(
            Page(
                f"https://mill{number}.essays.test/{subject.replace(' ', '-')}", simple(f"{subject} help", body), "spam"
            )
        )
    return pages


def empty_pages() -> list[Page]:
    """Pages with markup and no text to speak of."""
    entries = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in ("Home", "Shop", "Contact"))
    menu = f"<nav><ul>{entries}</ul></nav>"
    bodies = {
        "under-construction": "<h1>Under construction</h1>",
        "app": '<noscript>You need to enable JavaScript to run this app.</noscript><div id="root"></div>'
        '<script src="/app.js"></script>',
        "gallery": "".join(f'<img src="/img/{n}.jpg" alt="">' for n in range(60)),
        "no-results": menu + "<p>Your search did not match any documents.</p>",
        "menu-only": menu * 3,
        "listing": menu
        + "<h1>Archive</h1>"
        + "".join(f'<h3><a href="/post/{n}">Post number {n}</a></h3>' for n in range(40)),
        "parked": "<h1>This domain is parked</h1><p>Domain details are available on request.</p>",
        "comment-only": "<!-- nothing to see here -->",
        "wall": "<div class='consent'><p>We value your privacy.</p><button>Accept all</button></div>",
    }
    pages = [Page(f"https://{name}.bareplaces.test/", simple("", body), "empty") for name, body in bodies.items()]
    return [
        *pages,
        Page("https://void.bareplaces.test/", b"", "empty"),
        Page("https://blank.bareplaces.test/", b" \n\t\n", "empty"),
    ]


def login_pages() -> list[Page]:
    """Doors to places where a crawler has no key."""
    fields = '<label>User name <input name="u"></label><label>Password <input type="password"></label>'
    form = f'<form method="post">{fields}<button>Sign in</button></form>'
    texts = (
        "Please sign in to continue to your courses.",
        "This exercise is available to members only.",
        "Session expired.",
    )
    return [
        Page(
            f"https://courses.tidewater.example/login?next={n}",
            simple("Sign in", f"<h1>Sign in</h1><p>{text}</p>{form}"),
            "login",
        )
        for n, text in enumerate(texts)
    ]


def error_pages() -> list[Page]:
    """Responses with another status than 200."""
    rows = [
        (404, "bluepencil.example", "posts/deleted/"),
        (404, "wiki.openlemma.example", "wiki/No_such_page"),
        (404, "dailyherring.example", "news/old.html"),
        (404, "kernel.driftwood.test", "topics/"),
        (301, "notes.fernhill.example", "notes"),
        (301, "hollybush.test", "index.php"),
        (301, "fieldside.test", "league"),
        (500, "board.numbercafe.test", "search.php"),
        (500, "sheets.plumtree.example", "generate"),
        (403, "papers.quaylab.example", "private/"),
    ]
    pages: list[Page] = []
    for status, host, path in rows:
        body = simple(f"{status}", f"<h1>{status}</h1><p>The page at this address could not be shown.</p>")
        extra = (("Location", f"https://{host}/"),) if status == 301 else ()
        pages.append(Page(f"https://{host}/{path}", body, "error", status=status, fate="http_status", headers=extra))
    return pages


def other_types() -> list[Page]:
    """Responses that are not HTML."""
    pixel = b"\x00\xff\xff\xff"
    image = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    image += _chunk(b"IDAT", b"\x78\x01\x01\x04\x00\xfb\xff" + pixel + b"\x05\xfd\x02\xfe") + _chunk(b"IEND", b"")
    pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    pdf += b"trailer<</Root 1 0 R>>\n%%EOF\n"
    item = "<item><title>New post</title></item>"
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Blue Pencil</title>{item}</channel></rss>'
    rows: list[tuple[str, str, bytes]] = [
        ("https://slowroads.test/img/lighthouse.png", "image/png", image),
        ("https://papers.quaylab.example/pdf/1234.pdf", "application/pdf", pdf),
        ("https://bluepencil.example/assets/main.css", "text/css", b"body{color:#222}h1{font-size:2em}\n"),
        (
            "https://shop.brambleworks.test/api/basket",
            "application/json",
            json.dumps({"items": [], "total": 0}).encode(),
        ),
        ("https://fieldside.test/app.js", "application/javascript", b"document.title='Fieldside';\n"),
        ("https://bluepencil.example/feed.xml", "application/rss+xml", feed.encode()),
        ("https://drills.pebble.test/robots.txt", "text/plain", b"User-agent: *\nDisallow: /scores/\n"),
    ]
    return [Page(url, body, "other-type", content_type=kind, fate="content_type") for url, kind, body in rows]


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", crc32(name + data))
