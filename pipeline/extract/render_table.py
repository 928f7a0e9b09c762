"""Tables: which hold data, their rows, and how they are written with pipes."""

from collections.abc import Iterator, Mapping

from pipeline.extract.content_outline import Outline, words

_NEVER_IN_DATA = words("table pre h1 h2 h3 h4 blockquote form article section")
_NOT_IN_DATA = _NEVER_IN_DATA | words("ul ol dl")
_ROW_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_LONG_CELL = 400  # characters; text that long in a cell is running text


def children(page: Outline, i: int) -> Iterator[int]:
    """The child entries of an element."""
    child, end = i + 1, page.ends[i]
    while child < end:
        yield child
        child = page.ends[child]


def rows_of(page: Outline, table: int, left_out: Mapping[int, str]) -> Iterator[list[tuple[int, int]]]:
    """Rows of a table: (cell entry, columns it spans) each."""
    stack = list(children(page, table))[::-1]
    while stack:
        i = stack.pop()
        if i in left_out:
            continue
        tag = page.tags[i]
        if tag in _ROW_GROUPS:
            stack += list(children(page, i))[::-1]
        elif tag == "tr":
            row = []
            for cell in children(page, i):
                if page.tags[cell] in ("td", "th") and cell not in left_out:
                    given = page.attributes[cell].get("colspan") or "1"
                    span = int(given) if given.isascii() and given.isdigit() and len(given) < 3 else 1
                    row.append((cell, max(1, span)))
            if row:
                yield row


def is_data_table(page: Outline, table: int, left_out: Mapping[int, str]) -> bool:
    """Whether a table holds data: two rows and two columns or more, with cells of short text.

    Head cells vouch for a table with lists or longer text in its cells.
    """
    if page.attributes[table].get("role") in ("presentation", "none"):
        return False
    rows = list(rows_of(page, table, left_out))
    if len(rows) < 2 or max(sum(span for _, span in row) for row in rows) < 2:
        return False
    heads = any(page.tags[cell] == "th" for row in rows for cell, _ in row)
    forbidden = _NEVER_IN_DATA if heads else _NOT_IN_DATA
    longest = _LONG_CELL * (3 if heads else 1)
    for row in rows:
        for cell, _ in row:
            if not forbidden.isdisjoint(page.tags[cell + 1 : page.ends[cell]]):
                return False
            if sum(map(len, page.texts[cell + 1 : page.ends[cell]])) > longest:
                return False
    return True


def pipes(grid: list[list[str]]) -> str:
    """Rows of cell texts as a pipe table, the first row its head; columns without any text are left out, and one column
    alone is no table but lines."""
    width = max(map(len, grid), default=0)
    rows = [row + [""] * (width - len(row)) for row in grid if any(row)]
    used = [column for column in range(width) if any(row[column] for row in rows)]
    if not used:
        return ""
    if len(used) == 1:
        return "\n".join(row[used[0]] for row in rows)
    lines = ["| " + " | ".join(row[column] for column in used) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(used))
    return "\n".join(lines)
