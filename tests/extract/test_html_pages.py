"""Whole pages, written for these tests, with the exact text that must come out of them."""

from pathlib import Path

import pytest

from pipeline.extract import extract_text
from pipeline.extract.html import EXTRACTOR, VERSION, extract

PAGES = sorted((Path(__file__).parent.parent / "data" / "pages").glob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_page_gives_its_text(page: Path) -> None:
    assert extract(page.read_bytes()).text + "\n" == page.with_suffix(".md").read_text(encoding="utf-8")


def test_pages_are_there() -> None:
    assert len(PAGES) >= 6


def test_page_has_title_formulas_and_encodings() -> None:
    page = extract(b"<title>A &amp;\n B</title><p>Let \\(x\\) be \\(y\\), as in the text that stands here.</p>")
    assert page.title == "A & B"
    assert page.formulas == 2
    assert sum(page.encodings.values()) == 2
    assert page.text == "Let $x$ be $y$, as in the text that stands here."


@pytest.mark.parametrize(
    ("html", "title"),
    [
        (b"<h1>From the heading</h1><p>x</p>", "From the heading"),
        (b"<meta property='og:title' content='From the card'><h1>h</h1>", "From the card"),
        (b"<title> </title><h1>h</h1>", "h"),
        (b"<svg><title>of a drawing</title></svg><p>x</p>", ""),
        (b"", ""),
    ],
)
def test_title_comes_from_the_first_place_that_has_one(html: bytes, title: str) -> None:
    assert extract(html).title == title


@pytest.mark.parametrize(
    "html", [b"", b" \n", b"<html></html>", b"<script>x</script>", b"<nav>Home</nav>", b"\x00\x00"]
)
def test_page_without_content_gives_no_text(html: bytes) -> None:
    assert extract(html).text in ("", "Home")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR text of it", b"%PDF-1.4 text of it", b"GIF89a text"]
)
def test_what_is_no_html_has_no_text(content: bytes) -> None:
    assert extract(content).text == ""


def test_utf16_is_html() -> None:
    assert extract("<p>Euclid’s words.</p>".encode("utf-16")).text == "Euclid’s words."


def test_text_is_the_same_every_time() -> None:
    html = PAGES[0].read_bytes()
    assert extract_text(html) == extract_text(html) == extract(html, "https://example.org/").text


def test_charset_of_the_header_is_heard() -> None:
    html = "<p>Gödel’s theorem is about arithmetic.</p>".encode("windows-1252")
    assert extract(html, charset="windows-1252").text == "Gödel’s theorem is about arithmetic."


def test_marks_of_ours_in_a_page_are_taken_out() -> None:
    html = "<p>a\ue0000\ue001b &#xE000;0&#57345; c\ue0060\ue007 d &#x0e002;e &#xE0003;</p>".encode()
    assert extract(html).text == "a0b 0 c0 d e \U000e0003"


def test_characters_without_width_are_taken_out() -> None:
    assert extract("<p>co\u00adoperate\u200b \ufeffnow\x07</p>".encode()).text == "cooperate now"


def test_extractor_is_named_with_its_version() -> None:
    assert f"mathmill@{VERSION}" == EXTRACTOR
