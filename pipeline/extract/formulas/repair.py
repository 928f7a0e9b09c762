r"""Formulas between delimiters that a page's markup broke: emphasis made of `_`, comments, displays cut into blocks.

Markdown turns `$a_i$ and $b_j$` into `$a<em>i$ and $b</em>j$`; editors put each line of an `\begin{align}` into its own
paragraph; white space collapses later, so that a `%` comment would swallow the rest. All three are mended in the tree,
only on pages whose bytes show delimiters and the damage.
"""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_COMMENT = re.compile(r"((?:^|[^\\\n])(?:\\\\)*|\n)%[^\n]*(?=\n)")
_COMMENTED = re.compile(rb"%(?<![\\0-9]%)[^\n<]{0,300}\n")
_EMPHASIS = re.compile(rb"<(?:em|i)>[^<]{0,500}</(?:em|i)>[^\s<]")  # emphasis that ends within a word or a formula
_EDGE = re.compile(
    r"(?<!\\)\\(?P<bracket>[\[\]])|(?P<dollars>(?<!\\)\$\$)"
    r"|\\(?P<kind>begin|end)\{(?P<name>equation|align|alignat|gather|multline|eqnarray|displaymath|flalign|aligned|array"
    r"|cases|[pbvV]?matrix)\*?\}"
)
_BLOCKS = 60  # paragraphs that one display may be cut into
_CHARS = 20_000  # characters of such a display
_NESTED = "p, div, ul, ol, table, pre, h1, h2, h3, h4, h5, h6, blockquote, section, article, dl, img, code"


def repair(tree: LexborHTMLParser, raw: bytes) -> None:
    """Mend what can be mended without doubt."""
    if b"\\" not in raw and b"$" not in raw:
        return
    body = tree.body
    if body is None:
        return
    display = b"$$" in raw or b"\\[" in raw or b"\\begin{" in raw
    if display and b"%" in raw and _COMMENTED.search(raw):
        _drop_comments(body)
    if _EMPHASIS.search(raw) and (b"$" in raw or b"\\(" in raw):
        for node in body.css("em, i"):
            _restore_underscore(node)
    if display and any(_is_cut(part) for part in raw.split(b"</p")):
        done: set[int] = set()
        for node in body.css("p"):
            if node.mem_id not in done:
                _join(node, done)


def _is_cut(part: bytes) -> bool:
    """Whether the source between the ends of two paragraphs opens a display that it does not close, or the reverse."""
    return (
        part.count(b"$$") % 2 == 1
        or (b"\\[" in part) != (b"\\]" in part)
        or part.count(b"\\begin{") != part.count(b"\\end{")
    )


def _drop_comments(body: LexborNode) -> None:
    nodes = [
        node
        for node in body.traverse(include_text=True)
        if node.tag == "-text" and "%" in (node.text_content or "") and _delimited(node.text_content or "")
    ]
    for node in nodes:
        text = node.text_content or ""
        if node.parent is not None and node.parent.tag not in ("script", "style", "pre", "code", "textarea"):
            node.replace_with(_COMMENT.sub(r"\1", text))


def _delimited(text: str) -> bool:
    return "$$" in text or "\\[" in text or "\\begin{" in text


def _restore_underscore(node: LexborNode) -> None:
    """`a<em>i$ and $b</em>j` between dollars as `a_i$ and $b_j`."""
    if node.attributes:
        return
    before = node.prev
    text = before.text_content or "" if before is not None and before.tag == "-text" else ""
    if not text or not _open(text):
        return
    inner = node.text(deep=True)
    following = node.next
    after = following.text_content or "" if following is not None and following.tag == "-text" else ""
    if not after or after[0] in " \n" or len(inner) > 500 or not (_open(text + inner) and _closes(after)):
        return
    if text[-1] in " \n" and not text.rstrip().endswith(("}", ")")):
        return
    node.replace_with(f"_{inner}_")


def _open(text: str) -> bool:
    """Whether text ends inside a formula that it opens."""
    dollars = text.count("$") - text.count("\\$") - 2 * text.count("$$")
    return dollars % 2 == 1 or text.rfind("\\(") > text.rfind("\\)") or text.count("$$") % 2 == 1


def _closes(text: str) -> bool:
    """Whether text goes on to close a formula."""
    return "$" in text or "\\)" in text


def _depth(text: str, depth: int) -> int:
    """How many display delimiters are open at the end of text, `depth` being open before it."""
    dollars = depth & 1
    nested = depth >> 1
    for match in _EDGE.finditer(text):
        if match["dollars"]:
            dollars ^= 1
        elif match["bracket"] == "[" or match["kind"] == "begin":
            nested += 1
        elif nested:
            nested -= 1
    return nested << 1 | dollars


def _join(node: LexborNode, done: set[int]) -> None:
    """Take the following paragraphs into one that leaves a display open, up to the one that closes it."""
    text = node.text(deep=True)
    if not _delimited(text):
        return
    depth = _depth(text, 0)
    if not depth:
        return
    parts: list[LexborNode] = []
    size = len(text)
    beside = node.next
    while beside is not None and depth and len(parts) < _BLOCKS:
        if beside.tag not in ("p", "-text", "br", "div") or (
            beside.tag in ("p", "div") and beside.css_first(_NESTED) not in (None, beside)
        ):
            return
        inner = beside.text_content or "" if beside.tag == "-text" else beside.text(deep=True)
        size += len(inner)
        if size > _CHARS:
            return
        depth = _depth(inner, depth)
        parts.append(beside)
        beside = beside.next
    if depth:
        return
    for part in parts:
        inner = part.text_content or "" if part.tag == "-text" else part.text(deep=True)
        node.insert_child(f"\n{inner}")
        done.add(part.mem_id)
        part.decompose()
