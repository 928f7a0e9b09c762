"""Which mathematics stands on which site: lessons, their near-duplicates and exact copies."""

from dataclasses import replace
from random import Random

from manifests.sample.pages import near_copy, page, settle
from manifests.sample.problems import SERIES, problems
from manifests.sample.records import Page
from manifests.sample.sheets import sheet
from manifests.sample.sites import BY_ENCODING, SITES
from manifests.sample.texts import lessons, read

LESSON_ENCODINGS = (
    "mathml-annotation",
    "mathml-alttext",
    "mathml-bare",
    "katex",
    "katex-html",
    "mathjax2-script",
    "mathjax3",
    "brackets",
    "dollars",
    "mediawiki",
    "wordpress",
    "plain",
    "asciimath",
)
# A near-duplicate has to say the same in another encoding, so its copies stand on sites that keep the TeX.
COPY_ENCODINGS = ("mathml-annotation", "mathml-alttext", "katex", "mathjax2-script", "brackets", "dollars", "wordpress")
CLUSTER_SIZES = (2, 3, 2, 4, 2, 5, 2, 3, 2, 4, 2, 3, 2)


def lesson_pages() -> list[Page]:
    """Every lesson, every third one with near-duplicates on other sites; six exact copies under other addresses."""
    pages: list[Page] = []
    sizes = iter(CLUSTER_SIZES)
    for index, article in enumerate(lessons()):
        random = Random(f"lesson/{article.slug}")
        settled = settle(article, random)
        size = next(sizes, 1) if index % 3 == 1 else 1
        name = f"near/{article.slug}" if size > 1 else None
        usual = [LESSON_ENCODINGS[index % len(LESSON_ENCODINGS)]]
        encodings = usual if size == 1 else random.sample(COPY_ENCODINGS, size)
        for copy, encoding in enumerate(encodings):
            version = settled if copy == 0 else near_copy(settled, random)
            pages.append(page(version, BY_ENCODING[encoding], f"lesson/{article.slug}/{copy}", cluster=name))
    return pages + _exact_copies(pages)


def _exact_copies(pages: list[Page]) -> list[Page]:
    """Six pages again, byte for byte, with a tracking parameter in the address."""
    alone = [one for one in pages if one.cluster is None][2::4][:6]
    copies: list[Page] = []
    for one in alone:
        name = f"same/{one.url.rsplit('/', 1)[-1] or one.url.rsplit('/', 2)[-2]}"
        mark = "&" if "?" in one.url else "?"
        pages[pages.index(one)] = replace(one, cluster=name)
        copies.append(replace(one, url=f"{one.url}{mark}utm_source=feed", cluster=name))
    return copies


# One site and one encoding for each series, so that only the numbers differ.
SERIES_ENCODINGS = (
    "mathjax3",
    "katex",
    "mathml-bare",
    "mathjax2-script",
    "brackets",
    "mathml-annotation",
    "katex-html",
    "mathml-alttext",
    "asciimath",
    "dollars",
    "wordpress",
    "plain",
    "mathjax3",
    "mathml-annotation",
)
SHEET_ENCODINGS = ("brackets", "brackets", "mathjax2-script", "asciimath", "mathjax3", "katex", "mathml-bare")


def problem_pages() -> list[Page]:
    """Four problems of each series."""
    encodings = dict(zip(SERIES, SERIES_ENCODINGS, strict=True))
    return [page(one, BY_ENCODING[encodings[name]], f"problem/{one.slug}") for name, one in problems(4)]


def sheet_pages() -> list[Page]:
    """Exercise sheets."""
    return [
        page(sheet(number), BY_ENCODING[SHEET_ENCODINGS[number % len(SHEET_ENCODINGS)]], f"sheet/{number}")
        for number in range(1, 27)
    ]


THREAD_ENCODINGS = (
    ("ask.provewell.example", "mathjax2-rendered"),
    ("board.numbercafe.test", "codecogs"),
    ("ask.provewell.example", "dollars"),
)
BLOG_ENCODINGS = ("wordpress", "katex", "dollars")


def thread_pages() -> list[Page]:
    """Questions with answers, on two forums."""
    pages: list[Page] = []
    for index, article in enumerate(read("threads", "thread")):
        host, encoding = THREAD_ENCODINGS[index % len(THREAD_ENCODINGS)]
        settled = settle(article, Random(f"thread/{article.slug}"))
        pages.append(page(settled, SITES[host], f"thread/{article.slug}", encoding))
    return pages


def reference_pages() -> list[Page]:
    """Encyclopedia pages, glossaries, documentation, blog posts and pages of an older web."""
    groups = (
        ("wiki", ("mediawiki",)),
        ("glossary", ("mathjax3", "mathml-annotation", "mathml-bare", "mathjax2-script")),
        ("docs", ("sphinx",)),
        ("blog", BLOG_ENCODINGS),
        ("old", ("plain",)),
    )
    pages: list[Page] = []
    for name, encodings in groups:
        for index, article in enumerate(read(name, name)):
            settled = settle(article, Random(f"{name}/{article.slug}"))
            one = page(settled, BY_ENCODING[encodings[index % len(encodings)]], f"{name}/{article.slug}")
            if (name, one.encoding) == ("glossary", "mathml-annotation"):  # one server sends XHTML as what it is
                one = replace(one, content_type="application/xhtml+xml; charset=utf-8")
            pages.append(one)
    return pages
