"""A reader for the small part of LaTeX that the sample pages use: TeX in, a tree of presentation MathML out.

Every encoding of a sample page (MathML, KaTeX, MathJax, AsciiMath, plain text) is written from this one tree, so the
pages agree with the gold formula, which is the TeX itself. It is a writer's tool, not a TeX engine: an unknown command
is an error, so that a typing mistake in a lesson is found when the sample is written.
"""

import re
from dataclasses import dataclass, field

from manifests.sample import symbols

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.")
_FENCES = {"pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "vmatrix": ("|", "|"), "cases": ("{", ""), "aligned": ("", "")}
_DELIMITERS = {"\\{": "{", "\\}": "}", "\\lfloor": "⌊", "\\rfloor": "⌋", "\\lceil": "⌈", "\\rceil": "⌉", "\\|": "‖"}


@dataclass(frozen=True)
class Node:
    """One MathML element: a token (`text`) or a layout element (`children`)."""

    tag: str
    text: str = ""
    children: tuple["Node", ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


def parse(tex: str, display: bool = False) -> Node:
    """The MathML tree (an `mrow`) of `tex`; limits of sums go under and over in display style.

    ValueError on a command that is not in the tables.
    """
    reader = _Reader(_TOKEN.findall(tex), tex, display)
    return Node("mrow", children=tuple(reader.row(frozenset())))


def group(nodes: list[Node]) -> Node:
    """One node that stands for `nodes`: itself when alone, else an `mrow`."""
    return nodes[0] if len(nodes) == 1 else Node("mrow", children=tuple(nodes))


@dataclass
class _Reader:
    tokens: list[str]
    source: str
    display: bool
    at: int = 0

    def fail(self, what: str) -> ValueError:
        return ValueError(f"{what} in {self.source!r}")

    def peek(self) -> str:
        """The next token that is not space, or the empty string at the end."""
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise self.fail("unexpected end")
        self.at += 1
        return token

    def row(self, stops: frozenset[str]) -> list[Node]:
        nodes: list[Node] = []
        while self.peek() and self.peek() not in stops:
            nodes.append(self.scripted())
        return nodes

    def argument(self) -> Node:
        if self.peek() != "{":
            return self.atom()
        self.take()
        node = group(self.row(frozenset({"}"})))
        self.take()
        return node

    def raw_argument(self) -> str:
        """The text of a `{…}` argument with its spaces, for \\text and names."""
        if self.take() != "{":
            raise self.fail("missing brace")
        end = self.tokens.index("}", self.at)
        text = "".join(self.tokens[self.at : end])
        self.at = end + 1
        return text

    def scripted(self) -> Node:
        base = self.atom()
        under: Node | None = None
        over: Node | None = None
        while self.peek() in {"^", "_", "'"}:
            mark = self.take()
            if mark == "'":
                primes = 1
                while self.peek() == "'":
                    self.take()
                    primes += 1
                over = Node("mo", "′" * primes)
            elif mark == "_":
                under = self.argument()
            else:
                over = self.argument()
        if under is None and over is None:
            return base
        movable = base.attributes.get("movablelimits") == "true" and self.display
        if under is not None and over is not None:
            return Node("munderover" if movable else "msubsup", children=(base, under, over))
        if under is not None:
            return Node("munder" if movable else "msub", children=(base, under))
        assert over is not None
        return Node("mover" if movable else "msup", children=(base, over))

    def atom(self) -> Node:
        token = self.take()
        if token[0].isdigit():
            return Node("mn", token)
        if token == "{":
            node = group(self.row(frozenset({"}"})))
            self.take()
            return node
        if token == "-":
            return Node("mo", "−")
        if token in _DELIMITERS:
            return Node("mo", _DELIMITERS[token], attributes={"stretchy": "false"})
        if token in "()[]|":
            return Node("mo", token, attributes={"stretchy": "false"})
        if token[0] != "\\":
            return Node("mi", token) if token.isalpha() else Node("mo", token)
        return self.command(token[1:])

    def command(self, name: str) -> Node:
        table = symbols.GREEK | symbols.LETTERS
        if name in table:
            return Node("mi", table[name])
        if name in symbols.BINARY or name in symbols.RELATIONS:
            return Node("mo", (symbols.BINARY | symbols.RELATIONS)[name])
        if name in symbols.LARGE:
            return Node("mo", symbols.LARGE[name], attributes={"movablelimits": "true"})
        if name in symbols.INTEGRALS:
            return Node("mo", symbols.INTEGRALS[name])
        if name in symbols.LIMITS:
            return Node("mo", name, attributes={"movablelimits": "true"})
        if name in symbols.FUNCTIONS:
            return Node("mi", name)
        if name in symbols.SPACES:
            return Node("mspace", attributes={"width": symbols.SPACES[name]})
        if name in {"%", "&", "$", "#"}:
            return Node("mo", name)
        return self.layout(name)

    def layout(self, name: str) -> Node:
        if name in {"frac", "dfrac"}:
            return Node("mfrac", children=(self.argument(), self.argument()))
        if name == "binom":
            inner = Node("mfrac", children=(self.argument(), self.argument()), attributes={"linethickness": "0"})
            return Node("mrow", children=(Node("mo", "("), inner, Node("mo", ")")))
        if name == "sqrt":
            if self.peek() != "[":
                return Node("msqrt", children=(self.argument(),))
            self.take()
            index = group(self.row(frozenset({"]"})))
            self.take()
            return Node("mroot", children=(self.argument(), index))
        if name in {"text", "mathrm", "operatorname", "mathbf", "mathbb"}:
            return _named(name, self.raw_argument())
        if name in symbols.ACCENTS:
            mark = Node("mo", symbols.ACCENTS[name], attributes={"stretchy": "true" if name == "overline" else "false"})
            return Node("mover", children=(self.argument(), mark), attributes={"accent": "true"})
        if name == "pmod":
            gap = Node("mspace", attributes={"width": "0.3333em"})
            fenced = (Node("mo", "("), Node("mi", "mod"), gap, self.argument(), Node("mo", ")"))
            return Node("mrow", children=(Node("mspace", attributes={"width": "1em"}), *fenced))
        if name == "left":
            opening = self.delimiter()
            body = self.row(frozenset({"\\right"}))
            self.take()
            return _fenced(opening, body, self.delimiter())
        if name == "begin":
            return self.environment()
        raise self.fail(f"unknown command \\{name}")

    def delimiter(self) -> str:
        token = self.take()
        return "" if token == "." else _DELIMITERS.get(token, token)

    def environment(self) -> Node:
        kind = self.raw_argument()
        if kind not in _FENCES:
            raise self.fail(f"unknown environment {kind}")
        rows: list[Node] = []
        cells: list[Node] = []
        while True:
            cells.append(Node("mtd", children=tuple(self.row(frozenset({"&", "\\\\", "\\end"})))))
            token = self.take()
            if token == "&":
                continue
            rows.append(Node("mtr", children=tuple(cells)))
            cells = []
            if token == "\\end":
                self.raw_argument()
                break
        opening, closing = _FENCES[kind]
        table = Node("mtable", children=tuple(rows), attributes={"columnalign": "left"} if kind == "cases" else {})
        return _fenced(opening, [table], closing) if opening else table


def _named(name: str, text: str) -> Node:
    if name == "text":
        return Node("mtext", text.replace(" ", "\u00a0"))
    if name == "mathbb":
        return Node("mi", symbols.DOUBLE_STRUCK[text])
    variant = "bold" if name == "mathbf" else "normal"
    return Node("mi", text, attributes={"mathvariant": variant} if len(text) == 1 or variant == "bold" else {})


def _fenced(opening: str, body: list[Node], closing: str) -> Node:
    ends = {"fence": "true", "stretchy": "true"}
    first = (Node("mo", opening, attributes=ends),) if opening else ()
    last = (Node("mo", closing, attributes=ends),) if closing else ()
    return Node("mrow", children=(*first, *body, *last))
