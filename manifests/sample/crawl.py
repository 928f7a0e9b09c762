"""All pages of the sample crawl."""

from manifests.sample.mathematics import lesson_pages
from manifests.sample.records import Page


def all_pages() -> tuple[list[Page], list[Page]]:
    """The pages whose records are whole, and those whose records are damaged (which belong into the last file)."""
    return lesson_pages(), []
