r"""Mathematics that running text writes without delimiters: `y = 2x + 1`, `x^2 - 4`, `3 plus 4`."""

import re
from collections.abc import Iterator

from pipeline.refine.reading import FORMULA

_SHORT_WORDS = "is of in to an as at by if it no on or so us we be do go he me my up am cm km mm kg ml vs pp".replace(
    " ", "|"
)
_LETTER = (
    r"(?<![A-Za-zÀ-ÿ0-9])[A-Za-zα-ωΑ-Ω](?![A-Za-zÀ-ÿ]|['’][A-Za-z])|(?<=\d)[a-zα-ω]{1,3}(?![A-Za-zÀ-ÿ])"
    rf"|(?<![A-Za-zÀ-ÿ0-9])(?!(?:{_SHORT_WORDS})\b)[a-z]{{2}}(?![A-Za-zÀ-ÿ'’])|(?<=[A-Z]\()[a-z]{{2,12}}(?=\))"
)
_NUMBER = r"\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?"
_FIRST = rf"(?:{_NUMBER}|{_LETTER}|(?:sin|cos|tan|log|ln|exp|sqrt)(?=[ (])|[√∞π½¼¾⅓⅔]|[(\[{{](?=[^\n]{{0,80}}[)\]}}]))"
_ATOM = rf"(?:{_FIRST}|[°'!²³⁰¹⁴-⁹)\]}}]|[_^](?=[\w({{\-+]))"
_OPERATOR = r"(?:<=|>=|!=|==|[=<>≤≥≠≈≡∈+\-−*×·⋅÷/±]|(?:plus|minus|times|mod|equals|is equal to|divided by)(?=[ ]))"
_RUN = re.compile(
    rf"(?:{_ATOM}[ ]?){{1,12}}+(?:{_OPERATOR}[ ]?(?:[-−+][ ]?)?(?:{_ATOM}[ ]?){{1,40}}+)++", re.IGNORECASE
)
# Searched at every character of a text: the pattern begins with a set, which the engine skips to.
_SIGN = re.compile(r"[=<>≤≥≠≈≡∈+×÷±\-−*/](?:(?<=[=<>≤≥≠≈≡∈+×÷±])|(?<=[\w)] .)(?= [\w(]))")
_SPOKEN = ("plus", "minus", "times", "equal", "divided")
_SPOKEN_SIGN = re.compile(r"\b(?:plus|minus|times|equals?|divided)\b")
_SURE = re.compile(r"[=<>≤≥≠≈≡∈^+×÷±²³√]|\w [-−*/] \w|plus|minus|times|equals|divided")
_LABEL = re.compile(r"\(\w{1,2}\) (?=\S)")
_WORD = re.compile(r"\w")
_CALLED = re.compile(r"(?<=\()[a-z]{2,12}(?=\))")
_AROUND = 60
"""Characters before a sign that may belong to its run; four times as many after it."""
_SPELLED = (
    ("<=", "≤"), (">=", "≥"), ("!=", "≠"), ("==", "="), ("is equal to", "="), ("equals", "="), ("plus", "+"),
    ("minus", "-"), ("times", "×"), ("divided by", "/"), ("sqrt", "√"), ("π", r"\pi "),
)  # fmt: skip


def lift_plain(prose: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with a mark in the place of every run of mathematics, and the runs: (formulas before it, LaTeX)."""
    runs: list[tuple[int, str]] = []
    out: list[str] = []
    place = marks = 0
    for start, end in _windows(prose):
        for match in _RUN.finditer(prose, max(start, place), end):
            label = _LABEL.match(match[0])
            begin = match.start() + (label.end() if label else 0)
            run = prose[begin : match.end()].rstrip()
            if not _SURE.search(run) or not _WORD.search(run):
                continue
            before = prose[place:begin]
            marks += before.count(FORMULA)
            out += [before, FORMULA]
            place = begin + len(run)
            runs.append((marks, _latex(run)))
    if not runs:
        return prose, runs
    out.append(prose[place:])
    return "".join(out), runs


def _windows(prose: str) -> Iterator[tuple[int, int]]:
    """Where a run can be: around the signs that make one, in order, none twice."""
    start = end = 0
    signs = [match.span() for match in _SIGN.finditer(prose)]
    if any(word in prose for word in _SPOKEN):
        signs = sorted(signs + [match.span() for match in _SPOKEN_SIGN.finditer(prose)])
    for first, last in signs:
        if first < end - _AROUND:
            continue
        if first - _AROUND > end:
            if end:
                yield start, end
            start = max(prose.rfind(" ", end, first - _AROUND), prose.rfind("\n", end, first), end)
        end = min(len(prose), last + 4 * _AROUND)
    if end:
        yield start, end


def _latex(run: str) -> str:
    for spelled, sign in _SPELLED:
        if spelled in run:
            run = run.replace(spelled, sign)
    return _CALLED.sub(r"\\text{\g<0>}", run)
