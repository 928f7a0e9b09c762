"""Formulas that KaTeX and MathJax rendered (see make_fixtures) come back as written, up to spacing and synonyms."""

import json
from pathlib import Path

import pytest
from extract.formulas.pages import formulas_of, text_of

from pipeline.extract.formulas import Formula

DATA = Path(__file__).parents[2] / "data" / "formulas"
RENDERED = [json.loads(line) for line in (DATA / "rendered.jsonl").read_text(encoding="utf-8").splitlines()]
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", RENDERED, ids=[f"{row['form']}:{row['tex'][:30]}" for row in RENDERED])
def test_rendered_formula_comes_back(row: dict[str, str]) -> None:
    expected = EXPECTED[row["tex"]]
    tex = expected if isinstance(expected, str) else expected[row["form"]]
    encoding = "mathml" if row["form"] == "mathjax3_mathml" else row["form"]
    assert formulas_of(f"<p>See {row['html']}.</p>") == [Formula(tex, True, encoding)]
    assert text_of(f"<p>See {row['html']}.</p>") == f"See\n$${tex}$$."


def test_every_line_has_every_form() -> None:
    assert len(RENDERED) == 5 * len(EXPECTED)
