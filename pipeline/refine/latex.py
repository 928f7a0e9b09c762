r"""The form in which the guard compares formulas: one spelling, structure kept, and the statements inside.

Delimiters, spacing, sizes, fonts, needless braces and the sign of multiplication make no difference, nor does
`\frac{a}{b}` for `a/b`, `x^{2}` for `x²`, `\sin(x)` for `\sin x`. Everything else does. A key is a string of atoms with
spaces between; a statement is two neighbouring sides of a relation, so that `a = b = c` says the same as `a = b` and
`b = c`, in one formula or two, as rows of an `align` or running.
"""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from pipeline.dedup.spelling import DROPPED, SCRIPTS, SPELLING, UNICODE

Statement = tuple[str, str, str]
"""Left side, relation, right side; turned so that > and ≥ do not occur, and sorted where the relation is symmetric."""

MAX_CHARS = 4000
"""A longer formula is compared as it stands, without spaces."""

_MAX_DEPTH = 40
_REMEMBERED_CHARS = 400

_TEXT = r"(?:text(?:rm|normal|it|bf|sf|tt|up)?|mbox|hbox|math(?:rm|it|sf|bf|tt)|operatorname\*?|mathop)"
_TOKEN = re.compile(
    r"\\(?:begin|end)\s?\{[A-Za-z]+\*?\}(?:\s?\{[lcr|@ ]*\})?"
    rf"|\\{_TEXT}\s?\{{[^{{}}]*\}}"
    r"|\\(?:tag\*?|label|eqref|ref|hspace\*?|vspace\*?|color|phantom|vphantom|hphantom)\s?\{[^{}]*\}"
    r"|\\(?:left|right)\s?\.|\\[A-Za-z]+\*?|\\."
    r"|\d{1,3}(?:(?:,|\{,\}|\\,)\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?|\.\d++"
    r"|\.\.\.|:=|(?:arc)?(?:sin|cos|tan)h?(?![a-z])|(?:log|ln|exp|lim|max|min|sup|inf|det|gcd|lcm|mod)(?![a-z])|\S",
    re.DOTALL,
)
_NAMED = re.compile(rf"\\{_TEXT}\s?\{{(.*)\}}", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(begin|end)\s?\{([A-Za-z]+)\*?\}")
_SILENT = re.compile(r"\\(?:tag|label|eqref|ref|hspace|vspace|color|v?h?phantom|left|right)\*?\s?[{.]")
_NOT_EQUAL = re.compile(r"\\not(?:\s|\\[,;:])*+=")
_THOUSANDS = re.compile(r",|\{,\}|\\,")

BREAK = "¶"
_MATRICES = frozenset("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix".split())
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan log ln lg exp lim max min sup inf det dim ker "
    "deg gcd lcm arg mod limsup liminf argmax argmin Pr hom Re Im".split()
)
_LINKS = frozenset(
    "and or if for where with when so then thus since because otherwise all but hence therefore is are as".split()
)
UNITS = frozenset(
    "m cm mm km nm g kg mg s ms min h hr hrs hour hours l ml n j kj w kw v k c f hz pa kpa mol ft in inch inches feet "
    "yd mi mile miles mph lb lbs oz second seconds minute minutes meter meters metre metres degree degrees deg rad "
    "radians dollars cents euros percent units unit sq cubic square m/s km/h cm/s ft/s m/s^2".split()
)
_SPELLED = {
    "": r"\cdot \times * \* \bullet \$ $ \newpage \limits \nolimits \hline \strut \mathstrut \relax "
    r"\boxed \qed \text \operatorname \smash \mathord \mathrel \mathbin \mathbb \mathbf \mathcal \mathfrak \mathscr "
    r"\mathsf \mathtt \mathit \mathds \mathbbm \cal \it \em \emph \pmb \bold \ensuremath ∗ • "
    "\u2061 \u2062 \u2063 \u200b \u2060",
    BREAK: r"\therefore \because \quad \qquad \\ \cr \newline",
    "…": r"\cdots \ldots ... \dotsm \dotsi \hdots \vdots \ddots",
    "/": r"\div \over \slash ⁄",
    "'": r"' \prime",
    "°": r"° \degree",
    "mod": r"\bmod \pmod \pod",
    "≤": r"\leq ⩽",
    "≥": r"\geq ⩾",
    "→": r"\rightarrow \longrightarrow ⟶",
    "↦": r"\mapsto \longmapsto",
    "∼": r"\sim \simeq",
    "⇒": r"\Rightarrow \Longrightarrow ⟹",
    "⇔": r"\Leftrightarrow \Longleftrightarrow ⟺",
    "□": r"\Box \square \blacksquare",
    "|": "∣ |",
    r"\Vert": r"∥ \parallel",
    r"\setminus": r"∖ \backslash",
} | {
    name: spelled
    for pair in (
        r"% \%,# \#,& \&,_ \_,≠ \neq,< \lt,> \gt,≈ \approx,= \equiv,≅ \cong,∈ \in,∉ \notin,∋ \ni,⊂ \subset,⊆ \subseteq,"
        r"⊃ \supset,⊇ \supseteq,← \leftarrow,∝ \propto,:= \coloneqq,∅ \emptyset,≪ \ll,≫ \gg,⟨ \langle,⟩ \rangle,"
        r"⌊ \lfloor,⌋ \rfloor,⌈ \lceil,⌉ \rceil,ℓ \ell,- −,\{ \lbrace,\} \rbrace,\hat \widehat,\tilde \widetilde,"
        r"\bar \overline,\vec \overrightarrow,\epsilon \varepsilon,\phi \varphi,\theta \vartheta,\rho \varrho"
    ).split(",")
    for name, spelled in [pair.split()]
}
_SAME = {token: name for name, tokens in _SPELLED.items() for token in tokens.split()}
_SAME |= {"≡": "="}  # many pages write a congruence with the one or the other
_FRACTIONS = {"½": r"\frac12", "¼": r"\frac14", "¾": r"\frac34", "⅓": r"\frac13", "⅔": r"\frac23"}
_RELATIONS = frozenset("= ≠ < > ≤ ≥ ≈ ≡ ∼ ≅ ∈ ∉ ∋ ⊂ ⊆ ⊃ ⊇ → ← ↦ ∝ := ≪ ≫".split()) | {r"\mid", r"\nmid", r"\perp"}
_TURNED = {">": "<", "≥": "≤", "∋": "∈", "⊃": "⊂", "⊇": "⊆", "≫": "≪", "←": "→"}
_SYMMETRIC = frozenset("= ≠ ≈ ≡ ∼ ≅".split())
_SEPARATORS = frozenset([BREAK, ",", ";", "⇒", "⇔"])
_OPENING, _CLOSING = frozenset(["(", "[", r"\{", "⟨", "⟦", "⌊", "⌈"]), frozenset([")", "]", r"\}", "⟩", "⟧", "⌋", "⌉"])
_STOPS = frozenset([".", ",", ";", ":", BREAK])


