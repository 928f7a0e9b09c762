"""Mathematics in running text without any markup for it: superscripts, subscripts, and the letters of Unicode for it.

A run of single letters, numbers and operators that holds a script on a mathematical base becomes a formula; any other
script stays text: ordinals and trademarks as they are, units, chemistry and notes as `m^2`, `CO_2`.
"""

import re
from collections.abc import Callable

from pipeline.extract.formulas.symbols import FUNCTIONS, chars_tex, join

_SUP_OPEN, _SUP_CLOSE, _SUB_OPEN, _SUB_CLOSE = "\ue002", "\ue003", "\ue004", "\ue005"
_UP = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_DOWN = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ", "0123456789+-=()aeoxhklmnpstij", strict=True))
UNICODE = "²³¹⁰ⁱ⁴-ⁿ₀-ₜᵢⱼ𝐀-𝟿"  # for the caller's quick test, inside a character class
# Where such a character is mathematics: behind one letter, a bracket or a short number, and not behind a unit.
_BASE = r"(?<![A-Za-zÀ-ÿ]{2})(?<!\d{3})(?<![\d/] [mgs])(?<![\d/][mgs])(?<=[A-Za-z\d)\]α-ωΑ-Ω𝐀-𝟿])"
_UP_RUN = re.compile(f"{_BASE}[{''.join(_UP)}]+")
_DOWN_RUN = re.compile(f"(?<![A-Za-zÀ-ÿ]{{2}})(?<=[A-Za-zα-ωΑ-Ω𝐀-𝟿∑∏∫∂])[{''.join(_DOWN)}]+")
_WORDS = re.compile(f"[{''.join(_DOWN)}]+|[A-Za-z]{{2,}}|.", re.DOTALL)
_UNICODE = re.compile(f"[{UNICODE}]")
_STYLED = re.compile("[𝐀-𝟿]")
_NAMES = "(?<![A-Za-zÀ-ÿ])(?:log|ln|lim|max|min|sup|inf|sin|cos|tan)(?=[\ue002\ue004])"
_LETTER = _NAMES + "|(?<![A-Za-zÀ-ÿ])[A-Za-z](?![A-Za-zÀ-ÿ])|[α-ωΑ-Ωϵϕ∂∇∞ℓℏℵℝℕℤℚℂ𝐀-𝟿∑∏∫]"
_INNER = f"[^{_SUP_OPEN}-{_SUB_CLOSE}]"
_SCRIPT = f"{_SUP_OPEN}{_INNER}{{1,60}}{_SUP_CLOSE}|{_SUB_OPEN}{_INNER}{{1,60}}{_SUB_CLOSE}"
_TERM = rf"(?:{_LETTER}|\d+(?:\.\d+)?|[()\[\]|!′'√]|…|\.\.\.|{_SCRIPT})+"
_LISTED = rf", ?(?=(?:{_LETTER}){_SUP_OPEN}|(?:{_LETTER}){_SUB_OPEN}|…|\.\.\.)"
_RUN = re.compile(
    rf"(?![{_SUP_OPEN}{_SUB_OPEN}]){_TERM}(?:(?: ?[=+\-−<>≤≥×·⋅/∈∉→±≈≠≡∗*⊂⊆∪∩] ?[-−]?|{_LISTED}){_TERM})*"
)
_BASED = re.compile(rf"(?:({_LETTER})|([\d)\]|′']|{_SUP_CLOSE}|{_SUB_CLOSE}))({_SCRIPT})")
_ARTICLE = re.compile(r"(?:, ?[a-zA-Z]|,)$|^[aAI] (?=\S)")
_SCRIPTS = re.compile(
    f"({_SUP_OPEN})([^{_SUP_OPEN}-{_SUB_CLOSE}]*){_SUP_CLOSE}|({_SUB_OPEN})([^{_SUP_OPEN}-{_SUB_CLOSE}]*){_SUB_CLOSE}"
)
_MARKS = re.compile(f"[{_SUP_OPEN}-{_SUB_CLOSE}]")
_AS_IS = re.compile(r"(?:st|nd|rd|th|er?|re|ème|e|o|a|º|ª|TM|SM|®|©|™|†|‡|\*+|\[.*\]|\(.*\))$", re.IGNORECASE)
_MATHEMATICAL = re.compile(r"[\w+\-−*/=,.()<>≤≥′'|∞ ∈→:!]{1,40}$")
_UNIT = re.compile(rf"(?:\d|/|\b[munpkcMG]) ?[mgsKNJWAVCLhd]{_SUP_OPEN}[-−]?\d{_SUP_CLOSE}$")
_AREA = re.compile(rf"[(\[]?[mgs]{_SUP_OPEN}[23]{_SUP_CLOSE}[)\]]?")
_ELEMENT = re.compile(rf"[HONCFSPKIBUVWY]{_SUB_OPEN}\d+{_SUB_CLOSE}")
_ABBREVIATIONS = frozenset({"me", "lle", "mes", "elles", "gr", "th", "st", "nd", "rd", "er", "re", "ème", "TM", "SM"})
_COMPOUND = re.compile(rf"[A-Z]{_SUB_OPEN}\d+{_SUB_CLOSE}[A-Z]|[A-Z][A-Z]{_SUB_OPEN}\d")
_OPENING, _CLOSING = "([", ")]"


