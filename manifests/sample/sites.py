"""The invented sites of the sample crawl. Every host ends in a domain that RFC 2606 and RFC 6761 reserve."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A host, its name, how it writes formulas, its shell (a template in `shells/`), and the form of its addresses."""

    host: str
    name: str
    encoding: str
    shell: str
    path: str = "/{slug}/"
    theorem: str = "div"
    charset: str = "utf-8"


_ALL = [
    Site(
        "notes.fernhill.example",
        "Fernhill Lecture Notes",
        "mathml-annotation",
        "pandoc",
        "/notes/{slug}.html",
        "section",
    ),
    Site("papers.quaylab.example", "Quay Lab Papers", "mathml-alttext", "latexml", "/html/{slug}"),
    Site("algebra.oldmill.test", "Old Mill School Mathematics", "mathml-bare", "bare-school", "/units/{slug}.html"),
    Site("bluepencil.example", "Blue Pencil", "katex", "katex-blog", "/posts/{slug}/"),
    Site("slate.hazelwick.test", "Slate", "katex-html", "katex-blog", "/{slug}.html"),
    Site(
        "ask.provewell.example",
        "Ask Prove Well",
        "mathjax2-rendered",
        "questions",
        "/questions/{number}/{slug}",
    ),
    Site(
        "courses.tidewater.example",
        "Tidewater Courses",
        "mathjax2-script",
        "moodle",
        "/mod/page/view.php?id={number}",
    ),
    Site("kernel.driftwood.test", "Driftwood Maths", "mathjax3", "mathjax3-site", "/topics/{slug}"),
    Site("sheets.plumtree.example", "Plumtree Sheets", "brackets", "worksheet", "/sheet/{slug}.html"),
    Site("hollybush.test", "Hollybush", "dollars", "jekyll", "/2023/{slug}.html"),
    Site("wiki.openlemma.example", "Open Lemma", "mediawiki", "mediawiki", "/wiki/{slug}"),
    Site("sundayproofs.example", "Sunday Proofs", "wordpress", "wordpress", "/2019/05/{slug}/"),
    Site("board.numbercafe.test", "Number Café", "codecogs", "board", "/viewtopic.php?f=4&t={number}"),
    Site(
        "www.oldlecture.example",
        "Old Lecture Pages",
        "plain",
        "old-lecture",
        "/~maths/{slug}.htm",
        "blockquote",
        "iso-8859-1",
    ),
    Site("drills.pebble.test", "Pebble Drills", "asciimath", "drills", "/drill/{slug}"),
    Site("docs.numberkit.example", "NumberKit 2.4 documentation", "sphinx", "sphinx", "/en/stable/{slug}.html"),
    Site("dailyherring.example", "The Daily Herring", "none", "newspaper", "/news/{slug}.html"),
    Site("saltandthyme.example", "Salt and Thyme", "none", "recipe"),
    Site("slowroads.test", "Slow Roads", "none", "travel", "/places/{slug}"),
    Site("shop.brambleworks.test", "Bramble Works", "none", "shop", "/p/{slug}"),
    Site("lintel.example", "Lintel Notes", "none", "code-notes", "/notes/{slug}"),
    Site("fieldside.test", "Fieldside", "none", "scores", "/league/{slug}"),
]

SITES = {site.host: site for site in _ALL}
BY_ENCODING = {site.encoding: site for site in _ALL if site.encoding != "none"}