def _table() -> dict[str, tuple[str, ...]]:
    """What a token stands for: the common ones, and those that do not stand for themselves."""
    common = [*filter(str.isalpha, map(chr, range(128))), *map(str, range(100)), *"+-()[]<>=!/|,;:.{}^_&'"]
    table: dict[str, tuple[str, ...]] = {token: (token,) for token in common}
    table |= {token: () for token in DROPPED if token != "&"}
    for token, spelled in (SPELLING | UNICODE).items():
        table[token] = tuple(part for word in spelled.split() if (part := _SAME.get(word, word)))
    table |= {token: tuple(same.split()) for token, same in _SAME.items()}
    table |= {f"\\{name}": (name,) for name in _FUNCTIONS if name != "mod"}
    return table


_TABLE = _table()
_NESTING = frozenset(["{", "}", "^", "_", "&", r"\frac", r"\sqrt", r"\binom", "begin matrix", "end matrix"])
_SIDE_MARKS = _OPENING | _CLOSING | _SEPARATORS | _RELATIONS


@dataclass(frozen=True)
class Form:
    """A formula to compare: its key, the statements in it, and the expressions that stand in it without a relation."""

    key: str
    statements: tuple[Statement, ...] = ()
    expressions: tuple[str, ...] = ()
    first_side: str = ""
    """"?" when the formula begins with a relation, and so goes on from the one before it."""
    last_side: str = ""


