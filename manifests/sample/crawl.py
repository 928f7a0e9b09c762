"""All pages of the sample crawl."""

from dataclasses import replace

from manifests.sample import everyday, hostile, mathematics, nuisance
from manifests.sample.article import Article
from manifests.sample.pages import page
from manifests.sample.records import Page
from manifests.sample.sites import BY_ENCODING, SITES
from manifests.sample.texts import other_languages, read

FOREIGN_ENCODINGS = ("mathjax2-script", "katex", "mathml-annotation", "brackets", "mediawiki", "mathjax3")
FOREIGN_HOSTS = ("dailyherring.example", "saltandthyme.example", "slowroads.test")


def everyday_pages() -> list[Page]:
    """News, recipes, travel, products, programming, sports: nothing mathematical, though numbers and code abound."""
    groups: list[tuple[str, list[Article]]] = [
        ("dailyherring.example", read("news", "news", math=False)),
        ("saltandthyme.example", [everyday.recipe(number) for number in range(16)]),
        ("slowroads.test", read("travel", "travel", math=False)),
        ("shop.brambleworks.test", [everyday.product(number) for number in range(14)]),
        ("lintel.example", read("code", "programming", math=False)),
        ("fieldside.test", [everyday.league(number) for number in range(1, 11)]),
    ]
    pages: list[Page] = []
    for host, articles in groups:
        for article in articles:
            # no formula is meant on these pages: a dollar in code or prices is not one
            pages.append(
                replace(page(article, SITES[host], f"{article.kind}/{article.slug}"), formulas=(), encoding="none")
            )
    return pages


def foreign_pages() -> list[Page]:
    """Mathematics and everyday pages in other languages."""
    pages: list[Page] = []
    for index, article in enumerate(other_languages()):
        if article.math:
            site = BY_ENCODING[FOREIGN_ENCODINGS[index % len(FOREIGN_ENCODINGS)]]
        else:
            site = SITES[FOREIGN_HOSTS[index % len(FOREIGN_HOSTS)]]
        pages.append(page(article, site, f"foreign/{article.slug}"))
    return pages


def all_pages() -> tuple[list[Page], list[Page]]:
    """The pages whose records are whole, and those whose records are damaged (which belong into the last file)."""
    whole = [
        *mathematics.lesson_pages(),
        *mathematics.problem_pages(),
        *mathematics.sheet_pages(),
        *mathematics.thread_pages(),
        *mathematics.reference_pages(),
        *everyday_pages(),
        *foreign_pages(),
        *nuisance.spam_pages(),
        *nuisance.empty_pages(),
        *nuisance.login_pages(),
        *nuisance.error_pages(),
        *nuisance.other_types(),
        *hostile.charset_pages(),
        *hostile.broken_markup(),
        *hostile.attacks(),
        *hostile.transport_pages(),
    ]
    return whole, hostile.damaged_records()
