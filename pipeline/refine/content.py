"""What a text says in formulas and numbers, read once and compared often."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property, lru_cache
from itertools import pairwise

from pipeline.refine.latex import Form, Statement, form, number, statement
from pipeline.refine.numbers import ALLUDING, Numbers, numbers
from pipeline.refine.plain import lift_plain
from pipeline.refine.reading import FORMULA, Reading, read

NUMERIC = re.compile(r"(?:- )?\d+(?:\.\d+)?(?: / \d+)?(?: [%°])?\Z")
"""The key of a formula that is one number."""
DIGITS = re.compile(r"\d+(?:\.\d+)?")
"""A number inside a key."""

_IS = frozenset("is are be equals equal to was gives get being = of value has so that means".split())
_LIES = frozenset("in is are lies belongs element of be lie belong to an a member set the".split())


class Content:
    """What a text says in formulas and numbers. `raw` counts formulas as they are written."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reading: Reading = read(text)
        prose, runs = lift_plain(self.reading.prose)
        written = [formula.strip() for formula in self.reading.formulas]
        if runs:
            merged: list[str] = []
            place = 0
            for before, run in runs:
                merged += [*written[place:before], run]
                place = before
            written = merged + written[place:]
        self.written = written
        self.plain = Counter(run for _, run in runs)
        self.raw = Counter(written)
        self.numbers: Numbers = numbers(prose)

    @cached_property
    def forms(self) -> list[Form]:
        """The forms of all formulas, in order."""
        return [form(formula) for formula in self.written]

    @cached_property
    def keys(self) -> Counter[str]:
        """How often each key stands."""
        return Counter(one.key for one in self.forms)

    @cached_property
    def stated(self) -> frozenset[Statement]:
        """Every statement of a formula or of running text."""
        return frozenset(made for one in self.forms for made in one.statements) | self.spoken

    @cached_property
    def sides(self) -> frozenset[str]:
        """Both sides of every statement."""
        return frozenset(side for left, _, right in self.stated for side in (left, right))

    def bound(self, side: str) -> bool:
        """Whether a formula gives this side a number."""
        return any(
            side in (left, right) and NUMERIC.match(right if side == left else left) for left, _, right in self.stated
        )

    @cached_property
    def chains(self) -> list[frozenset[str]]:
        """Sides that one formula says are equal."""
        return _chains(self.forms)

    @cached_property
    def haystack(self) -> str:
        """All keys, for a search of a run of atoms."""
        return f" ¦ {' ¦ '.join(self.keys)} ¦ "

    @cached_property
    def squeezed(self) -> str:
        """The text without spaces and marks of grouping, for what it writes without delimiters."""
        return re.sub(r"[\s*{}$^\\]+", "", self.text)

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """Every number that stands anywhere: in running text, formulas, code, labels and lists."""
        found = set(self.numbers.kept) | set(self.numbers.spelled) | set(self.numbers.implied)
        found |= {value for _, value in (*self.numbers.labels, *self.numbers.leading_labels)}
        found |= set(self.numbers.counted)
        found |= {ALLUDING[word] for word in ALLUDING.keys() & set(self.numbers.tokens)}
        for source in (*self.reading.formulas, *self.reading.code, *self.plain):
            found |= {number(digits) for digits in DIGITS.findall(source)}
            if "{,}" in source or "," in source:
                found |= {
                    number(digits) for digits in DIGITS.findall(re.sub(r"(?<=\d)(?:\{,\}|,)(?=\d{3})", "", source))
                }
        return frozenset(found)

    @cached_property
    def sequence(self) -> list[str]:
        """The running text as words and marks, each formula as its key."""
        keys = iter(self.forms)
        return [f"¤{next(keys, Form('')).key}" if token == FORMULA else token for token in self.numbers.tokens]

    @cached_property
    def contexts(self) -> Counter[tuple[str, str, str]]:
        """Every token with the one before and the one after it."""
        padded = ["\n", *self.sequence, "\n"]
        return Counter(zip(padded, padded[1:], padded[2:], strict=False))

    @cached_property
    def between(self) -> dict[tuple[str, str], set[str]]:
        """What stands between two tokens."""
        found: dict[tuple[str, str], set[str]] = {}
        for before, here, after in self.contexts:
            found.setdefault((before, after), set()).add(here)
        return found

    @cached_property
    def following(self) -> dict[tuple[str, str], set[str]]:
        """What follows two tokens."""
        found: dict[tuple[str, str], set[str]] = {}
        for first, before, here in self.contexts:
            found.setdefault((first, before), set()).add(here)
        return found

    @cached_property
    def bigrams(self) -> Counter[tuple[str, str]]:
        """Neighbouring tokens."""
        padded = ["\n", *self.sequence, "\n"]
        return Counter(pairwise(padded))

    @cached_property
    def spoken(self) -> frozenset[Statement]:
        """Statements that running text makes of two formulas: `$x$ is $5$`, `$n$ lies in $N$`."""
        found: set[Statement] = set()
        last: tuple[int, str] | None = None
        for place, token in enumerate(self.sequence):
            if token in {".", "\n", "!", "?"}:
                last = None
            elif token[0] == "¤" or token[0].isdigit():
                key = token.removeprefix("¤")
                if last is not None and place - last[0] <= 5:
                    between = set(self.sequence[last[0] + 1 : place])
                    if between and between <= _IS:
                        found.add(statement(last[1], "=", key))
                    if between and between <= _LIES:
                        found.add((last[1], "∈", key))
                last = (place, key)
        return frozenset(found)


@lru_cache(maxsize=64)
def remembered(original: str) -> Content:
    """What an original says, kept for the next rewrite of it."""
    return Content(original)


def _chains(forms: Iterable[Form]) -> list[frozenset[str]]:
    """The sides that one formula says are equal."""
    chains: list[set[str]] = []
    for one in forms:
        if len(one.statements) < 2:
            continue
        own: list[set[str]] = []
        for left, relation, right in one.statements:
            if relation == "=":
                joined = next((chain for chain in own if left in chain or right in chain), None)
                if joined is None:
                    own.append({left, right})
                else:
                    joined |= {left, right}
        chains += own
    return [frozenset(chain) for chain in chains]
