"""LaTeX as pages give it, made uniform: one line, no delimiters, numbers, labels or comments, braces in balance."""

import re
from functools import lru_cache

_SPACE = re.compile(r"[\s\u00a0\u2028\u2029]+")
_COMMENT = re.compile(r"((?:^|[^\\])(?:\\\\)*)%[^\n]*\n?[ \t]*")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|nbsp|apos|#39|#x27|#0?38|#60|#62);")
_ENTITIES = {
    "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&nbsp;": " ", "&apos;": "'", "&#39;": "'", "&#x27;": "'",
    "&#38;": "&", "&#038;": "&", "&#60;": "<", "&#62;": ">",
}  # fmt: skip
_NUMBERS = re.compile(
    r"\\(?:label|tag\*?|ref|eqref|require)\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\\definecolor(?:\s*\{[^{}]*\}){3}|\\(?:nonumber|notag|hfill|allowbreak|nobreak|protect|begingroup|endgroup)(?![a-zA-Z])"
)
_INDEX = re.compile(r"\\PageIndex\s*\{([^{}]*)\}")  # LibreTexts: a number that its scripts complete
_REFERENCE = re.compile(r"\\(?:eqref|ref)\s*\{")
_DELIMITED = (("\\[", "\\]", True), ("$$", "$$", True), ("\\(", "\\)", False), ("$", "$", False))
_WRAPPERS = {"equation": "", "displaymath": "", "math": "", "align": "aligned", "flalign": "aligned",
             "gather": "gathered",
             "multline": "gathered", "alignat": "alignedat", "xalignat": "alignedat", "eqnarray": "array"}  # fmt: skip
_BEGIN = re.compile(
    r"\\(begin|end)\s*\{\s*(equation|displaymath|math|x?alignat|f?l?align|gather|multline|eqnarray)(\*?)\s*\}"
)
_WRAPPED = re.compile(
    r"\\begin\s*\{\s*(?:equation|displaymath|math|f?l?align|gather|multline|eqnarray|x?alignat)\*?\s*\}"
)
_LEADING_STYLE = re.compile(
    r"^\s*(?:\\(?:displaystyle|textstyle|relax|strut|scriptstyle|limits)(?![a-zA-Z])\s*|\\!\s*)+"
)
_TEXT_MATH = re.compile(r"\\(?:text|mbox|hbox|textrm|textnormal|textbf|textit|mathrm)\s*\{[^{}$]*\$")
_EDGE_SPACE = re.compile(r"^(?:\\[,;:! >]|\\(?:quad|qquad|hspace\*?\{[^{}]*\})(?![a-zA-Z])|~|\s)+")
_SPACES = frozenset({"\\,", "\\;", "\\:", "\\!", "\\>", "\\ ", "\\\\"})
_TRAILING_TEXT = re.compile(r"\s*\\(?:text|mbox|textrm|mathrm|rm)\s*\{\s*([.,;:?!])\s*\}$")
_STRUCTURE = re.compile(r"\\(?:begin|end)(?![a-zA-Z])|\\\\|\\.|[{}&]", re.DOTALL)
_TILDES = re.compile(r"(?:~\s*){3,}")
_BLACKBOARD = re.compile(r"\\mathbbm(?:ss|tt|sl)?(?![a-zA-Z])")
_SHORT = 200
_SPECIAL = re.compile(r"[\\$&%{}~]")
_EMPTY = re.compile(r"^(?:[\s{}~]|\\[,;:! ])*$")


def unescape(tex: str) -> str:
    """Undo HTML entities that a page escaped once too often."""
    if "&" in tex and ";" in tex:
        tex = _ENTITY.sub(lambda match: _ENTITIES[match[0]], tex)
    return tex


def undelimit(tex: str) -> tuple[str, bool | None]:
    """LaTeX without the delimiters around it, and whether they were display ones (None: there were none)."""
    tex = tex.strip()
    if "\\begin{document}" in tex:  # publishers' XML has a whole document around each formula
        tex = tex.partition("\\begin{document}")[2].partition("\\end{document}")[0].strip()
    for opening, closing, display in _DELIMITED:
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) >= len(opening) + len(closing):
            inner = tex[len(opening) : -len(closing)]
            if closing not in inner or _closes_once(inner, closing):
                return inner, display
    return tex, None


def _closes_once(inner: str, closing: str) -> bool:
    """Whether `closing` occurs inside only escaped or in braces, so that the outer pair is one formula."""
    depth, i = 0, 0
    while i < len(inner):
        if inner.startswith(closing, i) and depth <= 0:
            return False
        char = inner[i]
        if char == "\\":
            i += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        i += 1
    return True


def strip_comments(tex: str) -> str:
    """LaTeX without `%` comments (which reach to the line's end)."""
    if "%" not in tex:
        return tex
    previous = None
    while previous != tex and "%" in tex:
        previous = tex
        tex = _COMMENT.sub(r"\1", tex, count=0)
        if tex == previous:
            break
    return tex


def balance(tex: str) -> str:
    """LaTeX with as many closing as opening braces: extra closers dropped, missing ones added."""
    if tex.count("{") == tex.count("}") and "\\" not in tex:
        return tex
    depth, i, out, start = 0, 0, [], 0
    length = len(tex)
    while i < length:
        char = tex[i]
        if char == "\\":
            i += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth < 0:
                out.append(tex[start:i])
                start = i + 1
                depth = 0
        i += 1
    out.append(tex[start:])
    if tex.endswith("\\") and (len(tex) - len(tex.rstrip("\\"))) % 2:
        out.append(" ")
    return "".join(out) + "}" * depth


