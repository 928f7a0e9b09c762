"""Other spellings of an answer, and answers that are nearly it: what a grader has to accept, and to refuse."""

import re
from collections.abc import Callable, Iterator

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SIMPLE = re.compile(r"\\frac\{(\d+)\}\{(\d+)\}")
_TUPLE = re.compile(r"\(([^()\[\],]+),([^()\[\],]+)\)")


def _spaced(gold: str) -> str:
    return re.sub(r"(?<=[\w)}])([-+=<>]|(?<!\d),)(?=[\w(\\])", r" \1 ", gold) if "text" not in gold else gold


def _large(gold: str, separator: str) -> str:
    whole = gold.removeprefix("-")
    return (
        gold.replace(whole, f"{int(whole):,}".replace(",", separator)) if re.fullmatch(r"[1-9]\d{3,}", whole) else gold
    )


SAME: dict[str, Callable[[str], str]] = {
    "itself": lambda gold: gold,
    "dollars": lambda gold: gold if "$" in gold else f"${gold}$",
    "period": lambda gold: gold if re.search(r"\.\W*$", gold) else f"{gold}.",
    "dfrac": lambda gold: gold.replace(r"\frac", r"\dfrac"),
    "left and right": lambda gold: (
        gold if r"\left" in gold else re.sub(r"[\])]", r"\\right\g<0>", re.sub(r"(?<!\\)[(\[]", r"\\left\g<0>", gold))
    ),
    "spaces": _spaced,
    "display": lambda gold: rf"\displaystyle {gold}",
    "thousands": lambda gold: _large(gold, ","),
    "thin spaces": lambda gold: _large(gold, r"\,"),
    "braced comma": lambda gold: _large(gold, "{,}"),
    "point zero": lambda gold: f"{gold}.0" if re.fullmatch(r"-?\d+", gold) else gold,
    "slash": lambda gold: f"{match[1]}/{match[2]}" if (match := _SIMPLE.fullmatch(gold)) else gold,
    "named": lambda gold: f"x = {gold}" if _NUMBER.fullmatch(gold) or _SIMPLE.fullmatch(gold) else gold,
    "unit": lambda gold: rf"{gold}\text{{ units}}" if _NUMBER.fullmatch(gold) else gold,
    "text": lambda gold: rf"\text{{{gold}}}" if re.fullmatch(r"[A-Za-z ]+", gold) else gold,
}
"""How a right answer may be written, in a box. What does not apply leaves the gold as it is."""


def _digit(gold: str) -> str:
    """The last digit one more."""
    return re.sub(r"\d(?=\D*$)", lambda match: str((int(match[0]) + 1) % 10), gold, count=1)


def _negated(gold: str) -> str:
    if _NUMBER.fullmatch(gold) and float(gold):
        return gold.removeprefix("-") if gold.startswith("-") else f"-{gold}"
    return gold


def _swapped(gold: str) -> str:
    match = _TUPLE.fullmatch(gold)
    return f"({match[2]},{match[1]})" if match and match[1].strip() != match[2].strip() else gold


def _items(gold: str) -> list[str]:
    plain = re.fullmatch(r"-?[\w.\\{}]+(?:\s*,\s*-?[\w.\\{}]+)+", gold)
    items = re.split(r"\s*,\s*", gold) if plain and not re.search(r"\d,\\|\\[!,{}]|text|_", gold) else []
    return items if len(set(items)) == len(items) else []


DIFFERENT: dict[str, Callable[[str], str]] = {
    "another digit": _digit,
    "another sign": _negated,
    "swapped": _swapped,
    "one item less": lambda gold: ", ".join(_items(gold)[:-1]) or gold,
    "one item more": lambda gold: f"{gold}, 7919" if _items(gold) else gold,
    "inverted": lambda gold: (
        rf"\frac{{{match[2]}}}{{{match[1]}}}"
        if (match := _SIMPLE.fullmatch(gold)) and match[1] != match[2] and match[1] != "0"
        else gold
    ),
    "closed": lambda gold: f"[{gold[1:]}" if re.fullmatch(r"\([^()\[\],]+,[^()\[\],]+\]", gold) else gold,
    "open": lambda gold: f"({gold[1:]}" if re.fullmatch(r"\[[^()\[\],]+,[^()\[\],]+\)", gold) else gold,
    "a variable more": lambda gold: f"{gold}x" if _NUMBER.fullmatch(gold) and float(gold) else gold,
    "plus one": lambda gold: f"{gold}+1" if re.fullmatch(r"[^,=<>]*\d[^,=<>]*", gold) and "text" not in gold else gold,
}
"""How a wrong answer may come near. What does not apply leaves the gold as it is."""


def spelled(gold: str) -> Iterator[tuple[str, str, bool]]:
    """(name, answer, right) for every way of writing a gold, or nearly it, that changes it."""
    for right, ways in ((True, SAME), (False, DIFFERENT)):
        for name, way in ways.items():
            answer = way(gold)
            if name == "itself" or answer != gold:
                yield name, answer, right
