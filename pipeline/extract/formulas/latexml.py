"""LaTeXML, ar5iv and arXiv's HTML: equations are tables, whose cells hold the pieces of an alignment."""

from selectolax.lexbor import LexborNode

from pipeline.extract.formulas.page import CLOSE, OPEN, Page

CLASSES = frozenset({"ltx_eqn_table", "ltx_equationgroup", "ltx_equation"})


def lift(node: LexborNode, page: Page) -> None:
    """Make one display formula of an equation table; tables with words in them stay."""
    if node.tag != "table":
        return
    rows: list[list[str]] = []
    last = -1
    for row in node.css("tr"):
        cells: list[str] = []
        for cell in row.css("td"):
            name = cell.attributes.get("class") or ""
            if "ltx_eqn_eqno" in name or "ltx_eqn_center_pad" in name:
                continue
            text = cell.text(deep=True).strip()
            if not text:
                cells.append("")
                continue
            pieces = []
            for piece in text.split(OPEN):
                number, closed, rest = piece.partition(CLOSE)
                if not closed:
                    if piece.strip():
                        return
                    continue
                if rest.strip() not in ("", ",", ".", ";"):
                    return
                pieces.append(page.formulas[int(number)].tex + rest.strip())
                last = int(number)
            cells.append(" ".join(pieces))
        if any(cells):
            rows.append(cells)
    if not rows:
        return
    if len(rows) == 1:
        tex = " ".join(cell for cell in rows[0] if cell)
    else:
        tex = "\\begin{aligned}" + " \\\\ ".join(_line(row) for row in rows) + "\\end{aligned}"
    page.put(node, tex, True, page.formulas[last].encoding)


def _line(cells: list[str]) -> str:
    """One row of an alignment; a bracket at its start would be read as an option of the row break."""
    line = " & ".join(cells).strip()
    return "{}" + line if line.startswith("[") else line