def form(tex: str) -> Form:
    """The form of a formula given without its delimiters. Linear in its length."""
    return form_of_short(tex) if len(tex) <= _REMEMBERED_CHARS else _form(tex)


@lru_cache(maxsize=1 << 13)
def form_of_short(tex: str) -> Form:
    """The form of a short formula; those are the ones that repeat."""
    return _form(tex)


def _form(tex: str) -> Form:
    if len(tex) > MAX_CHARS:
        return Form("".join(tex.split()))
    atoms = _tokens(tex)
    if not _NESTING.isdisjoint(atoms):
        atoms = _sequence(atoms, 0, "", 0)[0]
    atoms = _without_call_brackets(atoms)
    if "⟦" in atoms:
        # The brackets around an array are those that `pmatrix` has by itself.
        spelled = " ".join(atoms)
        for opening, closing in ("()", "[]"):
            spelled = spelled.replace(f"{opening} ⟦", "⟦").replace(f"⟧ {closing}", "⟧")
        atoms = spelled.split()
    while atoms and atoms[-1] in _STOPS:
        atoms.pop()
    while atoms and atoms[0] in _STOPS:
        atoms.pop(0)
    return _statements(atoms)


def number(digits: str) -> str:
    """A number in one spelling: no thousands marks, no zeros that say nothing."""
    if "," in digits or "\\" in digits:
        digits = _THOUSANDS.sub("", digits)
    if digits[0] == ".":
        digits = f"0{digits}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0" if "." not in digits else digits


def _tokens(tex: str) -> list[str]:
    if not tex.isascii():
        tex = unicodedata.normalize("NFKC", tex.translate(SCRIPTS).replace("½", r"\frac12"))
    if r"\not" in tex:
        tex = _NOT_EQUAL.sub("≠", tex).replace(r"\not\in", "∉")
    tex = tex.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    found = _TOKEN.findall(tex)
    if ":" not in tex:
        with suppress(KeyError):  # nearly every formula has common tokens only
            return list(chain.from_iterable([_TABLE[raw] for raw in found]))
    out: list[str] = []
    for raw in found:
        same = _TABLE.get(raw)
        if raw == "=" and out and out[-1] == ":":
            out[-1] = ":="
        elif same is not None:
            out += same
        elif raw[0].isdigit() or (raw[0] == "." and len(raw) > 1):
            out.append(raw if raw.isdigit() and raw[0] != "0" else number(raw))
        elif raw[0] != "\\" or len(raw) < 4:
            out.append(raw)
        elif match := _ENVIRONMENT.match(raw):
            matrix = match[2] in _MATRICES or (match[2] == "array" and "{rcl}" not in raw.replace(" ", ""))
            bar = ["|"] if match[2].lower() == "vmatrix" else []
            named_matrix = f"{match[1]} matrix"
            out += [BREAK] if not matrix else [*bar, named_matrix] if match[1] == "begin" else [named_matrix, *bar]
        elif not _SILENT.match(raw):
            named = _NAMED.match(raw)
            out += _named(named[1], out) if named else [raw]
    return out


