"""Tables of MathML to LaTeX: matrices, cases, aligned equations and arrays."""

from collections.abc import Callable

from pipeline.extract.formulas.dom import Element
from pipeline.extract.formulas.symbols import FENCES, chars_tex

_MATRICES = {("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("|", "|"): "vmatrix", ("‖", "‖"): "Vmatrix", ("{",
             "}"): "Bmatrix",
             ("∥", "∥"): "Vmatrix", ("∣", "∣"): "vmatrix"}  # fmt: skip
_RELATIONS = (
    "=",
    "<",
    ">",
    "\\leq",
    "\\geq",
    "\\equiv",
    "\\approx",
    "\\in",
    "\\rightarrow",
    "\\Rightarrow",
    "\\neq",
    ":=",
    "\\cong",
)
_ROWS = frozenset({"mtr", "mlabeledtr"})


def _cells(row: Element, convert: Callable[[Element], str]) -> list[str]:
    """LaTeX of a row's cells; the number of a labelled row is left out."""
    cells = row.elements
    if row.tag == "mlabeledtr":
        cells = cells[1:]
    glue = [place for place, cell in enumerate(cells) if _is_glue(cell)]
    if glue:  # KaTeX and Temml centre a numbered row between two of these; the number stands in or behind the second
        cells = cells[int(glue[0] == 0) : next((place for place in glue if place), len(cells))]
    return [convert(cell) for cell in cells if "mjx-label" not in cell.classes]


def _is_glue(cell: Element) -> bool:
    return "50%" in cell.get("width") or "50%" in cell.get("style") or "mtr-glue" in cell.classes


def table(node: Element, convert: Callable[[Element], str], opening: str, closing: str) -> str:
    """LaTeX of a table between two fences, either of which may be ""."""
    rows = [_cells(row, convert) if row.tag in _ROWS else [convert(row)] for row in node.elements]
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    if width == 1 and len(rows) == 1 and not opening and not closing:
        return rows[0][0] if rows[0] else ""
    body = " \\\\ ".join(_line(row) for row in rows)
    matrix = _MATRICES.get((opening, closing))
    if matrix:
        return f"\\begin{{{matrix}}}{body}\\end{{{matrix}}}"
    if opening == "{" and not closing:
        return f"\\begin{{cases}}{body}\\end{{cases}}"
    columns = node.get("columnalign").split()
    if opening or closing:
        left = FENCES.get(opening) or chars_tex(opening) or "."
        right = FENCES.get(closing) or chars_tex(closing) or "."
        return f"\\left{left}{_array(body, width, columns)}\\right{right}"
    if columns[:2] in (["right", "left"], ["right", "center"]) and width > 1:
        return f"\\begin{{aligned}}{body}\\end{{aligned}}"
    if not columns and width > 1 and _aligned(rows):
        return f"\\begin{{aligned}}{body}\\end{{aligned}}"
    if width == 1:
        return f"\\begin{{gathered}}{body}\\end{{gathered}}"
    if not columns or set(columns) == {"center"}:
        return f"\\begin{{matrix}}{body}\\end{{matrix}}"
    return _array(body, width, columns)


def _array(body: str, width: int, columns: list[str]) -> str:
    """An array with its column alignments, the last repeated."""
    letters = [(columns[min(i, len(columns) - 1)] if columns else "center")[:1] for i in range(width)]
    spec = "".join(letter if letter in "lcr" else "c" for letter in letters)
    return f"\\begin{{array}}{{{spec}}}{body}\\end{{array}}"


def _line(cells: list[str]) -> str:
    """One row; a bracket at its start would be read as an option of the row break."""
    line = " & ".join(cells).rstrip()
    return "{}" + line if line.startswith("[") else line


def _aligned(rows: list[list[str]]) -> bool:
    """Whether the second cell of every row begins with a relation: equations one under the other."""
    return len(rows) > 1 and all(len(row) > 1 and row[1].startswith(_RELATIONS) for row in rows)
