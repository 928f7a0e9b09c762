"""What the formula tests share: a page in, its finished text out."""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.extract.formulas import Formula, Lifted, lift

_SCRIPTS = {"sup": ("\ue002", "\ue003"), "sub": ("\ue004", "\ue005")}


def _pieces(node: LexborNode) -> Iterator[str]:
    for child in node.iter(include_text=True):
        tag = child.tag or ""
        if tag == "-text":
            yield child.text_content or ""
        elif tag not in ("script", "style"):
            opening, closing = _SCRIPTS.get(tag, ("", ""))
            yield opening
            yield from _pieces(child)
            yield closing


def _read(html: str) -> tuple[str, Lifted]:
    tree = LexborHTMLParser(html)
    found = lift(tree)
    assert tree.body is not None
    return found.finish(" ".join("".join(_pieces(tree.body)).split())), found


def text_of(html: str) -> str:
    """The page's body as one finished block of running text."""
    return _read(html)[0]


def formulas_of(html: str) -> list[Formula]:
    """The formulas of that text."""
    return _read(html)[1].formulas
