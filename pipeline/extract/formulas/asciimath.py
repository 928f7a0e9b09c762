"""AsciiMath to LaTeX, after the grammar of its definition: S is a simple expression, I has scripts, E is a row.

v ::= letter | number | symbol      u ::= unary      b ::= binary      l, r ::= brackets
S ::= v | l E r | u S | b S S       I ::= S_S | S^S | S_S^S | S       E ::= I E | I/I
"""

import re

from pipeline.extract.formulas.symbols import chars_tex, join

_DEPTH = 60
_SYMBOLS = r"""
+- \pm -+ \mp * \cdot ** \ast *** \star // / \\ \backslash setminus \setminus xx \times |>< \ltimes ><| \rtimes
|><| \bowtie -: \div divide \div @ \circ o+ \oplus ox \otimes o. \odot sum \sum prod \prod ^^ \wedge ^^^ \bigwedge
vv \vee vvv \bigvee nn \cap nnn \bigcap uu \cup uuu \bigcup = = != \neq := := lt < <= \leq le \leq lt= \leq gt >
>= \geq ge \geq gt= \geq mlt \ll mgt \gg -< \prec -lt \prec >- \succ -<= \preceq >-= \succeq in \in !in \notin
sub \subset sup \supset sube \subseteq supe \supseteq -= \equiv ~= \cong ~~ \approx ~ \sim prop \propto
and \text{and} or \text{or} not \neg => \Rightarrow if \text{if} <=> \Leftrightarrow iff \Leftrightarrow AA \forall
EE \exists _|_ \bot TT \top |-- \vdash |== \models int \int oint \oint del \partial grad \nabla O/ \emptyset
oo \infty aleph \aleph :. \therefore :' \because /_ \angle /_\ \triangle ' ' frown \frown quad \quad qquad \qquad
cdots \cdots vdots \vdots ddots \ddots diamond \diamond square \square |__ \lfloor __| \rfloor |~ \lceil ~| \rceil
CC \mathbb{C} NN \mathbb{N} QQ \mathbb{Q} RR \mathbb{R} ZZ \mathbb{Z} uarr \uparrow uparrow \uparrow darr \downarrow
downarrow \downarrow rarr \rightarrow rightarrow \rightarrow -> \to to \to >-> \rightarrowtail
->> \twoheadrightarrow |-> \mapsto larr \leftarrow leftarrow \leftarrow harr \leftrightarrow rArr \Rightarrow
lArr \Leftarrow hArr \Leftrightarrow ... \ldots dx dx dy dy dz dz dt dt lim \lim Lim \operatorname{Lim} sin \sin
cos \cos tan \tan sinh \sinh cosh \cosh tanh \tanh cot \cot sec \sec csc \csc arcsin \arcsin arccos \arccos
arctan \arctan coth \coth sech \operatorname{sech} csch \operatorname{csch} exp \exp log \log ln \ln det \det
dim \dim mod \bmod gcd \gcd lcm \operatorname{lcm} lub \operatorname{lub} glb \operatorname{glb} min \min max \max
alpha \alpha beta \beta gamma \gamma Gamma \Gamma delta \delta Delta \Delta epsi \epsilon epsilon \epsilon
varepsilon \varepsilon zeta \zeta eta \eta theta \theta Theta \Theta vartheta \vartheta iota \iota kappa \kappa
lambda \lambda Lambda \Lambda mu \mu nu \nu xi \xi Xi \Xi pi \pi Pi \Pi rho \rho sigma \sigma Sigma \Sigma tau \tau
upsilon \upsilon phi \phi varphi \varphi Phi \Phi chi \chi psi \psi Psi \Psi omega \omega Omega \Omega prime \prime
times \times div \div circ \circ oplus \oplus otimes \otimes odot \odot wedge \wedge bigwedge \bigwedge vee \vee
bigvee \bigvee cap \cap bigcap \bigcap cup \cup bigcup \bigcup ne \neq prec \prec succ \succ preceq \preceq
succeq \succeq subset \subset supset \supset subseteq \subseteq supseteq \supseteq equiv \equiv cong \cong
approx \approx sim \sim propto \propto neg \neg implies \Rightarrow forall \forall exists \exists bot \bot top \top
vdash \vdash models \models partial \partial nabla \nabla pm \pm mp \mp emptyset \emptyset infty \infty
therefore \therefore because \because angle \angle triangle \triangle ldots \ldots cdot \cdot ast \ast star \star
backslash \backslash lfloor \lfloor rfloor \rfloor lceil \lceil rceil \rceil
"""
_UNARY = {"sqrt": "\\sqrt", "hat": "\\hat", "bar": "\\overline", "overline": "\\overline", "vec": "\\vec",
          "tilde": "\\tilde", "dot": "\\dot",
          "ddot": "\\ddot", "ul": "\\underline", "underline": "\\underline", "ubrace": "\\underbrace",
          "underbrace": "\\underbrace",
          "obrace": "\\overbrace", "overbrace": "\\overbrace", "overarc": "\\overparen", "cancel": "\\cancel",
          "bb": "\\mathbf", "bbb": "\\mathbb",
          "cc": "\\mathcal", "tt": "\\mathtt", "fr": "\\mathfrak", "sf": "\\mathsf", "mathbf": "\\mathbf",
          "mathbb": "\\mathbb",
          "mathcal": "\\mathcal", "mathrm": "\\mathrm", "rm": "\\mathrm"}  # fmt: skip