def write_scripts(block: str, add: Callable[[str], str | None]) -> str:
    """A block without script marks: formulas through `add` (LaTeX to a mark in the text), the rest as text."""
    if _UNICODE.search(block):
        block = _from_unicode(block)
    if _SUP_OPEN in block or _SUB_OPEN in block or _STYLED.search(block):
        block = _RUN.sub(lambda match: _formula(match, add), block)
        block = _SCRIPTS.sub(_plain, block)
        block = _MARKS.sub("", block)
    return block


def _from_unicode(block: str) -> str:
    """Superscript and subscript characters as script marks, where a run of mathematics uses them."""
    marked = _UP_RUN.sub(lambda run: f"{_SUP_OPEN}{''.join(_UP[c] for c in run[0])}{_SUP_CLOSE}", block)
    marked = _DOWN_RUN.sub(lambda run: f"{_SUB_OPEN}{''.join(_DOWN[c] for c in run[0])}{_SUB_CLOSE}", marked)
    return marked


def _formula(match: re.Match[str], add: Callable[[str], str | None]) -> str:
    """The mark of a run that is a formula, else the run."""
    run = match[0]
    head = tail = ""
    while trimmed := _ARTICLE.search(run):
        if trimmed.start():
            run, tail = run[: trimmed.start()], run[trimmed.start() :] + tail
        else:
            head, run = head + trimmed[0], run[trimmed.end() :]
    before = match.string[max(0, match.start() - 3) : match.start()] + head
    if not _is_formula(run, before, match.string[match.end() : match.end() + 1] if not tail else tail[0]):
        return match[0]
    mark = add(_to_tex(run))
    return f"{head}{mark}{tail}" if mark else match[0]


def _is_formula(run: str, before: str, after: str) -> bool:
    if before[-1:].isalpha() or run[:1] in (_SUP_OPEN, _SUB_OPEN) or after[:1].isalpha():
        return False
    if any(run.count(a) != run.count(b) for a, b in zip(_OPENING, _CLOSING, strict=True)):
        return False
    if _STYLED.search(run):
        return True
    based = [found for found in _BASED.finditer(run) if _fits(found)]
    if not based:
        return False
    scripts = len(_SCRIPTS.findall(run))
    if _AREA.fullmatch(run) or (_UNIT.search((before + run)[-16:]) and scripts == 1):
        return False
    if "=" not in run and _COMPOUND.search(run):
        return False
    return not (scripts == 1 and "=" not in run and _ELEMENT.fullmatch(run))


def _fits(found: re.Match[str]) -> bool:
    """Whether a script belongs to mathematics, given what carries it."""
    script = found[3]
    inner = script[1:-1].strip()
    if inner in _ABBREVIATIONS:
        return False
    if not inner or not _MATHEMATICAL.match(inner) or (_AS_IS.match(inner) and not found[1]):
        return False
    if found[2] and found[2].isdigit():
        return script[0] == _SUP_OPEN and not re.search(r"[a-z]{2,}", inner)
    return not re.search(r"[A-Za-z]{6,}", inner)


def _to_tex(run: str) -> str:
    """LaTeX of a run."""
    pieces: list[str] = []
    place = 0
    for match in _SCRIPTS.finditer(run):
        pieces.append(_chars(run[place : match.start()]))
        mark, inner = ("^", match[2]) if match[1] else ("_", match[4])
        tex = _chars(inner.strip(), script=True)
        if set(tex) == {"'"}:
            pieces.append(tex)
        elif tex:
            pieces.append(f"{mark}{tex}" if len(tex) == 1 else f"{mark}{{{tex}}}")
        place = match.end()
    pieces.append(_chars(run[place:]))
    return join(pieces)


def _chars(text: str, script: bool = False) -> str:
    """LaTeX of text without script marks; a word is a function's name, in a script a label."""
    pieces: list[str] = []
    for word in _WORDS.findall(text):
        if word[0] in _DOWN:
            pieces.append(f"_{{{''.join(_DOWN[char] for char in word)}}}")
        elif len(word) > 1 and word.isascii() and word.isalpha():
            pieces.append(f"\\{word}" if word in FUNCTIONS and not script else f"\\text{{{word}}}")
        else:
            pieces.append(_symbols(word))
    return join(pieces)


def _symbols(text: str) -> str:
    return join([" " if char == " " else chars_tex(char) for char in text])


def _plain(match: re.Match[str]) -> str:
    """A script that is text."""
    raised = bool(match[1])
    inner = (match[2] if raised else match[4]).strip()
    base = match.string[match.start() - 1 : match.start()]
    if not inner:
        return ""
    if _AS_IS.match(inner) or not (base.isalnum() or base in ")]" or base in (_SUP_CLOSE, _SUB_CLOSE)) or not base:
        return inner
    if len(inner) > 20 or " " in inner:
        return f" {inner}"
    simple = re.fullmatch(r"[-−+]?\w+", inner) is not None
    return f"{'^' if raised else '_'}{inner if simple else f'({inner})'}"
