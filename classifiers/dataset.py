"""Labelled texts: reading them, holding sources out, and cutting texts into pieces of the lengths that pages have."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xxhash


class Labelled(NamedTuple):
    """A text, its label, and the source that it comes from (evaluation holds whole sources out)."""

    text: str
    label: str
    source: str
    year: str = ""
    """Of the capture, where it is known."""
    tokens: int | None = None
    """Of the whole page, where somebody has counted them."""
    weight: float = 1.0
    """How many pages of the corpus the text stands for, where it was sampled."""
    score: float | None = None
    """Of a rubric, where a model or a person gave one."""


def read_labelled(paths: Iterable[Path]) -> Iterator[Labelled]:
    """Rows of JSONL files, those of `mathmill classifier annotate` among them.

    Each is an object with `text`, `label` and, unless the file's name is to serve, `source`; `year`, `tokens`, `weight`
    and `score` may be there.

    Raises:
        ValueError: a row is malformed; the message names file, line and what is expected.
    """
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                where = f"{path}:{number}"
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise ValueError(f"{where}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise ValueError(f"{where}: expected an object, got {line[:60]!r}")
                yield _labelled(row, path.stem, where, line)


def _labelled(row: dict[str, Any], stem: str, where: str, line: str) -> Labelled:
    text, label, source = row.get("text"), row.get("label"), row.get("source") or stem
    if not (isinstance(text, str) and isinstance(label, str) and label and isinstance(source, str)):
        raise ValueError(f"{where}: expected strings `text` and `label`, got {line[:60]!r}")
    if any(character.isspace() for character in label):
        raise ValueError(f"{where}: label {label!r} holds white space; use a single word")
    score, weight, tokens = row.get("score"), row.get("weight", 1.0), row.get("tokens")
    for name, value in (("score", score), ("weight", weight), ("tokens", tokens)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{where}: {name}: {value!r} is no number")
    return Labelled(text, label, source, str(row.get("year") or ""), tokens, weight or 1.0, score)


def cut_at(rows: Sequence[Labelled], cut: int | None, positive: str) -> list[Labelled]:
    """Rows labelled by their scores: `positive` from `cut` on, `other` below; as they are where `cut` is None.

    Rows without a score keep their label.
    """
    if cut is None:
        return list(rows)
    return [row if row.score is None else row._replace(label=positive if row.score >= cut else "other") for row in rows]


def write_labelled(path: Path, rows: Iterable[Labelled]) -> None:
    """Write rows as `read_labelled` reads them; on return the file is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows)
    temporary.replace(path)


def hold_out(rows: Sequence[Labelled], share: float, seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """Rows to learn from, and rows of whole sources, at most `share` of all, that are held out; both in their order.

    Sources come in an order that depends on the seed and their names alone. One that would exceed the share is passed
    over, and so is one without which a label would have no text left to learn from.
    """
    left = Counter(row.label for row in rows)
    sources: dict[str, Counter[str]] = {}
    for row in rows:
        sources.setdefault(row.source, Counter())[row.label] += 1
    held: set[str] = set()
    room = int(share * len(rows))
    for source in sorted(sources, key=lambda name: (xxhash.xxh3_64_intdigest(f"{seed} {name}"), name)):
        texts = sources[source]
        if texts.total() <= room and all(left[label] > count for label, count in texts.items()):
            held.add(source)
            room -= texts.total()
            left -= texts
    return [row for row in rows if row.source not in held], [row for row in rows if row.source in held]


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
