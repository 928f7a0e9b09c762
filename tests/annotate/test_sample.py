"""Samples: even, the same whatever the files and their order, and a larger one holds a smaller one."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from annotate.conftest import Write

from pipeline.annotate.pages import Page, page_files, read_pages
from pipeline.annotate.sample import find_strata, opening, spread, take
from pipeline.annotate.settings import AnnotateSettings
from pipeline.errors import BadInput
from pipeline.ledger import Tally


def settings(**changes: Any) -> AnnotateSettings:
    return AnnotateSettings(model="m", base_url="http://localhost:1/v1", **changes)


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Documents of 2019 and, one in five, of 2020."""
    return [
        {
            "id": f"{number:032x}",
            "text": f"Text number {number}.",
            "url": f"https://h{number % 7}.test/{number}",
            "date": f"{2020 if number % 5 == 0 else 2019}-05-01",
        }
        for number in range(first, first + count)
    ]


def draw(paths: list[Path], **changes: Any) -> tuple[dict[str, float], Tally]:
    files, asked, tally = page_files([str(path) for path in paths]), settings(**changes), Tally()
    strata = find_strata(files, asked)
    return {taken.page.id: taken.weight for taken in take(files, asked, strata, tally)}, tally


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [
        ({"a": 100, "b": 100}, 10, {"a": 5, "b": 5}),
        ({"a": 2, "b": 100, "c": 100}, 20, {"a": 2, "b": 9, "c": 9}),
        ({"a": 3, "b": 4}, 100, {"a": 3, "b": 4}),
        ({"a": 9, "b": 9}, 3, {"a": 1, "b": 2}),
        ({}, 5, {}),
    ],
)
def test_a_total_is_spread_evenly(sizes: dict[str, int], total: int, expected: dict[str, int]) -> None:
    assert spread(sizes, total) == expected


def test_a_sample_depends_on_the_documents_alone_and_weighs_them(documents: Write) -> None:
    whole = documents("whole", *rows(500))
    parts = [documents("b", *rows(200, 300)), documents("a", *rows(300)[::-1])]
    small, tally = draw([whole], documents=40)
    assert draw(parts, documents=40)[0] == small
    assert draw([whole], documents=40, seed=1)[0].keys() != small.keys()
    assert draw([whole], documents=60)[0].keys() > small.keys(), "the former ones stay"
    years = Counter("2020" if int(id_, 16) % 5 == 0 else "2019" for id_ in small)
    assert years == {"2019": 20, "2020": 20}
    assert math.isclose(sum(small.values()), 500)
    assert (tally.records_in, tally.kept, tally.dropped) == (500, 40, {"not_sampled": 460})
    unstratified = Counter("2020" if int(id_, 16) % 5 == 0 else "2019" for id_ in draw([whole], stratify=None)[0])
    assert unstratified == {"2019": 400, "2020": 100}


def test_every_document_that_is_not_taken_has_a_reason(documents: Write) -> None:
    one = rows(1)[0]
    path = documents(
        "odd", one, one | {"text": "Another one."}, {"url": "u"}, {"text": ""}, {"text": "No id, no date."}
    )
    taken, tally = draw([path])
    assert len(taken) == 2
    assert (tally.records_in, tally.kept) == (5, 2)
    assert tally.dropped == {"duplicate_id": 1, "no_text": 1, "empty": 1}
    tally.ledger()


def test_what_is_not_known_of_a_document_is_said(documents: Write) -> None:
    (file,) = page_files(
        [str(documents("notes.2020", {"text": "No id, no date."}, {"text": "x", "url": "http://A.test/"}))]
    )
    first, second = read_pages(file)
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert (first.url, first.source, first.year, first.crawl, len(first.id)) == (
        None,
        "notes",
        "unknown",
        "unknown",
        32,
    )
    assert second.source == "a.test"


def test_an_opening_ends_where_a_paragraph_does_and_never_inside_a_formula() -> None:
    text = "First paragraph here.\n\n" + "Second one. " * 5 + "\n\n$$\n" + "x + " * 30 + "y\n$$\n\nThe end."
    assert opening(text, len(text)) == text
    assert opening(text, 100) == text[: text.index("\n\n$$")].rstrip()
    assert opening("word " * 100, 52) == ("word " * 10).rstrip()
    assert opening("x" * 100, 40) == "x" * 40


def test_what_holds_no_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^'.*none.jsonl': matches no file; correct the path$"):
        page_files([str(tmp_path / "none.jsonl")])
    (tmp_path / "page.warc").write_bytes(b"")
    with pytest.raises(BadInput, match=r"page.warc: warc, not documents; build it first"):
        page_files([str(tmp_path / "page.warc")])
    (tmp_path / "stage" / "parts").mkdir(parents=True)
    with pytest.raises(BadInput, match="a stage that is not done"):
        page_files([str(tmp_path / "stage")])
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match=r"broken.parquet: not_parquet: .*; take it out, or mend it"):
        list(read_pages(page_files([str(broken)])[0]))
