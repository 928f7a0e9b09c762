"""Formulas, numbers and code of a rewrite against those of its original: what was kept, lost, altered, what is new."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rapidfuzz.distance import Indel

from pipeline.refine.content import DIGITS, NUMERIC, Content
from pipeline.refine.latex import Form, form
from pipeline.refine.numbers import WORDS

NEAR = 0.5
"""Share of atoms that two formulas have in common, in order, from which one counts as an alteration of the other."""

MAX_PAIRED = 100
"""Lost or new formulas that are looked at one by one; with more of them the rewrite is refused anyway."""

_NEAR_CODE = 0.8
_SPACE = re.compile(r"\s+")
_SILENT = frozenset(["", "□"])  # the end of a proof says nothing
_BARE = re.compile(r"(?:\\[A-Za-z]+|[^\W\d])(?: _\S{1,8})?(?: ')*(?: \( (?:\\[A-Za-z]+|[^\W\d]) \))?\Z")
_ENUMERATED = frozenset("step case part item section point phase stage method option approach".split())


@dataclass
class Difference:
    """Formulas by key and numbers by value: `lost` without a counterpart, `altered` as (before, after), `new`."""

    formulas: int = 0
    lost_formulas: list[str] = field(default_factory=list)
    altered_formulas: list[tuple[str, str]] = field(default_factory=list)
    new_formulas: list[str] = field(default_factory=list)
    numbers: int = 0
    lost_numbers: list[str] = field(default_factory=list)
    altered_numbers: list[tuple[str, str]] = field(default_factory=list)
    new_numbers: list[str] = field(default_factory=list)
    altered_code: list[tuple[str, str]] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    """Formulas and numbers that the original does not have, be they an alteration of one that it has or not."""


def compare(original: Content, rewrite: Content, source: Content | None = None) -> Difference:
    """What the rewrite did to the formulas and numbers of the original.

    `source` is the original with what may be left out: nothing of it is new, though `original` does not have it.
    """
    source = source or original
    result = Difference(formulas=original.raw.total() - original.plain.total(), numbers=original.numbers.kept.total())
    lost = _forms(original.raw - rewrite.raw)
    gained = _forms(rewrite.raw - original.raw)
    equal = Counter({one.key: count for one, count in lost.items()}) & Counter(
        {one.key: count for one, count in gained.items()}
    )
    lost_numbers, lost = _take_numbers(lost, equal)
    gained_numbers, gained = _take_numbers(gained, equal)
    result.altered_code = _altered_code(original.reading.code, rewrite.reading.code)
    kept_new: list[Form] = []  # gained formulas that the original supports
    unsupported: list[Form] = []
    derived: list[Form] = []  # statements of known sides: fine, unless something is missing that they could replace
    lists = [Counter(one.expressions) for one in lost if _is_list(one)]
    for one in gained:
        supported = _supported(one, source) and not (_is_list(one) and _changed(Counter(one.expressions), lists))
        (kept_new if supported else derived if _derivable(one, source) else unsupported).append(one)
    missing = _missing(lost, kept_new, original, rewrite)
    if missing:
        unsupported += derived
    _pair_formulas(result, missing, unsupported, kept_new, source, rewrite)
    lost_numbers += original.numbers.kept - rewrite.numbers.kept
    gained_numbers += rewrite.numbers.kept - original.numbers.kept
    _pair_numbers(
        result, lost_numbers - gained_numbers, gained_numbers - lost_numbers, gained, original, source, rewrite
    )
    return result


def _altered_code(original: list[str], rewrite: list[str]) -> list[tuple[str, str]]:
    """Lines of code that the rewrite has otherwise, spaces apart."""
    here = Counter(_SPACE.sub("", line) for code in original for line in code.split("\n"))
    there = Counter(_SPACE.sub("", line) for code in rewrite for line in code.split("\n"))
    lost, gained = list((here - there).elements())[:MAX_PAIRED], list((there - here).elements())[:MAX_PAIRED]
    return [
        (line, other) for line in lost for other in gained if Indel.normalized_similarity(line, other) >= _NEAR_CODE
    ]


def _forms(raw: Counter[str]) -> Counter[Form]:
    """Forms of written formulas; those that say nothing are left out."""
    forms: Counter[Form] = Counter()
    seen: dict[str, Form] = {}
    for written, count in raw.items():
        one = form(written)
        if one.key not in _SILENT:
            forms[seen.setdefault(one.key, one)] += count
    return forms


def _take_numbers(forms: Counter[Form], equal: Counter[str]) -> tuple[Counter[str], Counter[Form]]:
    """Without what both sides have; formulas that are one number (`$5$`) apart from the others."""
    values: Counter[str] = Counter()
    rest: Counter[Form] = Counter()
    for one, count in forms.items():
        left = count - equal[one.key]
        if left <= 0:
            continue
        if NUMERIC.match(one.key):
            values[one.key.rstrip(" %°").replace(" ", "")] += left
        else:
            rest[one] = left
    return values, rest


def _is_list(one: Form) -> bool:
    """Whether a formula lists three things or more, as in `1, 1, 2, 5, 14`."""
    return len(one.expressions) > 2 and not one.statements


def _changed(made: Counter[str], lists: list[Counter[str]]) -> bool:
    """Whether a list has the length of a lost one and most of its items, yet not all."""
    return any(made != one and made.total() == one.total() and 2 * (made & one).total() >= one.total() for one in lists)


def _supported(one: Form, original: Content) -> bool:
    """Whether the original says what a formula of the rewrite says."""
    if one.key in original.keys:
        return True
    if not one.statements and not one.expressions:
        return f" {one.key} " in original.haystack
    chains, stated, sides = original.chains, original.stated, original.sides
    for made in one.statements:
        left, relation, right = made
        if made in stated or any(left in chain and right in chain for chain in chains if relation == "="):
            continue
        if "?" in (left, right) and (right if left == "?" else left) in sides:
            continue
        if _squeezed(f"{left}{relation}{right}") in original.squeezed and len(left + right) > 2:
            continue
        return False
    return all(
        f" {said} " in original.haystack
        or said.casefold() in original.numbers.tokens
        or _squeezed(said) in original.squeezed
        for said in one.expressions
    )


def _derivable(one: Form, original: Content) -> bool:
    """Whether a formula only joins what the original names: `f'(x) = 0` for "the derivative … is 0"."""
    return bool(one.statements) and all(
        relation == "="
        and not (NUMERIC.match(right) and original.bound(left))
        and not (NUMERIC.match(left) and original.bound(right))
        and all(
            side in original.sides or f" {side} " in original.haystack or side in original.numbers.kept
            for side in (left, right)
        )
        for left, relation, right in one.statements
    )


def _squeezed(key: str) -> str:
    return re.sub(r"[\s^\\]+", "", key)


def _missing(lost: Counter[Form], kept_new: list[Form], original: Content, rewrite: Content) -> list[Form]:
    """The lost formulas that the rewrite does not say in another form, each as often as it is missing."""
    if not lost:
        return []
    said = {made for one in kept_new for made in one.statements} | rewrite.spoken
    together: dict[str, str] = {}

    def root(side: str) -> str:
        while (above := together.get(side, side)) != side:
            side = above
        return side

    for left, relation, right in said:
        if relation == "=":
            together.setdefault(left, left)
            together.setdefault(right, right)
            together[root(left)] = root(right)
    expressed = {part for one in kept_new for part in one.expressions}
    expressed |= {part for one in kept_new for made in one.statements for part in made[::2]}
    missing: list[Form] = []
    for one, count in lost.items():
        if _BARE.match(one.key) and one.key in rewrite.keys and len(missing) < MAX_PAIRED:
            if not _cut_out(f"¤{one.key}", original, rewrite):
                continue
        elif one.statements or one.expressions:
            stated = all(
                made in said
                or (made[1] == "=" and made[0] in together and root(made[0]) == root(made[2]))
                or ("?" in made and (made[2] if made[0] == "?" else made[0]) in expressed)
                for made in one.statements
            )
            if stated and expressed.issuperset(one.expressions):
                continue
        missing += [one] * count
    return missing


def _cut_out(token: str, original: Content, rewrite: Content, mark: str = "") -> bool:
    """Whether a token (or the same after `mark`) is gone from a place whose surroundings still stand, with nothing or
    another formula or number between.
    """
    padded = ["\n", "\n", *original.sequence, "\n"]
    for i, here in enumerate(padded):
        if here not in (token, mark + token) or not 2 <= i < len(padded) - 1:
            continue
        first, before, after = padded[i - 2], padded[i - 1], padded[i + 1]
        if (before == "\n" and after == "\n") or (
            rewrite.contexts[before, here, after] >= original.contexts[before, here, after]
        ):
            continue
        if rewrite.bigrams[before, after] > original.bigrams[before, after]:
            return True
        if any(
            _is_item(other) and rewrite.contexts[before, other, after] > original.contexts[before, other, after]
            for other in rewrite.between.get((before, after), ())
        ):
            return True
        # "for every integer $n$ we have" as "for every integer one has".
        if token[0] == "¤" and first.isalpha() and before.isalpha() and rewrite.contexts[first, before, here] == 0:
            following = rewrite.following.get((first, before), ())
            if any(
                other.isalpha() and rewrite.contexts[first, before, other] > original.contexts[first, before, other]
                for other in following
            ):
                return True
    return False


def _is_item(token: str) -> bool:
    return token[0] == "¤" or token[0].isdigit()


def _pair_formulas(
    result: Difference,
    missing: list[Form],
    unsupported: list[Form],
    kept_new: list[Form],
    original: Content,
    rewrite: Content,
) -> None:
    """Lost formulas with a near counterpart among the gained ones are altered."""
    plain = {form(run).key for run in (*original.plain, *rewrite.plain)}
    result.unsupported += [one.key for one in unsupported]
    left = list(unsupported)[:MAX_PAIRED]
    result.new_formulas += [one.key for one in unsupported[MAX_PAIRED:]]
    result.lost_formulas += [one.key for one in missing[MAX_PAIRED:]]
    again = [one for one in kept_new if one.key in original.keys]
    for one in missing[:MAX_PAIRED]:
        atoms = one.key.split()
        best: tuple[float, Form] | None = None
        for other in (*left, *again):
            score = Indel.normalized_similarity(atoms, other.key.split(), score_cutoff=NEAR)
            if score >= NEAR and (best is None or score > best[0]):
                best = (score, other)
        if best is not None:
            result.altered_formulas.append((one.key, best[1].key))
            if best[1] in left:
                left.remove(best[1])
        elif one.key not in plain or not set(DIGITS.findall(one.key)) <= rewrite.mentioned:
            result.lost_formulas.append(one.key)
    for one in left:
        if one.key not in plain or one.statements or not set(DIGITS.findall(one.key)) <= original.mentioned:
            result.new_formulas.append(one.key)


def _pair_numbers(
    result: Difference,
    lost: Counter[str],
    gained: Counter[str],
    formulas: Iterable[Form],
    original: Content,
    source: Content,
    rewrite: Content,
) -> None:
    here, there = original.numbers, rewrite.numbers
    spare = there.spelled - here.spelled
    implied = there.implied - here.implied
    labels = (there.labels + there.leading_labels) - (here.labels + here.leading_labels)
    spare += Counter(value for word, value in labels.elements() if word not in _ENUMERATED)
    spare += Counter(digits for one in formulas if one.key not in source.keys for digits in DIGITS.findall(one.key))
    missing: list[str] = []
    risen = {value for value, count in gained.items() if count > 0}
    replacements: dict[str, set[str]] = {}
    for number_of_value, (value, count) in enumerate(lost.items()):
        if number_of_value < MAX_PAIRED:
            replacements[value] = _replacements(value, original, rewrite)
            if risen & replacements[value]:
                missing.append(value)
                count -= 1
        parts = value.lstrip("-").split("/")
        # Whether words may stand for it; asked once, since it reads the whole text.
        replaced = number_of_value > MAX_PAIRED or (implied[value] > 0 and _cut_out(value, original, rewrite, "¤"))
        for _ in range(count):
            if spare[value] > 0:
                spare[value] -= 1
            elif implied[value] > 0 and not replaced:
                implied[value] -= 1
            elif len(parts) == 2 and all(gained[part] > 0 for part in parts):
                gained.subtract(parts)
            else:
                missing.append(value)
    new = [
        value
        for value, count in gained.items()
        if count > 0 and value not in source.mentioned and not _parts_known(value, source.mentioned)
    ]
    result.new_numbers += new
    words_lost = here.spelled - there.spelled - lost
    for value in there.spelled - here.spelled:
        if value not in source.mentioned and (words_lost or int(value) > 12):
            result.new_numbers.append(value)
    result.new_numbers += _new_labels(source, rewrite)
    result.unsupported += result.new_numbers
    for value in here.spelled - there.spelled - gained:
        word = next((word for word, spelled in WORDS.items() if str(spelled) == value), "")
        if value not in rewrite.mentioned or (word and _cut_out(word, original, rewrite)):
            missing.append(value)
    candidates = [value for value, count in gained.items() if count > 0][:MAX_PAIRED]
    result.lost_numbers += missing[MAX_PAIRED:]
    unseen = [value for value in candidates if value not in here.kept]
    for value in missing[:MAX_PAIRED]:
        if value not in replacements:
            replacements[value] = _replacements(value, original, rewrite)
        near = [other for other in (*result.new_numbers[:MAX_PAIRED], *unseen) if _near(value, other)]
        near += [other for other in candidates if other not in near and other in replacements[value]]
        if near:
            result.altered_numbers.append((value, near[0]))
            if near[0] in result.new_numbers:
                result.new_numbers.remove(near[0])
        else:
            result.lost_numbers.append(value)


def _parts_known(value: str, known: frozenset[str]) -> bool:
    """`-5`, `3/4`, `7.1` of parts that the original names."""
    if value[0] == "-":
        return False
    return "/" in value and all(part in known for part in value.split("/"))


def _near(value: str, other: str) -> bool:
    return Indel.normalized_similarity(value, other) >= NEAR or abs(len(value) - len(other)) <= 1


def _replacements(value: str, original: Content, rewrite: Content) -> set[str]:
    """What stands in the rewrite where `value` stood, and did not stand there before."""
    return {
        other
        for before, here, after in original.contexts
        if here == value
        for other in rewrite.between.get((before, after), ())
        if rewrite.contexts[before, other, after] > original.contexts[before, other, after]
    }


def _new_labels(original: Content, rewrite: Content) -> list[str]:
    """Numbers of labels (`step 4`) that the original does not have, where it numbers the same things itself."""
    here = original.numbers.labels + original.numbers.leading_labels
    there = rewrite.numbers.labels + rewrite.numbers.leading_labels
    known = {word for word, _ in here}
    used: dict[str, list[str]] = {}
    for word, value in there:
        used.setdefault(word, []).append(value)
    new: list[str] = []
    for word, values in used.items():
        counts = sorted(int(value) for value in values if value.isdigit())
        if len(values) > 1 and counts == list(range(1, len(values) + 1)):
            continue  # an enumeration is the rewriter's own
        strange = [value for value in values if (word, value) not in here]
        gone = any((word, value) not in there for other, value in here if other == word)
        leading = rewrite.numbers.leading_labels
        if word in known:
            new += [value for value in strange if gone or value not in original.mentioned]
        else:
            new += [value for value in strange if (word, value) not in leading and value not in original.mentioned]
    return new