_QUOTED = re.compile(r"^\\text\{([^{}]*)\}$")  # a font takes its letters between quotes
_WRAPPED = {
    "abs": ("\\left|", "\\right|"),
    "norm": ("\\left\\|", "\\right\\|"),
    "floor": ("\\lfloor ", "\\rfloor "),
    "ceil": ("\\lceil ", "\\rceil "),
}
_BINARY = frozenset({"frac", "root", "stackrel", "overset", "underset", "color"})
_FUNCTIONS = frozenset(
    "sin cos tan sinh cosh tanh cot sec csc arcsin arccos arctan coth sech csch exp log ln det dim gcd"
    " lcm min max f g".split()
)
_NO_ARGUMENT = frozenset({"", "^", "_", "/", "|", ",", "+", "-", "=", ")", "]", "}"})
_LEFT = {"(": "(", "[": "[", "{": "\\{", "(:": "\\langle ", "{:": "", "<<": "\\langle ", "langle": "\\langle "}
_RIGHT = {")": ")", "]": "]", "}": "\\}", ":)": "\\rangle ", ":}": "", ">>": "\\rangle ", "rangle": "\\rangle "}
_PARENS = {("(", ")"), ("[", "]"), ("{", "}")}
_WORDS = _SYMBOLS.split()
_TABLE = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
_TOKENS = sorted(
    {*_TABLE, *_UNARY, *_WRAPPED, *_BINARY, *_LEFT, *_RIGHT, "text", "mbox", "_", "^", "/", "|", ",", "left", "right"},
    key=len,
    reverse=True,
)
_BY_FIRST: dict[str, list[str]] = {}
for _token in _TOKENS:
    _BY_FIRST.setdefault(_token[0], []).append(_token)


