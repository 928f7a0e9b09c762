r"""Macros that a page defines for its formulas, read from `\newcommand`, `\def` and their kin, expanded in place."""

import re
from typing import NamedTuple

from pipeline.extract.formulas.limits import FormulaLimits

DEFINES = re.compile(
    r"\\(?P<kind>(?:re|provide)?newcommand\*?|providecommand\*?|def|gdef|edef|let|DeclareMathOperator\*?"
    r"|(?:re)?newenvironment\*?|newtheorem\*?|DeclarePairedDelimiter)(?![a-zA-Z])"
)
# What stands among definitions and says nothing to a reader either.
_DECLARATION = re.compile(
    r"\\(?:definecolor|colorlet|usepackage|require|setlength|newcounter|setcounter|theoremstyle|DeclareMathAlphabet"
    r"|DeclareMathSymbol|SetMathAlphabet|allowdisplaybreaks)(?![a-zA-Z])(?:\s*(?:\{[^{}]{0,80}\}|\[[^\]]{0,80}\]|\\[a-zA-Z]{1,40})){0,5}"
)
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_NAME = re.compile(r"\s*(?:\{\s*\\([a-zA-Z@]+|.)\s*\}|\\([a-zA-Z@]+|[^a-zA-Z]))")
_COUNT = re.compile(r"\s*\[\s*(\d)\s*\]")
_PARAMETER = re.compile(r"#([1-9])")
_DEF_PARAMETERS = re.compile(r"\s*((?:#[1-9]\s*)*)(?=\{)")
_LET = re.compile(r"\s*=?\s*(\\[a-zA-Z]+|\\.|[^\s\\{}])")
_SPACES = re.compile(r"\s*")


class Macro(NamedTuple):
    """`arguments` mandatory and optional ones together; `default` is the optional first one's, None without."""

    arguments: int
    default: str | None
    body: str


def group(tex: str, place: int, longest: int = 4_000) -> tuple[str, int] | None:
    """The content of the braced group that starts at or after `place`, and where it ends; None without a whole one."""
    matched = _SPACES.match(tex, place)
    start = matched.end() if matched else place
    if start >= len(tex) or tex[start] != "{":
        return None
    depth, i, last = 0, start, min(len(tex), start + longest)
    while i < last:
        char = tex[i]
        if char == "\\":
            i += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if not depth:
                return tex[start + 1 : i], i + 1
        i += 1
    return None


def argument(tex: str, place: int) -> tuple[str, int] | None:
    """The argument of a command at `place`: a group's content, a command or one character."""
    found = group(tex, place)
    if found:
        return found
    matched = _SPACES.match(tex, place)
    start = matched.end() if matched else place
    if start >= len(tex) or tex[start] in "{}":
        return None
    command = _COMMAND.match(tex, start)
    return (command[0], command.end()) if command else (tex[start], start + 1)


def _filled(body: str, arguments: list[str]) -> str:
    """A body with its `#n` replaced."""
    return _PARAMETER.sub(lambda hole: "".join(arguments[int(hole[1]) - 1 : int(hole[1])]), body)


