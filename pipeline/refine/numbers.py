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
    "halved": ("2",), "squared": ("2",), "cubed": ("3",),
    "triple": ("3",), "triples": ("3",), "thrice": ("3",),
    "thirds": ("3",), "quarter": ("1/4", "4", "0.25"), "quarters": ("4",), "fourths": ("4",), "fifths": ("5",),
    "sixths": ("6",), "eighths": ("8",), "tenths": ("10",), "dozen": ("12",), "once": ("1",),
    "one": ("1",), "null": ("0",), "zero": ("0",), "zeros": ("0",),
    "none": ("0",), "quadruple": ("4",),
    "hundredth": ("100",), "hundredths": ("100",), "hundred": ("100",), "thousand": ("1000",), "thousandths": ("1000",),
}  # fmt: skip
# What has to do with a number without standing for it: the number may come from there, and is not kept by it.
ALLUDING = {
    "quadratic": "2", "quadratics": "2", "square": "2", "squares": "2", "cubic": "3", "cube": "3", "cubes": "3",
    "binary": "2", "decimal": "10", "single": "1", "unit": "1", "unity": "1", "triangle": "3", "triangles": "3",
    "linear": "1", "vanish": "0", "vanishes": "0", "vanishing": "0", "nothing": "0", "no": "0", "decade": "10",
    "century": "100", "positive": "0", "negative": "0", "nonnegative": "0", "nonzero": "0",
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
_CITED = re.compile(r"\[\d")
_CITATION = re.compile(r"(?<=[\w.,;)])[ ]?\[\d{1,3}(?:[,–-][ ]?\d{1,3})*\](?!\()")
_TAG = re.compile(rf"{FORMULA}[ \t.,]*\(\d{{1,3}}(?:\.\d{{1,3}})*\)[ \t]*$", re.MULTILINE)
# The beginning of a line: marks of heading, list, quotation and emphasis, and the number that counts it.
_LEADING = re.compile(
    r"[ \t>]*+(?:\#{1,6}[ \t]+)?(?:[-+•·–*][ \t]+)?[*_]{0,3}"
    r"(?:\(?(?P<item>\d{1,3}(?:\.\d{1,3}){0,3})[.):](?=[\s*_]|$)|\(?(?:[a-zA-Z]|[ivx]{1,4})[.)](?=[\s*_]|$))?"
)
_LEADING_SIGNS = frozenset(" \t>#-+•·–*_(ivx0123456789")
_HEADING_NUMBER = re.compile(r"[ \t>]*#{1,6}[ \t]+[*_]{0,3}(?P<item>\d{1,3}(?:\.\d{1,3}){0,3})(?=[ \t])")
_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][^\W\d_]+)*"
    r"|(?:[-−](?<![^\s(\[|:=,{$][-−])(?=\d))?\d(?:\d{0,2}(?:[,\u202f\u2009]\d{3})++(?!\d)(?:\.\d++)?|\d*+(?:\.\d++)*(?:/\d++(?![\d/.]))?)"
    rf"|[{FORMULA}{CODE}%\n.!?;:|]"
)
_MARKS = (("*", ""), ("\\%", "%"), ("\\$", "$"), ("_", " "))
_NUMERIC = frozenset("0123456789-−")
_MINUS = frozenset(["minus", "negative"])
_SAYING = frozenset([*WORDS, *_SCALES, *IMPLIED])
_EDGES = frozenset("\n.!?;:|")


@dataclass
class Numbers:
    """`kept`: how often each value stands in digits; `spelled`: in words; `implied`: by words such as `both` or `May`;
    `labels`: (word, number) such as `step 2`; `counted`: numbers that count lines; `tokens`: the text; `vocabulary`:
    how often each token stands.
    """

    kept: Counter[str] = field(default_factory=Counter)
    spelled: Counter[str] = field(default_factory=Counter)
    implied: Counter[str] = field(default_factory=Counter)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    leading_labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    counted: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    vocabulary: Counter[str] = field(default_factory=Counter)


