"""The page as a whole."""

from pathlib import Path

from pipeline.report import render_report


def test_an_empty_corpus_renders(make_corpus, tmp_path: Path) -> None:
    page = render_report(make_corpus(), tmp_path)
    assert "No documents." in page