def _named(content: str, before: list[str]) -> list[str]:
    r"""What `\text{…}` or `\mathrm{…}` says: a link between clauses, a unit (nothing), a function, a letter, words."""
    words = content.replace("~", " ").replace("\\", " ").strip(" .,;:").casefold().split()
    if not words:
        return [BREAK] if content.strip() in {",", ";"} else []
    if len(words) == 1 and len(words[0]) == 1 and content == content.strip() and not content.isdigit():
        return [content]
    if all(word in UNITS for word in words) and before and (before[-1][0].isdigit() or before[-1] in {")", "}", "°"}):
        return []
    if words[0] in _FUNCTIONS and len(words) == 1:
        return [words[0]]
    if any(word in _LINKS for word in words):
        return [BREAK]
    return [number(word) if word.replace(".", "", 1).isdigit() else word for word in words]


def _sequence(tokens: list[str], i: int, closing: str, depth: int) -> tuple[list[str], int]:
    """The atoms up to `closing` and the place after it."""
    out: list[str] = []
    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token == closing:
            break
        if token not in _NESTING:
            out.append(token)
        elif token == "{":
            if depth < _MAX_DEPTH:
                inner, i = _sequence(tokens, i, "}", depth + 1)
                out += inner
        elif token == "^" or token == "_":
            inner, i = _argument(tokens, i, depth)
            _script(out, token, inner)
        elif token == r"\frac":
            top, i = _argument(tokens, i, depth)
            bottom, i = _argument(tokens, i, depth)
            out += [*_grouped(top, product=False), "/", *_grouped(bottom)]
        elif token == r"\sqrt":
            if i < len(tokens) and tokens[i] == "[":
                index, i = _sequence(tokens, i + 1, "]", depth + 1) if depth < _MAX_DEPTH else ([], i)
                out.append("".join(index))
            inner, i = _argument(tokens, i, depth)
            out += ["√", *_grouped(inner)]
        elif token == r"\binom":
            top, i = _argument(tokens, i, depth)
            bottom, i = _argument(tokens, i, depth)
            out += ["C", "(", *top, ",", *bottom, ")"]
        elif token == "begin matrix" and depth < _MAX_DEPTH:
            inner, i = _sequence(tokens, i, "end matrix", depth + 1)
            while inner and inner[-1] == BREAK:
                inner.pop()
            out += ["⟦", *(";" if atom == BREAK else atom for atom in inner), "⟧"]
        elif token == "&" and closing == "end matrix":
            out.append(",")
        elif token != "}" and token != "&" and token != "end matrix":
            out.append(token)
    return out, i


def _argument(tokens: list[str], i: int, depth: int) -> tuple[list[str], int]:
    r"""The argument of a command or script: a group, a command with its own arguments, or one token (`\frac12`)."""
    if i >= len(tokens):
        return [], i
    token = tokens[i]
    if token == "{":
        return _sequence(tokens, i + 1, "}", depth + 1) if depth < _MAX_DEPTH else ([], i + 1)
    if token in {r"\frac", r"\sqrt", r"\binom"} and depth < _MAX_DEPTH:
        rest, after = _one(tokens, i, depth + 1)
        return rest, after
    if token.isdigit() and len(token) > 1 and i and tokens[i - 1] == r"\frac":
        tokens[i] = token[1:]  # \frac12
        return [token[0]], i
    if token in {"-", "+"} and i + 1 < len(tokens) and tokens[i - 1] in {"^", "_"} and tokens[i + 1] not in {"{", "}"}:
        return [token, tokens[i + 1]], i + 2  # x^-1, as plain text writes it
    if token == "(" and tokens[i - 1] in {"^", "_"} and depth < _MAX_DEPTH:
        return _sequence(tokens, i + 1, ")", depth + 1)
    return [token], i + 1


def _one(tokens: list[str], i: int, depth: int) -> tuple[list[str], int]:
    """One command with its arguments."""
    token = tokens[i]
    first, after = _argument(tokens, i + 1, depth)
    if token == r"\sqrt":
        return ["√", *_grouped(first)], after
    second, after = _argument(tokens, after, depth)
    if token == r"\frac":
        return [*_grouped(first, product=False), "/", *_grouped(second)], after
    return ["C", "(", *first, ",", *second, ")"], after


