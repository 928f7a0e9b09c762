"""Labelled texts: reading them, and cutting them into pieces of the lengths that pages have."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import xxhash


class Labelled(NamedTuple):
    """A text, its label, and the source that it comes from (evaluation holds whole sources out)."""

    text: str
    label: str
    source: str


def read_labelled(paths: Iterable[Path]) -> Iterator[Labelled]:
    """Rows of JSONL files: objects with `text`, `label` and, unless the file's name is to serve, `source`.

    Raises:
        ValueError: a row is malformed; the message names file, line and what is expected.
    """
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise ValueError(f"{path}:{number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise ValueError(f"{path}:{number}: expected an object, got {line[:60]!r}")
                text, label, source = row.get("text"), row.get("label"), row.get("source", path.stem)
                if not (isinstance(text, str) and isinstance(label, str) and label and isinstance(source, str)):
                    raise ValueError(f"{path}:{number}: expected strings `text` and `label`, got {line[:60]!r}")
                if any(character.isspace() for character in label):
                    raise ValueError(f"{path}:{number}: label {label!r} holds white space; use a single word")
                yield Labelled(text, label, source)


def pieces(text: str, lengths: Sequence[int], first: int = 0) -> Iterator[str]:
    """The text in consecutive pieces, `lengths` characters long in turn, beginning with the length number `first`.

    A piece ends at a paragraph, line or word where one ends in its last third. A rest shorter than half the smallest
    length is left out, unless it is the whole text.
    """
    at, turn = 0, first
    while at < len(text):
        length = lengths[turn % len(lengths)]
        end = min(at + length, len(text))
        if end < len(text):
            floor = at + 2 * length // 3
            cuts = (text.rfind(mark, floor, end) for mark in ("\n\n", "\n", " "))
            end = next((cut for cut in cuts if cut > floor), end)
        piece = text[at:end].strip()
        if piece and (at == 0 or len(piece) >= min(lengths) // 2):
            yield piece
        at, turn = end, turn + 1


def training_pieces(rows: Iterable[Labelled], lengths: Sequence[int], per_source: int) -> list[Labelled]:
    """Pieces of all rows, at most `per_source` of a source; which ones depends on their text alone."""
    by_source: dict[str, dict[str, Labelled]] = {}
    for row in rows:
        first = xxhash.xxh3_64_intdigest(row.text) % len(lengths)
        pool = by_source.setdefault(f"{row.source} {row.label}", {})
        for piece in pieces(row.text, lengths, first):
            pool.setdefault(xxhash.xxh3_128_hexdigest(piece), Labelled(piece, row.label, row.source))
    return [pool[key] for _, pool in sorted(by_source.items()) for key in sorted(pool)[:per_source]]
