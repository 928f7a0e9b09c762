"""An original and its rewrite side by side: paragraphs that belong together, found by their formulas and words."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipeline.refine.reading import FORMULA, read

_MOST = 150
"""Paragraphs of a text that are aligned; what follows is left out."""
_FORMULA_WEIGHT = 4
_ALIKE = 0.2


@dataclass(frozen=True)
class Pair:
    """Paragraphs that stand for one another; None where a side has none."""

    before: str | None
    after: str | None

    @property
    def same(self) -> bool:
        """Whether nothing was changed but space."""
        return self.before is not None and self.after is not None and self.before.split() == self.after.split()


def align(original: str, rewrite: str) -> list[Pair]:
    """The paragraphs of both, in order, matched so that the sum of their likenesses is greatest."""
    left, right = _paragraphs(original), _paragraphs(rewrite)
    bags, others = [_bag(text) for text in left], [_bag(text) for text in right]
    gain = np.zeros((len(left) + 1, len(right) + 1))
    alike = np.array([[_likeness(bag, other) for other in others] for bag in bags]).reshape(len(left), len(right))
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            together = alike[i, j] + gain[i + 1, j + 1] if alike[i, j] >= _ALIKE else 0.0
            gain[i, j] = max(together, gain[i + 1, j], gain[i, j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < len(left) or j < len(right):
        both = i < len(left) and j < len(right)
        if both and alike[i, j] >= _ALIKE and gain[i, j] == alike[i, j] + gain[i + 1, j + 1]:
            pairs.append(Pair(left[i], right[j]))
            i, j = i + 1, j + 1
        elif j == len(right) or (i < len(left) and gain[i, j] == gain[i + 1, j]):
            pairs.append(Pair(left[i], None))
            i += 1
        else:
            pairs.append(Pair(None, right[j]))
            j += 1
    return pairs


def in_lines(pairs: list[Pair]) -> list[str]:
    """The pairs as a diff for a terminal: `-` what was, `+` what is, unchanged paragraphs in short."""
    lines: list[str] = []
    for pair in pairs:
        if pair.same:
            assert pair.before is not None
            opening = " ".join(pair.before.split())
            lines.append(f"  {opening if len(opening) <= 100 else opening[:99] + '…'}")
            continue
        for mark, text in (("-", pair.before), ("+", pair.after)):
            if text is not None:
                lines += [f"{mark} {line}" for line in text.splitlines()]
    return lines


def _paragraphs(text: str) -> list[str]:
    blocks = [block.strip("\n") for block in text.replace("\r", "").split("\n\n")]
    return [block for block in blocks if block.strip()][:_MOST]


def _bag(text: str) -> Counter[str]:
    reading = read(text)
    words: Counter[str] = Counter(reading.prose.replace(FORMULA, " ").lower().split())
    for formula in reading.formulas:
        words["$" + "".join(formula.split())] += _FORMULA_WEIGHT
    return words


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Dice's coefficient of two bags, 0..1."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0
