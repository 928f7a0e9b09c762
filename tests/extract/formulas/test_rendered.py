"""Formulas that KaTeX, Temml and MathJax rendered (see make_fixtures) come back as written, up to spacing, synonyms."""

import json
from pathlib import Path

import pytest
from extract.formulas.pages import formulas_of, text_of

from pipeline.extract.formulas import Formula

DATA = Path(__file__).parents[2] / "data" / "formulas"
RENDERED = [json.loads(line) for line in (DATA / "rendered.jsonl").read_text(encoding="utf-8").splitlines()]
# What the extractor calls a form that is the same markup as another, or drawn by another version of its program.
ENCODINGS = {
    "mathjax3_mathml": "mathml",
    "temml": "mathml",
    "mathjax2_chtml": "mathjax2_rendered",
    "mathjax4_chtml": "mathjax3_chtml",
    "mathjax4_svg": "mathjax3_svg",
    "mathjax4_pieces": "mathjax3_svg",
}
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", RENDERED, ids=[f"{row['form']}:{row['tex'][:30]}" for row in RENDERED])
def test_rendered_formula_comes_back(row: dict[str, str]) -> None:
    expected = EXPECTED[row["tex"]]
    tex = expected if isinstance(expected, str) else expected[row["form"]]
    display = row["form"] != "mathjax4_pieces"
    assert formulas_of(f"<p>See {row['html']}.</p>") == [Formula(tex, display, ENCODINGS.get(row["form"], row["form"]))]
    assert text_of(f"<p>See {row['html']}.</p>") == (f"See\n$${tex}$$." if display else f"See ${tex}$.")


def test_every_line_has_every_form() -> None:
    assert len(RENDERED) == 10 * len(EXPECTED)
