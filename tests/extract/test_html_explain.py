"""What is told about a page's reading."""

from pathlib import Path

from pipeline.extract.explain import explain, report
from pipeline.extract.html import extract

PAGES = Path(__file__).parent.parent / "data" / "pages"


def test_formulas_and_what_was_left_out_are_told() -> None:
    html = (PAGES / "thread.html").read_bytes()
    told = explain(html)
    assert told.page == extract(html)
    assert told.content == "body.question-page > div.container > div#mainbar"
    assert [formula.tex for formula in told.formulas[:3]] == ["G", "15", "3"]
    left_out = [(part.reason, part.element, part.characters) for part in told.left_out]
    assert left_out[:2] == [("<header>", "header", 10), ("boilerplate", "div.vote-count.vote", 1)]
    assert told.left_out[2].begins == "group-theory finite-groups"
    assert "delimiters" in report(told)
    assert "content   body.question-page > div.container > div#mainbar" in report(told)


def test_formulas_in_what_was_left_out_do_not_count() -> None:
    math = "<math><annotation encoding='application/x-tex'>{}</annotation></math>"
    words = "words of a paragraph that is long enough to be content, "
    html = f"<p>{words}{math.format('x^2')} and $y$.</p><aside>{math.format('z')}</aside><pre>$w$</pre>"
    page = extract(html.encode())
    assert page.formulas == 2
    assert sum(page.encodings.values()) == 2


def test_a_page_without_content() -> None:
    assert explain(b"<title>t</title>").content == ""
    assert "content   none" in report(explain(b""))