class Macros:
    """The definitions of one page."""

    def __init__(self, limits: FormulaLimits) -> None:
        self.limits = limits
        self.table: dict[str, Macro] = {}
        self.starred: set[str] = set()  # macros that may stand with a star, which changes the size of their fences
        self.room = limits.expanded_chars

    def define(self, name: str, body: str, arguments: int = 0, default: str | None = None) -> None:
        """Add a definition, unless there are too many or it means itself."""
        if len(self.table) < self.limits.macros and body.strip() != "\\" + name and arguments < 10:
            self.table[name] = Macro(arguments, default, body)

    def collect(self, tex: str) -> str:
        """Take the definitions out of LaTeX; what remains is returned."""
        out: list[str] = []
        place = tried = 0
        for match in DEFINES.finditer(tex):
            if match.start() < place:
                continue
            tried += 1
            if tried > self.limits.macros:
                break
            end = self._definition(match["kind"], tex, match.end())
            if end is not None:
                out.append(tex[place : match.start()])
                place = end
        out.append(tex[place:])
        return _DECLARATION.sub("", "".join(out))

    def _definition(self, kind: str, tex: str, place: int) -> int | None:
        """Read one definition behind its keyword. Returns where it ends, None when it is not whole."""
        if kind.rstrip("*").endswith(("environment", "theorem")):
            return None
        named = _NAME.match(tex, place)
        if not named:
            return None
        name, place = named[1] or named[2], named.end()
        if kind == "let":
            value = _LET.match(tex, place)
            if not value:
                return None
            self.define(name, value[1])
            return value.end()
        count, default = 0, None
        if kind in ("def", "gdef", "edef"):
            parameters = _DEF_PARAMETERS.match(tex, place)
            if not parameters:
                return None
            count, place = parameters[1].count("#"), parameters.end()
        elif kind == "DeclarePairedDelimiter":
            left = argument(tex, place)
            right = argument(tex, left[1]) if left else None
            if not left or not right:
                return None
            self.define(name, f"\\left{left[0]} #1 \\right{right[0]}", 1)
            self.starred.add(name)
            return right[1]
        elif "newcommand" in kind or "providecommand" in kind:
            number = _COUNT.match(tex, place)
            if number:
                count, place = int(number[1]), number.end()
                if place < len(tex) and tex[place] == "[":
                    closing = tex.find("]", place, place + 2000)
                    if closing < 0:
                        return None
                    default, place = tex[place + 1 : closing], closing + 1
        body = group(tex, place)
        if not body:
            if kind in ("def", "gdef", "edef"):
                return None
            body = argument(tex, place)
            if not body:
                return None
        text = body[0]
        if kind.startswith("DeclareMathOperator"):
            text = f"\\operatorname{'*' if kind.endswith('*') else ''}{{{text}}}"
        self.define(name, text, count, default)
        return body[1]

    def expand(self, tex: str) -> str:
        """LaTeX with the page's macros written out, up to the limits of depth and size."""
        table = self.table
        if not table or not self.limits.expand_macros or "\\" not in tex:
            return tex
        for _ in range(self.limits.macro_depth):
            if self.room <= 0 or not any(found[1] in table for found in _COMMAND.finditer(tex)):
                break
            expanded = self._once(tex)
            self.room -= len(expanded)
            if len(expanded) > self.limits.tex_chars:
                break
            tex = expanded
        return tex

    def _once(self, tex: str) -> str:
        """One pass: every macro replaced by its body, what the bodies contain left as it is."""
        out: list[str] = []
        size = place = 0
        for match in _COMMAND.finditer(tex):
            if match.start() < place:
                continue
            macro = self.table.get(match[1])
            if macro is None:
                continue
            end = match.end() + (match[1] in self.starred and tex.startswith("*", match.end()))
            arguments: list[str] = []
            if macro.default is not None:
                optional = tex.find("]", end, end + 2000) if end < len(tex) and tex[end] == "[" else -1
                arguments.append(tex[end + 1 : optional] if optional > 0 else macro.default)
                end = optional + 1 if optional > 0 else end
            while len(arguments) < macro.arguments:
                found = argument(tex, end)
                if found is None:
                    break
                arguments.append(found[0])
                end = found[1]
            if len(arguments) < macro.arguments:
                break  # a group that does not close: what follows would be searched to its end again and again
            body = macro.body
            if arguments:
                body = _filled(body, arguments)
            out.append(tex[place : match.start()])
            before = out[-1][-1:] if out[-1] else ""
            if body[:1].isalpha() and before.isalpha():
                out.append(" ")
            out.append(body)
            if body and body[-1].isalpha() and end < len(tex) and tex[end].isalpha():
                out.append(" ")
            place = end
            size += len(body)
            if size > self.limits.tex_chars:
                break
        out.append(tex[place:])
        return "".join(out)
