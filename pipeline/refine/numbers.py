"""Numbers of running text, by value: digits, words, what stands for one, and what only counts lines and headings."""

import re
from collections import Counter
from dataclasses import dataclass, field

from pipeline.refine.latex import number
from pipeline.refine.reading import CODE, FORMULA

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
WORDS = {word: value for value, word in enumerate(_SMALL)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_MONTHS = (
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec"
).split()
_MONTH_NUMBERS = [*range(1, 13), 1, 2, 3, 4, 6, 7, 8, 9, 9, 10, 11, 12]
# What implies a number without naming it: it may stand for one, and one may stand for it.
IMPLIED: dict[str, tuple[str, ...]] = {
    word: (str(value),) for word, value in zip(_MONTHS, _MONTH_NUMBERS, strict=True)
} | {word: (str(value),) for value, word in enumerate(_ORDINALS, 1)} | {
    "both": ("2",), "pair": ("2",), "twice": ("2",), "double": ("2",), "doubled": ("2",), "doubling": ("2",),
    "couple": ("2",), "second": ("2",), "half": ("1/2", "2", "0.5"), "halves": ("2", "1/2"), "halve": ("2",),
    "halved": ("2",), "squared": ("2",), "square": ("2",), "squares": ("2",), "quadratic": ("2",), "cubed": ("3",),
    "cube": ("3",), "cubes": ("3",), "cubic": ("3",), "triple": ("3",), "triples": ("3",), "thrice": ("3",),
    "thirds": ("3",), "quarter": ("1/4", "4", "0.25"), "quarters": ("4",), "fourths": ("4",), "fifths": ("5",),
    "sixths": ("6",), "eighths": ("8",), "tenths": ("10",), "dozen": ("12",), "once": ("1",), "single": ("1",),
    "unit": ("1",), "unity": ("1",), "one": ("1",), "null": ("0",), "zero": ("0",), "zeros": ("0",), "vanishes": ("0",),
    "vanish": ("0",), "vanishing": ("0",), "none": ("0",), "no": ("0",), "nothing": ("0",), "quadruple": ("4",),
    "hundredth": ("100",), "hundredths": ("100",), "hundred": ("100",), "thousand": ("1000",), "thousandths": ("1000",),
    "decade": ("10",), "century": ("100",), "binary": ("2",), "decimal": ("10",),
}  # fmt: skip

_LABEL_WORDS = frozenset(
    """
    step part case example exercise question problem section chapter figure fig table theorem lemma corollary
    proposition definition remark equation eq eqn lesson unit page note claim proof solution answer method option rule
    property item q fact observation axiom appendix listing algorithm statement stage phase exercises examples problems
    sections equations figures theorems topic module week day practice task line row column point situation scenario
    approach
    """.split()
)
_URL = re.compile(rf"\]\([^()\s{FORMULA}{CODE}]{{0,400}}\)|<?(?:https?://|www\.)[^\s{FORMULA}{CODE}]+")
_CITATION = re.compile(r"(?<=[\w.,;)])[ ]?\[\d{1,3}(?:[,–-][ ]?\d{1,3})*\](?!\()")
_TAG = re.compile(rf"(?<={FORMULA})[ \t.,]*\(\d{{1,3}}(?:\.\d{{1,3}})*\)[ \t]*$", re.MULTILINE)
# The beginning of a line: marks of heading, list, quotation and emphasis, and the number that counts it.
_LEADING = re.compile(
    r"^[ \t>]*+(?:\#{1,6}[ \t]+)?(?:[-+•·–*][ \t]+)?[*_]{0,3}"
    r"(?:\(?(?P<item>\d{1,3}(?:\.\d{1,3}){0,3})[.):](?=[\s*_]|$)|\(?[a-zA-Z][.)](?=[\s*_])|\(?[ivx]{1,4}[.)](?=[\s*_]))?",
    re.MULTILINE,
)
_HEADING_NUMBER = re.compile(r"^[ \t>]*#{1,6}[ \t]+[*_]{0,3}(?P<item>\d{1,3}(?:\.\d{1,3}){0,3})(?=[ \t])", re.MULTILINE)
_TOKEN = re.compile(
    r"(?:(?<![^\s(\[|:=,{$])[-−])?(?:\d{1,3}(?:[,\u202f\u2009]\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)*(?:/\d++(?![\d/.]))?)"
    rf"|[^\W\d_]+(?:['’][^\W\d_]+)*|[{FORMULA}{CODE}%\n.!?;:|]"
)
_EDGES = frozenset("\n.!?;:|")


@dataclass
class Numbers:
    """`kept`: how often each value stands in digits; `spelled`: in words; `implied`: by words such as `both` or `May`;
    `labels`: (word, number) such as `step 2`; `counted`: numbers that count lines; `tokens`: the running text.
    """

    kept: Counter[str] = field(default_factory=Counter)
    spelled: Counter[str] = field(default_factory=Counter)
    implied: Counter[str] = field(default_factory=Counter)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    leading_labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    counted: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


def numbers(prose: str) -> Numbers:
    """The numbers of running text (with marks in the place of formulas and code)."""
    found = Numbers()
    if "://" in prose or "www." in prose or "](" in prose:
        prose = _URL.sub(" ", prose)
    if "[" in prose:
        prose = _CITATION.sub("", prose)
    if FORMULA in prose:
        prose = _TAG.sub("", prose)
    counted, kept = found.counted, found.kept

    def leading(match: re.Match[str]) -> str:
        if match["item"]:
            counted.append(match["item"])
        return ""

    if "#" in prose:
        prose = _HEADING_NUMBER.sub(leading, prose)
    prose = _LEADING.sub(leading, prose)
    prose = prose.replace("*", "").replace("\\%", "%").replace("\\$", "$").replace("_", " ")
    tokens = found.tokens = _TOKEN.findall(prose)
    pending: int | None = None  # a number in words that may go on
    negative = False
    for i, token in enumerate(tokens):
        first = token[0]
        if first.isdigit() or first in "-−":
            value = _value(token)
            scale = _SCALES.get(tokens[i + 1].casefold()) if i + 1 < len(tokens) else None
            if scale and value.isdigit():
                value = str(int(value) * scale)
            before = tokens[i - 1].casefold() if i else "\n"
            if before in _LABEL_WORDS and first not in "-−":
                label = (before.removesuffix("s"), value)
                starts = i < 2 or tokens[i - 2] in _EDGES
                (found.leading_labels if starts else found.labels)[label] += 1
            elif before in {"minus", "negative"}:
                kept[f"-{value}"] += 1
            else:
                kept[value] += 1
            continue
        word = token if token.islower() else token.casefold()
        if word in WORDS:
            value_of = WORDS[word]
            if pending is None:
                negative = i > 0 and tokens[i - 1].casefold() in {"minus", "negative"}
            if pending is not None and pending % 100 >= 20 and pending % 10 == 0 and value_of < 10:
                pending += value_of
            else:
                if pending is not None:
                    _spell(found, pending, negative)
                pending = value_of
            continue
        if pending is not None:
            if word in _SCALES:
                pending *= _SCALES[word]
                continue
            _spell(found, pending, negative)
            pending = None
        if word in IMPLIED:
            found.implied.update(IMPLIED[word])
    if pending is not None:
        _spell(found, pending, negative)
    return found


def _spell(found: Numbers, value: int, negative: bool) -> None:
    if negative:
        found.spelled[f"-{value}"] += 1
    elif value < 2:
        found.implied[str(value)] += 1
    else:
        found.spelled[str(value)] += 1


def _value(token: str) -> str:
    """The value of a number in digits, as `latex.number` spells it."""
    sign = ""
    if token[0] in "-−":
        sign, token = "-", token[1:]
    if "\u202f" in token or "\u2009" in token:
        token = token.replace("\u202f", ",").replace("\u2009", ",")
    if "/" in token:
        top, bottom = token.split("/")
        return f"{sign}{number(top)}/{number(bottom)}"
    return sign + (token if token.isdigit() and token[0] != "0" else number(token) if token.count(".") < 2 else token)
