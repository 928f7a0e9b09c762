"""A final answer in a normal spelling: one way to write a fraction, a root, a set; units, names and dollars apart.

Every rule here keeps the value: what differs after it may still be equal, what is equal after it is.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from training.rl.final_answer import closing_brace
from training.rl.units import split_unit

_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "π": r"\pi ",
        "∞": r"\infty ", "√": r"\sqrt", "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ", "∪": r"\cup ", "∩": r"\cap ",
        "∅": r"\emptyset ", "°": r"^\circ ", "′": "'", "’": "'", "∈": r"\in ", "θ": r"\theta ", "½": r"\frac{1}{2}",
        "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "²": "^{2}", "³": "^{3}", "ℝ": r"\mathbb{R}", "\u00a0": " ",
        "…": r"\ldots ", "≈": r"\approx ", "％": "%", "（": "(", "）": ")", "，": ",",
    }
)  # fmt: skip
_SPELLINGS = (
    (
        re.compile(
            r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|mathstrut|strut|hfill|nobreak)(?![a-zA-Z])"
        ),
        "",
    ),
    (re.compile(r"\\(?:text)?color\s*\{[^{}]*\}|\\\\\s*$"), ""),
    (re.compile(r"\\(?:bf|rm|it|sf|tt|tiny|small|normalsize|[lL]arge|LARGE|[hH]uge)(?![a-zA-Z])"), ""),
    (re.compile(r",\s*\\!\s*|\{,\}"), ","),
    (re.compile(r"(?<!\\)\\[!,;:> ]|\\q?quad(?![a-zA-Z])|~|\\(?:hspace|vspace|phantom)\*?\{[^{}]*\}"), " "),
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\[dt]?binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\le(?![a-zA-Z])|\\leqslant|<="), r"\\leq "),
    (re.compile(r"\\ge(?![a-zA-Z])|\\geqslant|>="), r"\\geq "),
    (re.compile(r"\\ne(?![a-zA-Z])|!="), r"\\neq "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}|\{\s*\}(?=$)"), r"\\emptyset "),
    (re.compile(r"\\(?:dots|cdots|ldots|dotsc|dotsb|dotsm)(?![a-zA-Z])|\.\.\.+"), r"\\ldots "),
    (re.compile(r"\\(?:lbrace|rbrace)(?![a-zA-Z])"), lambda match: r"\{" if "lb" in match[0] else r"\}"),
    (re.compile(r"\\(?:lbrack|rbrack)(?![a-zA-Z])"), lambda match: "[" if "lb" in match[0] else "]"),
    (re.compile(r"\\(?:langle|rangle)(?![a-zA-Z])"), lambda match: "(" if "la" in match[0] else ")"),
    (re.compile(r"\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:ast|star)(?![a-zA-Z])|\*(?!\*)"), r"\\cdot "),
    (re.compile(r"(?<![\\a-zA-Z])(?=(?:sqrt|frac|pi|infty|infinity)(?![a-zA-Z]))"), r"\\"),
    (re.compile(r"\\infinity"), r"\\infty"),
    (re.compile(r"\\(?:frac|sqrt)\s+(?=[\d{])"), lambda match: match[0].strip()),
    (re.compile(r"\\sqrt(?=[\w])(\w)"), r"\\sqrt{\1}"),
    (re.compile(r"\\sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"\^\s*\{?\s*(?:\\circ|\\degree)\s*\}?|\\degree(?![a-zA-Z])"), r"^\\circ "),
    (re.compile(r"\\(?:operatorname|mathop)\*?\{([a-zA-Z]+)\}"), r"\\\1 "),
    (re.compile(r"\\mathbb\s*([A-Z])"), r"\\mathbb{\1}"),
    (re.compile(r"\\overline\{([A-Z]{2})\}"), r"\1"),
)
_WRAPPERS = re.compile(
    r"\\(?:text|textbf|textit|textrm|texttt|textsf|mathrm|mathbf|mathit|mathsf|mbox|emph|underline|bm|boldsymbol|boxed|fbox|ensuremath)\s*\{"
)
_SHORT_FRACTION = re.compile(
    r"\\frac\s*(?:(\d)\s*(\d)(?!\d)|(\d)\s*\{([^{}]*)\}|\{([^{}]*)\}\s*(\d|[a-zA-Z](?![a-zA-Z])))"
)
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?: \d{3})+(?!\d)")
_ASSIGNED = re.compile(
    r"^\s*([a-zA-Z](?:_\{?\w+\}?)?|\\[a-zA-Z]+|[a-zA-Z]\([a-zA-Z]\)|[a-zA-Z]{2,12})\s*(?:=|\\in(?![a-zA-Z])|\\approx(?![a-zA-Z])|:)\s*(?=\S)"
)
_ASSIGNED_TUPLE = re.compile(r"^\s*(\(\s*[a-zA-Z](?:\s*,\s*[a-zA-Z])+\s*\))\s*=\s*(?=\()")
_CHAIN = re.compile(r"(?:(?!\b(?:and|or)\b)[^=<>])+(?:=(?:(?!\b(?:and|or)\b)[^=<>])+)+")
_ABOUT = re.compile(r"^\s*(?:=|\\approx(?![a-zA-Z])|\\simeq(?![a-zA-Z]))\s*(?=\S)")
_NOTHING = frozenset(
    "no solution|no solutions|none|no real solution|no real solutions|there is no solution|empty set|the empty set|"
    "nosolution|does not exist|dne|no such number|no answer".split("|")
)
_EVERYTHING = frozenset(
    "all real numbers|all reals|the real numbers|the set of all real numbers|the set of real numbers|"
    "any real number|every real number|all real values".split("|")
)
_ENDLESS = frozenset(
    "infinitely many|infinitely many solutions|infinite solutions|an infinite number of solutions|"
    "infinite number of solutions|there are infinitely many solutions".split("|")
)


@dataclass(frozen=True)
class Answer:
    """An answer taken apart.

    `text` is its normal spelling; `unit` a normal unit or "" (percent and degrees among them); `base` the number base
    of `1010_2`, else None; `name` the variable that it was given to (`x` of `x = 5`), else "".
    """

    text: str
    unit: str = ""
    base: int | None = None
    name: str = ""


@lru_cache(maxsize=1 << 14)
def answer_form(answer: str) -> Answer:
    """The normal form of an answer (at most some thousand characters)."""
    text = _strip_delimiters(answer.translate(_UNICODE))
    text = text.replace("**", "")
    money = re.search(r"(?<!\\)\\\$|^\$(?=\d)", text) is not None
    text = re.sub(r"\\?\$", " ", text)
    text = _unwrap(text)
    for pattern, mend in _SPELLINGS:
        text = pattern.sub(mend, text)
    text = _SHORT_FRACTION.sub(_fraction, text)
    text = " ".join(text.split()).strip()
    text = re.sub(r"(?:(?<=[^\\.\s])|(?<=\d))\.$", "", text).strip().rstrip(";,").strip()
    words = text.lower().rstrip(".!")
    if words in _NOTHING:
        return Answer(r"\emptyset")
    if words in _EVERYTHING:
        return Answer(r"\mathbb{R}")
    if words in _ENDLESS:
        return Answer("infinitely many")
    name, text = "", _ABOUT.sub("", text)
    assigned = _ASSIGNED.match(text)
    if tupled := _ASSIGNED_TUPLE.match(text):
        name, text = "".join(tupled[1].split()), text[tupled.end() :]
    elif assigned and "," not in text and _CHAIN.fullmatch(text[assigned.end() :]):
        name, text = assigned[1], text.rpartition("=")[2]  # a = 2 + 3 = 5
    elif assigned and "=" not in text[assigned.end() :] and ("," not in text or assigned[0].rstrip().endswith("in")):
        name, text = assigned[1], text[assigned.end() :]
    text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    text = _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)
    text, unit = split_unit(text)
    base = None
    if based := re.fullmatch(r"([0-9A-Fa-f]+)\s*_\{?(\d{1,2})\}?(?:\s*\\?text\{.*\})?", text):
        text, base = based[1], int(based[2])
    return Answer(_compact(text), unit or ("$" if money else ""), base, name)


def _strip_delimiters(text: str) -> str:
    text = text.strip()
    for opened, closed in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        inner = text[len(opened) : -len(closed)]
        if (
            len(text) > len(opened) + len(closed)
            and text.startswith(opened)
            and text.endswith(closed)
            and opened not in inner
        ):
            return _strip_delimiters(inner)
    return re.sub(r"\\[()\[\]](?![a-zA-Z])", " ", text)


def _unwrap(text: str) -> str:
    """Commands around words and boxes replaced by what they hold, spaces kept apart."""
    pieces, place = [], 0
    while match := _WRAPPERS.search(text, place):
        close = closing_brace(text, match.end() - 1)
        if close is None:
            break
        pieces += [text[place : match.start()], " ", _unwrap(text[match.end() : close]), " "]
        place = close + 1
    return "".join([*pieces, text[place:]])


def _fraction(match: re.Match[str]) -> str:
    groups = [group for group in match.groups() if group is not None]
    return rf"\frac{{{groups[0]}}}{{{groups[1]}}}"


def _compact(text: str) -> str:
    """Without the spaces that mean nothing: those of words and behind commands stay."""
    text = re.sub(r"\s*([^\w\s\\])\s*", r"\1", text.strip())
    if not _is_words(text):
        text = re.sub(r"\s+(?=\\)|(?<=[}\])])\s+(?=[\d(])|(?<=\d)\s+(?=\(|[a-zA-Z]\b)", "", text)
    return re.sub(r"\\([a-zA-Z]+)\s+(?![a-zA-Z])", r"\\\1", text).strip()


def _is_words(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z' -]*", text) is not None