def numbers(prose: str) -> Numbers:
    """The numbers of running text (with marks in the place of formulas and code)."""
    found = Numbers()
    if "://" in prose or "www." in prose or "](" in prose:
        prose = _URL.sub(" ", prose)
    if _CITED.search(prose):
        prose = _CITATION.sub("", prose)
    if FORMULA in prose:
        prose = _TAG.sub(FORMULA, prose)
    prose = _without_counts(prose, found.counted)
    for mark, plain in _MARKS:
        if mark in prose:
            prose = prose.replace(mark, plain)
    tokens = found.tokens = _TOKEN.findall(prose.casefold())
    found.vocabulary = Counter(tokens)
    spelled: _Spelled | None = None
    saying = {token for token in found.vocabulary if token in _SAYING or token[0] in _NUMERIC}
    for i in [i for i, token in enumerate(tokens) if token in saying]:
        token = tokens[i]
        if spelled is not None and spelled.end != i:
            spelled.tell(found)
            spelled = None
        if token in WORDS or token in _SCALES:
            if spelled is None or not spelled.goes_on(token):
                if spelled is not None:
                    spelled.tell(found)
                    spelled = None
                if token in WORDS:
                    spelled = _Spelled(WORDS[token], i + 1, i > 0 and tokens[i - 1] in _MINUS)
                elif i == 0 or tokens[i - 1][0] not in _NUMERIC:
                    found.implied.update(IMPLIED.get(token, ()))
        elif token in IMPLIED:
            found.implied.update(IMPLIED[token])
        else:
            _digits(found, tokens, i)
    if spelled is not None:
        spelled.tell(found)
    return found


def _without_counts(prose: str, counted: list[str]) -> str:
    """The text without the marks and numbers that its lines begin with; the numbers are added to `counted`."""
    lines = prose.split("\n")
    for place, line in enumerate(lines):
        if not line or (line[0] not in _LEADING_SIGNS and line[1:2] not in {".", ")"}):
            continue
        if "#" in line and (heading := _HEADING_NUMBER.match(line)):
            counted.append(heading["item"])
            line = line[heading.end() :]
        if match := _LEADING.match(line):
            if match["item"]:
                counted.append(match["item"])
            line = line[match.end() :]
        lines[place] = line
    return "\n".join(lines)


def _digits(found: Numbers, tokens: list[str], i: int) -> None:
    """Take down the number at place `i`."""
    token = tokens[i]
    value = _value(token)
    if i + 1 < len(tokens) and (scale := _SCALES.get(tokens[i + 1])) and value.isdigit():
        value = str(int(value) * scale)
    before = tokens[i - 1] if i else "\n"
    if before in _LABEL_WORDS and token[0].isdigit():
        leads = i < 2 or tokens[i - 2] in _EDGES
        (found.leading_labels if leads else found.labels)[before.removesuffix("s"), value] += 1
    elif before in _MINUS:
        found.kept[f"-{value}"] += 1
    else:
        found.kept[value] += 1


@dataclass
class _Spelled:
    """A number in words while it is read; `end` is the place after its last word."""

    value: int
    end: int
    negative: bool

    def goes_on(self, word: str) -> bool:
        """Take the next word into the number, if it belongs to it."""
        if word in _SCALES:
            self.value *= _SCALES[word]
        elif self.value % 100 >= 20 and self.value % 10 == 0 and WORDS[word] < 10:
            self.value += WORDS[word]
        else:
            return False
        self.end += 1
        return True

    def tell(self, found: Numbers) -> None:
        """Take it down; `one` and `zero` often are no numbers, and only imply them."""
        if self.negative:
            found.spelled[f"-{self.value}"] += 1
        elif self.value < 2:
            found.implied[str(self.value)] += 1
        else:
            found.spelled[str(self.value)] += 1


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
