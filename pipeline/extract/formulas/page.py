"""The page while its formulas are lifted: what was found so far, and the tools that every encoding needs."""

import re
from collections.abc import Callable
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.extract.formulas.configuration import Configuration
from pipeline.extract.formulas.dom import Budget, Element, read
from pipeline.extract.formulas.latex import clean, in_lines, punctuation, strip_comments, unescape
from pipeline.extract.formulas.limits import FormulaLimits
from pipeline.extract.formulas.macros import DEFINES, Macros

OPEN, CLOSE = "\ue000", "\ue001"  # around the index of a formula, in text
# Rendered formulas of earlier pages: markup to LaTeX and nodes read. At most about 8 MB.
_REMEMBERED: dict[tuple[Callable[[Element], str], str], tuple[str, int]] = {}
_SHORT, _MANY = 4_000, 2_000
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
_BLOCKS = frozenset("p div center dd blockquote figure li td section article main body".split())
_TEX = re.compile(r"\\[a-zA-Z]+|\\[{}|,;\\]|[_^]\s*[\w{(+*-]|^\s*\$.+\$\s*$|^\s*\\[(\[]", re.DOTALL)


class Formula(NamedTuple):
    """LaTeX without delimiters, cleaned; whether it stands on lines of its own; and how the page wrote it."""

    tex: str
    display: bool
    encoding: str


class Page:
    """One page's formulas, in the order in which they were found."""

    def __init__(self, tree: LexborHTMLParser, limits: FormulaLimits) -> None:
        self.tree = tree
        self.limits = limits
        self.budget = Budget(limits.nodes, limits.depth)
        self.macros = Macros(limits)
        self.configuration = Configuration(self.macros)
        self.formulas: list[Formula] = []
        self._read: dict[str, str] = {}

    def add(self, tex: str, display: bool | None, encoding: str) -> str | None:
        """Keep a formula. Returns its mark, "" when it says nothing (definitions), None when it is none or too much.

        `display` None leaves the choice to the delimiters in the source.
        """
        if OPEN in tex:  # of a formula inside another, however a page came to nest them
            tex = _MARK.sub(lambda match: self.formulas[int(match[1])].tex, tex)
        if len(tex) > self.limits.tex_chars or len(self.formulas) >= self.limits.formulas:
            return None
        if self.macros.table or DEFINES.search(tex):
            tex = strip_comments(unescape(tex))
            if DEFINES.search(tex):
                tex = self.macros.collect(tex)
            tex = self.macros.expand(tex)
        tex, says = clean(tex)
        tex, mark = punctuation(tex)
        if not tex:
            return mark
        if display is None or (
            says and "\\begin{" in tex
        ):  # an environment of equations is a display wherever it stands
            display = bool(says)
        if display and ("&" in tex or "\\\\" in tex):
            tex = in_lines(tex)
        self.formulas.append(Formula(tex, display, encoding))
        return f"{OPEN}{len(self.formulas) - 1}{CLOSE}{mark}"

    def read_back(self, node: LexborNode, to_tex: Callable[[Element], str]) -> str:
        """LaTeX of a rendered formula. Equal markup is read once: most formulas of a page are a letter or two.

        Short ones are remembered for the pages to come as well, with the nodes that reading them took: what a page may
        read does not depend on the pages before it.
        """
        markup = node.html or ""
        tex = self._read.get(markup)
        if tex is None:
            remembered = _REMEMBERED.get((to_tex, markup))
            if remembered is None:
                before = self.budget.nodes
                tex = to_tex(read(node, self.budget))
                if len(markup) < _SHORT:
                    if len(_REMEMBERED) >= _MANY:
                        _REMEMBERED.clear()
                    _REMEMBERED[to_tex, markup] = tex, before - self.budget.nodes
            else:
                tex, nodes = remembered
                self.budget.spend(nodes)
            self._read[markup] = tex
        return tex

    def put(self, node: LexborNode, tex: str, display: bool | None, encoding: str) -> bool:
        """Put a formula in the place of a node. False when the node was left as it is."""
        if node.parent is None:  # replaced before, with what held it or under another of its names
            return False
        mark = self.add(tex, display, encoding)
        if mark is None:
            return False
        node.replace_with(mark or " ")
        return True


def has_class(node: LexborNode, name: str) -> bool:
    """Whether a node has a class."""
    return name in (node.attributes.get("class") or "").split()


def is_blank_text(node: LexborNode) -> bool:
    """Whether a node is white space."""
    return node.tag == "-text" and not (node.text_content or "").strip()


def alone(node: LexborNode) -> bool:
    """Whether nothing but white space and breaks stands beside a node in its block."""
    parent = node.parent
    for _ in range(4):
        if parent is None or parent.tag in _BLOCKS:
            break
        if not only_child(parent, node):
            return False
        node, parent = parent, parent.parent
    return (
        parent is not None
        and parent.tag in _BLOCKS
        and parent.tag not in ("li", "td", "body")
        and only_child(parent, node)
    )


def only_child(parent: LexborNode, node: LexborNode) -> bool:
    """Whether nothing but white space, breaks and comments stands beside a node in its parent."""
    for step in ("next", "prev"):
        beside = getattr(node, step)
        for _ in range(12):
            if beside is None:
                break
            if beside.tag not in ("br", "-comment") and not is_blank_text(beside):
                return False
            beside = getattr(beside, step)
        else:
            return False
    return True


def looks_tex(text: str) -> bool:
    """Whether a string is plainly LaTeX: a command, a script or delimiters."""
    return bool(_TEX.search(text))
