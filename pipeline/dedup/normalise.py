r"""The math-safe form of a text: what deduplication and decontamination compare.

Prose is case-folded and loses its punctuation and Markdown marks. Mathematics is kept: every number, every operator,
the case of letters inside formulas. LaTeX that renders alike is spelled alike, so that one page seen through two
renderers has one form. (datatrove's default maps every number to 0 and deletes operators: `x^2+3x-4=0` and
`x^2-5x+7=0` become one text.)
"""

import re
import unicodedata

from pipeline.dedup.spelling import DROPPED, SCRIPTS, SPELLING, UNICODE

_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<display>.+?)(?<!\\)\$\$"
    r"|(?<!\\)\$(?P<inline>(?:[^$\\]|\\.)+)\$"
    r"|\\\((?P<paren>.+?)\\\)"
    r"|\\\[(?P<bracket>.+?)\\\]",
    re.DOTALL,
)
_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\d+(?:[.,]\d+)*|\S", re.DOTALL)

_LINE_MARKS = re.compile(r"^[ \t]*(?:#{1,6}[ \t]|>[ \t]?|[-*+•][ \t]+|`{3,}.*$|[|: -]*-{3,}[|: -]*$)+", re.MULTILINE)
_PROSE_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*"  # a number, with its decimal or thousands marks
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*"  # a word
    r"|[+=<>^/%_]|(?<![^\W\d_])-(?=[\d(.])"  # operators, and such - and * as are not hyphens or bullets
    r"|(?<=\s)[-*](?=\s)|(?<=\d)[-*!](?=\W|\d|$)"
    r"|[√∫∑∏≤≥≠≈≡×÷±∓−∞∂∇∈∉⊂⊆∪∩∅∀∃¬∧∨→⇒⇔↦°·⋅]"
)


def normalise(text: str) -> str:
    """The math-safe form: tokens joined by single spaces, in linear time; equal forms mean duplicate texts.

    Formulas are recognised in `$…$`, `$$…$$`, `\\(…\\)` and `\\[…\\]`. The form of a form is not promised to be itself.
    """
    tokens: list[str] = []
    position = 0
    for match in _FORMULA.finditer(text):
        _prose(text[position : match.start()], tokens)
        tokens += formula_tokens(match.group(match.lastgroup or 0))
        position = match.end()
    _prose(text[position:], tokens)
    return " ".join(tokens)


def formula_tokens(latex: str) -> list[str]:
    """The tokens of a formula in one spelling: no spacing, sizing or needless braces; synonyms and Unicode unified."""
    tokens: list[str] = []
    for raw in _TOKEN.findall(_plain(latex)):
        token = SPELLING.get(raw, raw)
        if token in DROPPED:
            continue
        if token in UNICODE:
            tokens += UNICODE[token].split()
        elif token == "}" and len(tokens) >= 2 and tokens[-2] == "{":
            tokens[-2:] = tokens[-1:]  # {x} is x
        else:
            tokens.append(token)
    return tokens


def _prose(text: str, tokens: list[str]) -> None:
    if text and not text.isspace():
        text = _LINE_MARKS.sub(" ", _plain(text)).casefold()
        tokens += [UNICODE.get(token, token) for token in _PROSE_TOKEN.findall(text)]


def _plain(text: str) -> str:
    """NFKC, but raised and lowered digits stay scripts: x² is x^2, not x2."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(SCRIPTS))
