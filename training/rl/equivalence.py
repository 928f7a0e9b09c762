"""Whether two answers are equal: the rules of units, names, words, choices and brackets, and a judge for what is left.

The judge compares two single expressions. `arithmetic`, in microseconds, decides numbers and proves differences, and
leaves the rest open; `training.rl.symbolic` decides everything.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from training.rl.answer_form import Answer, answer_form
from training.rl.groups import Group, group
from training.rl.numerals import number, numbers_equal
from training.rl.probe import differ, values
from training.rl.units import normal_unit, units_agree

_CHOICE = re.compile(r"\(?([A-Ja-j])\)?(?:[.:)].*)?")
_LETTER = re.compile(r"\(?[A-Ja-j]\)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z'\", .!?;:-]*")
_PRIMED = re.compile(r"(?<![a-zA-Z])[a-zA-Z]'+(?![a-zA-Z])")
_LONG_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_ITEM = re.compile(r"[,;]|\b(?:and|or)\b")
_STATED = re.compile(r"-?(?:\d+ ?)?\\frac\{\d+\}\{\d+\}|(?<![\d./])-?\d+(?:\.\d+|/\d+)?(?!\w)")
Judge = Callable[[str, str], bool | None]
_FUNCTIONS = frozenset("sin cos tan cot sec csc log ln exp pi".split())
_LETTERS_BEHIND = re.compile(r"(.*[\d})])([a-zA-Z]+)")


def compare(gold: str, answer: str) -> bool | None:
    """Whether an answer equals the gold; None where only symbols can tell."""
    return decide(gold, answer, arithmetic)


def arithmetic(gold: str, answer: str) -> bool | None:
    """Whether two expressions in normal spelling are equal: exactly where both are numbers, else only a difference."""
    one, other = number(gold), number(answer)
    if one is not None and other is not None:
        return numbers_equal(one, other)
    return False if differ(gold, answer) else None


def decide(gold: str, answer: str, judge: Judge) -> bool | None:
    """Whether an answer equals the gold, by the rules and by a judge of single expressions; None where it has none."""
    one, other = _same_reading(answer_form(gold), answer_form(answer))
    decided = _forms(one, other, judge)
    for alone, read in ((one, other), (other, one)):
        if decided is not True and read.also and number(alone.text) is not None:
            decided = _forms(alone, replace(read, text=read.also), judge) or decided
    return decided


def _same_reading(gold: Answer, answer: Answer) -> tuple[Answer, Answer]:
    """Both answers read alike where one could be read in two ways.

    `5 m` and `5m`: metres or a variable, as the other one says; degrees beside a multiple of pi are radians; free
    letters get one name (`2k\\pi` and `2n\\pi` over the integers).
    """
    if gold.unit and not answer.unit:
        return _read_as(gold, answer)
    if answer.unit and not gold.unit:
        return _read_as(answer, gold)[::-1]
    if gold.domain != answer.domain and gold.domain and answer.domain:
        letter, other = gold.domain.partition(" ")[0], answer.domain.partition(" ")[0]
        if len(letter) == len(other) == 1 and letter not in answer.text:
            text = re.sub(rf"(?<![\\a-zA-Z]){other}(?![a-zA-Z])", letter, answer.text)
            answer = replace(answer, text=text, whole=text, domain=answer.domain.replace(other, letter, 1))
    return gold, answer


def _read_as(measured: Answer, bare: Answer) -> tuple[Answer, Answer]:
    """An answer with a unit, and one that may have the same unit unseen, or none."""
    if measured.unit == "°" and r"\pi" in bare.text and r"\pi" not in measured.text:
        return replace(measured, text=rf"\frac{{{measured.text}\pi}}{{180}}", whole="", unit=""), bare
    behind = _LETTERS_BEHIND.fullmatch(bare.text)
    if behind and normal_unit(behind[2]) == measured.unit:
        return measured, replace(bare, text=behind[1], unit=measured.unit)
    letter = measured.whole[-1:]
    if len(measured.whole) - len(measured.text) == 1 and re.search(rf"(?<![\\a-zA-Z]){letter}", bare.text):
        return replace(measured, text=measured.whole, unit=""), bare
    return measured, bare


def _forms(gold: Answer, answer: Answer, judge: Judge) -> bool | None:
    if not gold.text or not answer.text:
        return False
    if gold.name and answer.name and gold.name != answer.name and _same_kind(gold.name, answer.name):
        return False
    if gold.domain and answer.domain and gold.domain != answer.domain:
        return False
    if not units_agree(gold.unit, answer.unit):
        return _percent(gold, answer)
    if gold.base is not None or answer.base is not None:
        return _based(gold, answer)
    if gold.text == answer.text:
        return True
    if r"\ldots" in gold.text or r"\ldots" in answer.text:
        return False  # what an ellipsis stands for is a guess
    one, other = gold.text, answer.text
    if ("=" in one) != ("=" in other) and "," not in one + other:  # `y = 2x + 1` and `2x - y + 1 = 0`
        one, other = (f"{form.name}={form.text}" if form.name else form.text for form in (gold, answer))
    decided = _texts(one, other, judge)
    if decided is not True and "%" in (gold.unit, answer.unit) and gold.unit != answer.unit:
        return _percent(gold, answer) or decided
    return decided


def _same_kind(one: str, other: str) -> bool:
    """Two letters or two tuples of them: `x = 5` is no answer to `y = 5`, but a word (`Area = 5`) is only a label."""
    return all(re.fullmatch(r"[a-zA-Z](?:_\d+)?|\\.*", name) for name in (one, other)) or (one[0] == other[0] == "(")


def _percent(gold: Answer, answer: Answer) -> bool:
    """0.5 for 50 %, and the other way round."""
    one, other = number(gold.text), number(answer.text)
    if one is None or other is None or "%" not in (gold.unit, answer.unit):
        return False
    return one.value * (1 if gold.unit != "%" else Fraction(1, 100)) == other.value * (
        1 if answer.unit != "%" else Fraction(1, 100)
    )


def _based(gold: Answer, answer: Answer) -> bool:
    """Numbers with a base. The gold's base may be left out, a base that the gold has not must give the gold's value."""
    if gold.base is not None:
        same = gold.text.lstrip("0").lower() == answer.text.lstrip("0").lower()
        return same and answer.base in (None, gold.base)
    assert answer.base is not None
    known = number(gold.text)
    try:
        return known is not None and known.value == int(answer.text, answer.base)
    except ValueError:  # a digit beyond the base, or a base that is none
        return False


def _texts(gold: str, answer: str, judge: Judge) -> bool | None:
    one, other = number(gold), number(answer)
    if one is not None and other is not None:
        return judge(gold, answer)
    if _PRIMED.findall(gold) != _PRIMED.findall(answer):
        return False  # E and E'
    if _LETTER.fullmatch(gold):
        if (given := _CHOICE.fullmatch(answer)) is not None and (gold == answer or gold.strip("()").isupper()):
            return gold.strip("()").upper() == given[1].upper()
        if other is not None:
            return False
    if (said := _sentences(gold, answer, judge)) is not None:
        return said
    grouped, others = group(gold), group(answer)
    if grouped is not None or others is not None:
        decided = _groups(gold, answer, grouped, others, judge)
        return judge(gold, answer) if decided is None else decided
    if (spelled := _words(gold, answer)) is not None:
        return spelled
    if (one is None) != (other is None) and (_prose(gold) or _prose(answer)):
        return False
    return judge(gold, answer)


def _sentences(gold: str, answer: str, judge: Judge) -> bool | None:
    """Sentences by their words; one beside a value states its only number: `9 guests came early` is 9."""
    words = [_most_words(text) for text in (gold, answer)]
    if min(words) > 2:
        return _plain(gold) == _plain(answer)
    sentence, value = (gold, answer) if words[0] else (answer, gold)
    numbers = _STATED.findall(sentence)
    if max(words) < 2 or min(words) or number(value) is None or re.search(r"\\(?!frac)|[_^=]", sentence):
        return None
    return decide(numbers[0], value, judge) if len(numbers) == 1 else False


def _most_words(text: str) -> int:
    """How many words of three letters or more the wordiest item of a list has."""
    return max(len(_LONG_WORD.findall(part)) for part in _ITEM.split(text)) if " " in text else 0


def _words(gold: str, answer: str) -> bool | None:
    """Whether words are the same; None of what is none, or may be a product of variables."""
    if len(gold) == len(answer) == 1 or gold.lower() in _FUNCTIONS or answer.lower() in _FUNCTIONS:
        return None
    are_words = _WORDS.fullmatch(gold) is not None, _WORDS.fullmatch(answer) is not None
    if all(are_words):
        return _plain(gold) == _plain(answer) or (None if _maybe_product(gold) and _maybe_product(answer) else False)
    if any(are_words) and (_prose(gold) or _prose(answer)):
        letters = [re.sub(r"\\cdot|\\times|[\s()]", "", text) for text in (gold, answer)]
        return letters[0] == letters[1] if all(text.isalpha() for text in letters) else None
    return None


def _maybe_product(text: str) -> bool:
    """Whether letters may be a product of variables in any order (`ab`, `xyz`) and not a word."""
    return len(text) <= 2 or "".join(sorted(text)) in ("abc", "xyz")


def _prose(text: str) -> bool:
    return _WORDS.fullmatch(text) is not None and not _maybe_product(text)


def _plain(text: str) -> str:
    """Words without articles, case and punctuation."""
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", re.sub(r"[^\w\s]", " ", text.lower())).split())


def same_words(gold: str, answer: str) -> bool:
    """Whether two stretches of plain words are the same, articles, case and punctuation apart."""
    return bool(re.search("[a-z]{2}", gold)) and len(answer) < 2 * len(gold) + 40 and _plain(gold) == _plain(answer)


def _groups(gold: str, answer: str, one: Group | None, other: Group | None, judge: Judge) -> bool | None:
    if one is None or other is None:
        single, group_ = (gold, other) if one is None else (answer, one)
        assert group_ is not None
        if len(group_.items) == 1:
            return decide(single, group_.items[0], judge)
        if group_.brackets == ":" and len(group_.items) == 2:
            return decide(single, rf"\frac{{{group_.items[0]}}}{{{group_.items[1]}}}", judge)
        return False if number(single) is not None or values(single) is not None else None
    if one.letter != other.letter and one.letter and other.letter:
        return False  # of x and of y
    brackets = {one.brackets, other.brackets}
    if brackets == {":"}:
        return _ratios(one.items, other.items, judge)
    if "" in brackets and (one.letter or other.letter):
        listed = one.items if other.letter else other.items
        return None if any(group(item) for item in listed) else False  # the ends of an interval are no solutions
    if brackets <= {"", "{}", "union"}:
        return _same_members(one.items, other.items, judge)
    if "" not in brackets and len(brackets) > 1 and brackets != {"()", "[]"}:
        return None if "union" in brackets else False
    if brackets == {"()", "[]"} and all(number(item) is not None or "infty" in item for item in one.items):
        return False  # an open interval is no closed one
    if len(one.items) != len(other.items):
        return False
    results = [decide(left, right, judge) for left, right in zip(one.items, other.items, strict=True)]
    return False if False in results else None if None in results else True


def _ratios(gold: tuple[str, ...], answer: tuple[str, ...], judge: Judge) -> bool | None:
    """`6:8` is `3:4`; `3:05` and `12:00` are times of day."""
    if len(gold) != len(answer):
        return False
    one, other = ([part.value for item in items if (part := number(item))] for items in (gold, answer))
    if len(one) != len(gold) or len(other) != len(answer):
        return all(decide(left, right, judge) for left, right in zip(gold, answer, strict=True)) or None
    if any(re.match(r"0\d", item) for item in (*gold, *answer)) or not all((*one, *other)):
        return one == other
    return all(left * other[0] == right * one[0] for left, right in zip(one, other, strict=True))


def _same_members(gold: tuple[str, ...], answer: tuple[str, ...], judge: Judge) -> bool | None:
    """Whether two sets hold the same; repeats count once."""
    table = [[decide(left, right, judge) for right in answer] for left in gold]
    lines = [*table, *zip(*table, strict=True)]
    if any(all(cell is False for cell in line) for line in lines):
        return False
    return all(True in line for line in lines) or None
