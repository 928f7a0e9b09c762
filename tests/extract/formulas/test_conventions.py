"""Pages as programs, sites and publishers write them, one small page each, with the whole of its text.

`tests/data/formulas/conventions/NAME.html` gives `NAME.md`. A change that improves a page changes its text in the same
commit.
"""

from pathlib import Path

import pytest

from pipeline.extract import extract_text

PAGES = sorted((Path(__file__).parents[2] / "data" / "formulas" / "conventions").glob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_page_gives_its_text(page: Path) -> None:
    assert extract_text(page.read_bytes()) + "\n" == page.with_suffix(".md").read_text(encoding="utf-8")


def test_every_text_has_its_page() -> None:
    assert [page.with_suffix(".md") for page in PAGES] == sorted(PAGES[0].parent.glob("*.md"))