def _tokens(source: str) -> list[str]:
    """The tokens of a source; quoted text and `text(...)` are tokens that begin with a quote."""
    out: list[str] = []
    i, length = 0, len(source)
    while i < length:
        char = source[i]
        if char.isspace():
            i += 1
            continue
        if char == '"':
            end = source.find('"', i + 1)
            end = length if end < 0 else end
            out.append('"' + source[i + 1 : end])
            i = end + 1
            continue
        if char.isdigit() or (char == "." and source[i + 1 : i + 2].isdigit()):
            end = i + 1
            while end < length and (
                source[end].isdigit() or (source[end] == "." and source[end + 1 : end + 2].isdigit())
            ):
                end += 1
            out.append(source[i:end])
            i = end
            continue
        if char == "\\" and source[i + 1 : i + 2].isalpha():
            end = i + 1
            while end < length and source[end].isalpha():
                end += 1
            name = source[i + 1 : end]
            out.append(name if name in _TABLE or name in _UNARY or name in _BINARY else source[i:end])
            i = end
            continue
        if char == "\\" and source[i + 1 : i + 2].isspace():
            out.append("\\ ")
            i += 2
            continue
        token = next((t for t in _BY_FIRST.get(char, ()) if source.startswith(t, i)), None)
        if token is None:
            out.append(char)
            i += 1
            continue
        i += len(token)
        if token in ("text", "mbox"):
            start = i
            while start < length and source[start].isspace():
                start += 1
            closing = {"(": ")", "{": "}", "[": "]"}.get(source[start : start + 1])
            if closing:
                end = source.find(closing, start)
                end = length if end < 0 else end
                out.append('"' + source[start + 1 : end])
                i = end + 1
            continue
        out.append(token)
    return out


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def row(self, until: frozenset[str] | None = None, bars: bool = False) -> list[str]:
        """The pieces of a row up to a closing bracket (not consumed)."""
        out: list[str] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if (until is not None and token in _RIGHT) or (bars and token == "|"):
                break
            if until is None and token in _RIGHT:
                self.at += 1
                out.append(_RIGHT[token])
                continue
            piece, bare = self.scripted()
            if self.peek() == "/":
                self.at += 1
                below, bare_below = self.scripted() if self.at < len(self.tokens) else ("", "")
                piece = f"\\frac{{{bare}}}{{{bare_below or below}}}"
            out.append(piece)
        return out

    def scripted(self) -> tuple[str, str]:
        """A simple expression with its scripts: as it stands, and without the brackets around it."""
        tex, bare = self.simple()
        mark = self.peek()
        if mark not in ("_", "^"):
            return tex, bare
        below = above = ""
        if mark == "_":
            self.at += 1
            below = self.argument()
            mark = self.peek()
        if mark == "^":
            self.at += 1
            above = self.argument()
        if tex == "":
            tex = "{}"
        out = tex + (_script("_", below) if below else "") + (_script("^", above) if above else "")
        return out, out

    def argument(self) -> str:
        """What a script holds: a simple expression, with a minus sign before it if one is there."""
        if self.peek() == "-":
            self.at += 1
            return "-" + self.simple()[1]
        return self.simple()[1]

    def simple(self) -> tuple[str, str]:
        """A simple expression: as it stands, and without the brackets around it."""
        if self.at >= len(self.tokens):
            return "", ""
        token = self.tokens[self.at]
        self.at += 1
        if token in ("left", "right"):
            return self.simple()
        if token[0] == '"':
            tex = f"\\text{{{token[1:]}}}" if token[1:] else ""
            return tex, tex
        if self.depth >= _DEPTH:
            tex = chars_tex(token)
            return tex, tex
        self.depth += 1
        try:
            return self._compound(token)
        finally:
            self.depth -= 1

    def _compound(self, token: str) -> tuple[str, str]:
        if token in _LEFT:
            return self._bracketed(token)
        if token == "|":
            return self._bars()
        if token in _UNARY:
            inner = self.simple()[1]
            if _UNARY[token].startswith("\\math"):
                inner = _QUOTED.sub(r"\1", inner)
            tex = f"{_UNARY[token]}{{{inner}}}"
            return tex, tex
        if token in _WRAPPED:
            left, right = _WRAPPED[token]
            tex = left + self.simple()[1] + right
            return tex, tex
        if token in _BINARY:
            first, second = self.simple()[1], self.simple()[1]
            tex = {"frac": f"\\frac{{{first}}}{{{second}}}", "root": f"\\sqrt[{first}]{{{second}}}", "color": second,
                   "underset": f"\\underset{{{first}}}{{{second}}}"}.get(token,
                   f"\\overset{{{first}}}{{{second}}}")  # fmt: skip
            return tex, tex
        if token in _FUNCTIONS and self.peek() not in _NO_ARGUMENT and (len(token) > 1 or self.peek() == "("):
            tex = join([_TABLE.get(token, token), self.simple()[0]])
            return tex, tex
        known = _TABLE.get(token)
        if known is not None:
            return known, known
        tex = (
            token
            if (token[0] == "\\" and len(token) > 1)
            else "/"
            if token == "/"
            else chars_tex(token)
            if token not in "_^"
            else "\\" + token + ("{}" if token == "^" else "")
        )
        return tex, tex

    def _bars(self) -> tuple[str, str]:
        start = self.at
        inner = join(self.row(frozenset(_RIGHT), bars=True))
        if self.peek() == "|" and inner:
            self.at += 1
            tex = f"\\left|{inner}\\right|"
            return tex, tex
        self.at = start
        return "|", "|"

    def _bracketed(self, token: str) -> tuple[str, str]:
        matrix = self._matrix(token)
        if matrix is not None:
            return matrix, matrix
        inner = join(self.row(frozenset(_RIGHT)))
        closing = self.peek()
        if closing in _RIGHT:
            self.at += 1
        left, right = _LEFT[token], _RIGHT.get(closing, "")
        if "\\frac" in inner or "\\begin" in inner or not right or not left:
            tex = (
                f"\\left{left.strip() or '.'} {inner}\\right{right.strip() or '.'}"
                if (left or right) and ("\\frac" in inner or "\\begin" in inner)
                else left + inner + right
            )
        else:
            tex = left + inner + right
        return tex, inner if (token, closing) in _PARENS else tex

    def _matrix(self, token: str) -> str | None:
        """`[[a,b],[c,d]]` and its kin, `{(a,b),(c,d):}` as cases; None for anything else."""
        inner = self.peek()
        if inner not in ("[", "(") or self.at > len(self.tokens) - 4:
            return None
        close = {"[": "]", "(": ")"}[inner]
        rows: list[list[str]] = []
        start, place = self.at, self.at
        tokens = self.tokens
        spans: list[list[tuple[int, int]]] = []
        while place < len(tokens) and tokens[place] == inner:
            depth, cell, cells = 0, place + 1, []
            place += 1
            while place < len(tokens):
                here = tokens[place]
                if here in _LEFT:
                    depth += 1
                elif here in _RIGHT:
                    if not depth:
                        break
                    depth -= 1
                elif here == "," and not depth:
                    cells.append((cell, place))
                    cell = place + 1
                place += 1
            if place >= len(tokens) or tokens[place] != close:
                return None
            cells.append((cell, place))
            spans.append(cells)
            place += 1
            if place < len(tokens) and tokens[place] == "," and place + 1 < len(tokens) and tokens[place + 1] == inner:
                place += 1
                continue
            break
        if place >= len(tokens) or tokens[place] not in _RIGHT or len({len(cells) for cells in spans}) != 1:
            return None
        closing = tokens[place]
        if len(spans) < 2 and not (token == inner and len(spans[0]) > 1 and token == "["):
            return None
        for cells in spans:
            rows.append([join(_sub(tokens[a:b], self.depth)) for a, b in cells])
        self.at = place + 1
        if start == place:
            return None
        body = " \\\\ ".join(" & ".join(row) for row in rows)
        name = {("[", "]"): "bmatrix", ("(", ")"): "pmatrix", ("{", ":}"): "cases", ("{", "}"): "Bmatrix"}.get(
            (token, closing)
        )
        if name:
            return f"\\begin{{{name}}}{body}\\end{{{name}}}"
        left, right = _LEFT[token].strip() or ".", _RIGHT[closing].strip() or "."
        if left == right == ".":
            return f"\\begin{{matrix}}{body}\\end{{matrix}}"
        return f"\\left{left}\\begin{{matrix}}{body}\\end{{matrix}}\\right{right}"


def _sub(tokens: list[str], depth: int) -> list[str]:
    parser = _Parser(tokens)
    parser.depth = depth
    return parser.row()


def _script(mark: str, tex: str) -> str:
    return f"{mark}{tex}" if len(tex) == 1 else f"{mark}{{{tex}}}"


def to_tex(source: str) -> str:
    """LaTeX of an AsciiMath formula. What the grammar does not know stands for itself; nothing fails."""
    return join(_Parser(_tokens(source)).row()).strip().replace("^'", "'")