def _script(out: list[str], mark: str, inner: list[str]) -> None:
    """Append a script; a lower one stands before a raised one, primes and degrees are their own atoms."""
    if mark == "^" and inner and all(atom == "'" for atom in inner):
        out += inner
    elif mark == "^" and inner in ([r"\circ"], ["°"]):
        out.append("°")
    elif inner:
        script = mark + (inner[0] if len(inner) == 1 else f"({' '.join(inner)})")
        if mark == "_" and out and out[-1][0] == "^":
            out.insert(-1, script)
        else:
            out.append(script)


def _grouped(atoms: list[str], product: bool = True) -> list[str]:
    """In brackets where a slash or root would take only a part; `product`: a product needs them too."""
    if len(atoms) < 2:
        return atoms
    depth = 0
    closed = sums = False
    for place, atom in enumerate(atoms):
        if atom in _OPENING:
            depth += 1
        elif atom in _CLOSING:
            depth -= 1
            closed = closed or (not depth and place + 1 < len(atoms))
        elif not depth and (atom in {"+", "-", r"\pm", r"\mp"} or atom in _RELATIONS) and place:
            sums = True
    if atoms[0] == "(" and atoms[-1] == ")" and not closed:
        return atoms
    scripted = len(atoms) == 2 and atoms[1][0] in "^_'"
    return ["(", *atoms, ")"] if sums or (product and not scripted) else atoms


def _without_call_brackets(atoms: list[str]) -> list[str]:
    r"""`sin ( x )` as `sin x`, `( mod n )` as `mod n`."""
    if _FUNCTIONS.isdisjoint(atoms):
        return atoms
    out: list[str] = []
    i = 0
    while i < len(atoms):
        atom = atoms[i]
        if atom in _FUNCTIONS and atoms[i + 1 : i + 2] == ["("] and atoms[i + 3 : i + 4] == [")"]:
            out += [atom, atoms[i + 2]]
            i += 4
        elif atom == "(" and atoms[i + 1 : i + 2] == ["mod"] and ")" in atoms[i:]:
            end = atoms.index(")", i)
            out += atoms[i + 1 : end]
            i = end + 1
        else:
            out.append(atom)
            i += 1
    return out


def _statements(atoms: list[str]) -> Form:
    statements: list[Statement] = []
    expressions: list[str] = []
    key = " ".join([atom for atom in atoms if atom != BREAK])
    side: list[str] = []
    left = relation = ""
    first = "?" if atoms and atoms[0] in _RELATIONS else ""
    depth = 0
    listed: list[str] = []  # the `x` of `x, y > 0`
    for atom in [*atoms, BREAK]:
        if atom not in _SIDE_MARKS:
            side.append(atom)
            continue
        if atom in _OPENING:
            depth += 1
        elif atom in _CLOSING:
            depth = max(depth - 1, 0)
        ends = (atom in _SEPARATORS and not depth) or atom == BREAK
        if not ends and (depth or atom not in _RELATIONS):
            side.append(atom)
            continue
        while side and side[-1] in _STOPS:
            side.pop()
        side_atoms, side = side, []
        here = " ".join(side_atoms)
        if atom == BREAK and relation and not here:
            depth = 0
            continue  # the right side stands in the next row
        if relation:
            if here:
                statements.append(statement(left or "?", relation, here))
                statements += [statement(other, relation, here) for other in listed]
                left = here
            listed = []
        elif here:
            left = here
            if ends:
                expressions.append(here)
                listed = [*listed, here] if atom == "," and len(side_atoms) < 3 else []
        relation = "" if ends else atom
        if ends:
            depth = 0
    return Form(key, tuple(statements), tuple(expressions), first, left)


def statement(left: str, relation: str, right: str) -> Statement:
    """A statement turned and sorted as `Statement` says."""
    if relation in _TURNED:
        return right, _TURNED[relation], left
    if relation in _SYMMETRIC and right < left:
        return right, relation, left
    return left, relation, right
