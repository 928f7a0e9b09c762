r"""Mathematics that running text writes without delimiters: `y = 2x + 1`, `x^2 - 4`, `3 plus 4`."""

import re

from pipeline.refine.reading import FORMULA

_LETTER = r"(?<![A-Za-zÀ-ÿ0-9])[A-Za-zα-ωΑ-Ω](?![A-Za-zÀ-ÿ'’])|(?<=\d)[a-zα-ω]{1,3}(?![A-Za-zÀ-ÿ])"
_NUMBER = r"\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?"
_ATOM = (
    rf"(?:{_NUMBER}|{_LETTER}|(?:sin|cos|tan|log|ln|exp|sqrt)(?=[ (])|[√∞π°'!²³⁰¹⁴-⁹]|[)\]}}]|[_^](?=[\w({{\-+])"
    r"|[(\[{](?=[^()\[\]{}\n]{0,60}[)\]}]))"
)
_OPERATOR = r"(?:<=|>=|!=|==|[=<>≤≥≠≈≡∈+\-−*×·⋅÷/±→]|(?:plus|minus|times|equals|is equal to|divided by)(?=[ ]))"
_RUN = re.compile(
    rf"(?:{_ATOM}[ ]?){{1,12}}+(?:{_OPERATOR}[ ]?(?:[-−+][ ]?)?(?:{_ATOM}[ ]?){{1,40}}+)++", re.IGNORECASE
)
_TRIGGER = re.compile(r"[=<>≤≥≠≈≡∈^+×÷±²³]|[\w)] [-−*/] [\w(]|\b(?:plus|minus|times|equals?|divided)\b")
_SURE = re.compile(r"[=<>≤≥≠≈≡∈^+×÷±²³√]|\w [-−*/] \w|plus|minus|times|equals|divided")
_SPELLED = (
    ("<=", "≤"), (">=", "≥"), ("!=", "≠"), ("==", "="), ("is equal to", "="), ("equals", "="), ("plus", "+"),
    ("minus", "-"), ("times", "×"), ("divided by", "/"), ("sqrt", "√"), ("π", r"\pi "),
)  # fmt: skip


def lift_plain(prose: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with a mark in the place of every run of mathematics, and the runs: (formulas before it, LaTeX)."""
    if not _TRIGGER.search(prose):
        return prose, []
    runs: list[tuple[int, str]] = []
    out: list[str] = []
    place = marks = 0
    for match in _RUN.finditer(prose):
        run = match[0].rstrip()
        if not _SURE.search(run) or not re.search(r"\w", run):
            continue
        before = prose[place : match.start()]
        marks += before.count(FORMULA)
        out += [before, FORMULA, match[0][len(run) :]]
        place = match.end()
        runs.append((marks, _latex(run)))
    out.append(prose[place:])
    return "".join(out), runs


def _latex(run: str) -> str:
    for spelled, sign in _SPELLED:
        if spelled in run:
            run = run.replace(spelled, sign)
    return run
