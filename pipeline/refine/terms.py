"""Words that turn a statement round: `even` for `odd`, a third for a quarter, `$a$ divides $b$` for its converse."""

import re
from collections import Counter
from itertools import pairwise

from pipeline.refine.content import Content
from pipeline.refine.reading import FORMULA

# A word of a pair may be lost and the other one new only together with a `not`.
_OPPOSITES = tuple(
    tuple(pair.split(":"))
    for pair in (
        "even:odd minimum:maximum minima:maxima minimal:maximal minimize:maximize smallest:largest least:greatest "
        "positive:negative increasing:decreasing increases:decreases increase:decrease convergent:divergent "
        "converges:diverges converge:diverge convergence:divergence finite:infinite rational:irrational true:false "
        "continuous:discontinuous dependent:independent open:closed concave:convex prime:composite bounded:unbounded "
        "injective:surjective singular:nonsingular linear:nonlinear always:never acute:obtuse row:column rows:columns "
        "necessary:sufficient numerator:denominator sine:cosine union:intersection parallel:perpendicular "
        "derivative:integral horizontal:vertical clockwise:counterclockwise real:imaginary possible:impossible"
    ).split()
)
_FAMILIES = tuple(
    frozenset(family.split())
    for family in (
        "half third thirds quarter quarters fifth fifths sixth sixths tenth tenths",
        "twice thrice",
        "double triple quadruple doubled tripled quadrupled",
        "squared cubed",
    )
)
_TURNING = frozenset(word for pair in _OPPOSITES for word in pair) | frozenset().union(*_FAMILIES)
_NEGATIONS = frozenset("not no non never neither nor cannot isn't doesn't don't aren't can't without un".split())
_EDGES = frozenset("\n.!?;:|")
# What says something else when its two sides change places.
_DIRECTED = frozenset(
    "divides divide implies imply contains contain includes exceeds precedes dominates less greater larger smaller "
    "bigger subset superset subgroup subspace multiple divisor factor inside outside before after above below over "
    "maps minus taller shorter older younger more fewer stronger weaker".split()
)
_CHOICE = re.compile(
    r"(?:answer|choice|option|correct one)(?: here)?(?: is|:|\.)?(?: choice| option)?[\s:*]{0,4}\(?\*{0,2}([A-E])\b"
    r"(?!['’])"
)
_CHOSEN = re.compile(r"[A-E](?<!\w.)(?=\)?\*{0,2} is (?:the )?(?:correct|right)\b)")
_GAP = 5


def turned(original: Content, rewrite: Content) -> list[str]:
    """What was turned round, each as `before → after`."""
    return [
        *_opposites(original.numbers.vocabulary, rewrite.numbers.vocabulary),
        *_swapped(original, rewrite),
        *_choices(original.text, rewrite.text),
    ]


def _opposites(original: Counter[str], rewrite: Counter[str]) -> list[str]:
    here = Counter({word: original[word] for word in _TURNING.intersection(original)})
    there = Counter({word: rewrite[word] for word in _TURNING.intersection(rewrite)})
    lost, gained = here - there, there - here
    if not lost or not gained:
        return []
    found = [f"{a} → {b}" for family in _FAMILIES for a in family & lost.keys() for b in family & gained.keys()]
    pairs = [(a, b) for one in _OPPOSITES for a, b in (one, one[::-1]) if lost[a] and gained[b]]
    if pairs and _negations(original) == _negations(rewrite):
        found += [f"{a} → {b}" for a, b in pairs]
    return found


def _negations(vocabulary: Counter[str]) -> int:
    return sum(vocabulary[word] for word in _NEGATIONS)


def _swapped(original: Content, rewrite: Content) -> list[str]:
    here, there = _relations(original), _relations(rewrite)
    return [
        f"{b} {min(words)} {a} → {a} … {b}"
        for (a, b), said in there.items()
        if a != b and (b, a) in here and (a, b) not in here and (b, a) not in there and (words := said & here[b, a])
    ]


def _relations(content: Content) -> dict[tuple[str, str], frozenset[str]]:
    """Two formulas or numbers of one sentence, and the words of direction between them."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    tokens, vocabulary = content.numbers.tokens, content.numbers.vocabulary
    if _DIRECTED.isdisjoint(vocabulary):
        return found
    items = {token for token in vocabulary if token == FORMULA or token[0].isdigit()}
    places = [i for i, token in enumerate(tokens) if token in items]
    formulas = -1  # those up to the first of the two
    for last, place in pairwise(places):
        formulas += tokens[last] == FORMULA
        if not 1 < place - last <= _GAP:
            continue
        between = tokens[last + 1 : place]
        words = _DIRECTED.intersection(between)
        if words and _EDGES.isdisjoint(between):
            names = [tokens[last], tokens[place]]
            if names[0] == FORMULA:
                names[0] = "".join(content.written[formulas].split())
            if names[1] == FORMULA:
                names[1] = "".join(content.written[formulas + 1].split())
            found[names[0], names[1]] = words
    return found


def _choices(original: str, rewrite: str) -> list[str]:
    """The letter of a multiple-choice answer, where both texts name exactly one."""
    if "nswer" not in original and "orrect" not in original:
        return []
    here, there = ({*_CHOICE.findall(text), *_CHOSEN.findall(text)} for text in (original, rewrite))
    return [f"{min(here)} → {min(there)}"] if len(here) == len(there) == 1 and here != there else []