def _environments(tex: str) -> str:
    """Display environments as their forms inside `$$`: equation is nothing, align is aligned, eqnarray an array."""

    def swap(match: re.Match[str]) -> str:
        name = _WRAPPERS.get(match[2], "aligned")
        if not name:
            return " "
        end = f"\\{match[1]}{{{name}}}"
        return end + "{rcl}" if name == "array" and match[1] == "begin" else end

    return _BEGIN.sub(swap, tex)


def _numbers(tex: str) -> str:
    """LaTeX without labels, tags and numbering commands; references inside the formula stay."""
    tex = _NUMBERS.sub(lambda match: match[0] if _REFERENCE.match(match[0]) else " ", tex)
    return _INDEX.sub(r"\1", tex) if "PageIndex" in tex else tex


def _split_text(tex: str) -> str:
    r"""`\text{if $x$ is}` as `\text{if }x\text{ is}`: a dollar inside a formula would end it."""
    out: list[str] = []
    place = 0
    for match in _TEXT_MATH.finditer(tex):
        if match.start() < place:
            continue
        opening = tex.index("{", match.start())
        end, depth = opening, 0
        while end < len(tex):
            char = tex[end]
            if char == "\\":
                end += 1
            elif char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
                if not depth:
                    break
            end += 1
        pieces = re.split(r"(?<!\\)\$", tex[opening + 1 : end])
        if len(pieces) % 2 == 0:
            continue
        command = tex[match.start() : opening]
        out.append(tex[place : match.start()])
        for number, piece in enumerate(pieces):
            if number % 2:
                out.append(f" {piece} ")
            elif piece:
                out.append(f"{command}{{{piece}}}")
        place = end + 1
    out.append(tex[place:])
    return "".join(out)


def in_lines(tex: str) -> str:
    """LaTeX in an environment of its own where it aligns or breaks lines outside any, as Sphinx and jsMath let it."""
    depth = 0
    broken = False
    for match in _STRUCTURE.finditer(tex):
        token = match[0]
        if token in ("{", "\\begin"):
            depth += 1
        elif token in ("}", "\\end"):
            depth -= 1
        elif depth == 0 and token == "&":
            return f"\\begin{{aligned}}{tex}\\end{{aligned}}"
        elif depth == 0 and token == "\\\\":
            broken = True
    return f"\\begin{{gathered}}{tex}\\end{{gathered}}" if broken else tex


def _trim_end(tex: str) -> str:
    """LaTeX without spaces and line breaks at its end. (A regular expression would try every space anew.)"""
    end = len(tex)
    while end:
        if tex[end - 2 : end] in _SPACES and (end < 3 or tex[end - 3] != "\\" or tex[end - 2 : end] == "\\\\"):
            end -= 2
        elif tex[end - 1] in " ~":
            end -= 1
        elif tex.endswith(("\\quad", "\\qquad"), 0, end):
            end = tex.rindex("\\", 0, end)
        else:
            break
    return tex[:end]


def punctuation(tex: str) -> tuple[str, str]:
    r"""LaTeX without the sentence's punctuation that PreTeXt sets inside, as `\text{.}`, and that punctuation."""
    match = _TRAILING_TEXT.search(tex) if tex.endswith("}") else None
    return (tex[: match.start()], match[1]) if match else (tex, "")


def clean(tex: str) -> tuple[str, bool | None]:
    """One formula made uniform. Returns ("", _) for one that says nothing.

    The second value is what the source says about display: True for display delimiters or a display environment, False
    for inline delimiters, None where it says nothing.
    """
    return _remembered(tex) if len(tex) <= _SHORT else _clean(tex)


@lru_cache(maxsize=1 << 14)
def _remembered(tex: str) -> tuple[str, bool | None]:
    """Short formulas are the ones that repeat."""
    return _clean(tex)


def _clean(tex: str) -> tuple[str, bool | None]:
    display: bool | None = None
    if not _SPECIAL.search(tex):
        return _SPACE.sub(" ", tex).strip(" "), None
    tex = unescape(tex)
    tex = strip_comments(tex)
    for _ in range(3):
        tex, delimited = undelimit(tex)
        if delimited is None:
            break
        display = delimited if display is None else display
    if "\\begin" in tex and _WRAPPED.match(tex.lstrip()):
        display = True
    if tex.startswith("{") and tex.endswith("}") and _closes_once(tex[1:-1] + " ", "}"):
        tex = tex[1:-1]
    if "\\" in tex:
        tex = _environments(tex)
        tex = _numbers(tex)
        tex = _LEADING_STYLE.sub("", tex)
        if "mathbbm" in tex:
            tex = _BLACKBOARD.sub(r"\\mathbb", tex)
    if "$" in tex:
        tex = _split_text(tex)
        tex = re.sub(r"(?<!\\)\$+", " ", tex)
    tex = _SPACE.sub(" ", tex)
    if "~~" in tex:
        tex = _TILDES.sub(r"\\quad ", tex)  # three tildes fence code in Markdown
    tex = balance(tex)
    tex = _trim_end(_EDGE_SPACE.sub("", tex)) if "\\" in tex else tex.strip(" ")
    if tex.endswith("\\"):
        tex += " "
    if _EMPTY.match(tex):
        return "", display
    return tex.strip(" ") if not tex.endswith("\\ ") else tex, display
