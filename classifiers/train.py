"""Train a classifier on labelled texts.

Texts are cut into pieces of the lengths that pages have, normalised as pages will be, and given to fastText in a fresh
process. Equal data and settings give an equal model file. Whole sources are held out; beside the model stand they, and
its card with the figures on them.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from classifiers.card import Calibration, Card, card_path, held_out_path, write_card
from classifiers.dataset import Labelled, cut_at, hold_out, training_pieces, write_labelled
from classifiers.evaluate import evaluate_model
from classifiers.fit import fit
from classifiers.model import Model, file_digest
from classifiers.normalise import NORMALISER, normalise
from classifiers.settings import TrainSettings

GENERAL_WORDS = Path(__file__).parent / "seed" / "general_words.txt"
_FEWEST_STRIPPED = 12
_NAMED_SOURCES = 50


class DataFile(NamedTuple):
    """A file of labelled texts: its name, bytes and digest."""

    file: str
    bytes: int
    xxh3_128: str


def training_lines(rows: Sequence[Labelled], settings: TrainSettings) -> list[str]:
    """fastText's input: `__label__L tokens`, the two sides of equal weight, in a seeded order."""
    others = sorted({row.label for row in rows} - {settings.positive})
    general = frozenset(GENERAL_WORDS.read_text(encoding="utf-8").split())
    rng = random.Random(settings.seed)
    lines: dict[bool, list[str]] = {True: [], False: []}
    for piece in training_pieces(rows, settings.piece_chars, settings.pieces_per_source):
        tokens, positive = normalise(piece.text), piece.label == settings.positive
        if tokens:
            lines[positive].append(f"__label__{piece.label} {tokens}")
        if not positive and rng.random() < settings.scrap_share:
            words = tokens.split()
            start = rng.randrange(max(len(words), 1))
            lines[False].append(f"__label__{piece.label} {' '.join(words[start : start + rng.randint(0, 5)])}")
        if positive and others and rng.random() < settings.stripped_share:
            stripped = [token for token in tokens.split() if token in general]
            if len(stripped) >= _FEWEST_STRIPPED:
                lines[False].append(f"__label__{others[0]} {' '.join(stripped)}")
    if not (lines[True] and others):
        found = ", ".join(sorted({row.label for row in rows})) or "none"
        raise ValueError(
            f"training needs texts labelled {settings.positive!r} (the setting `positive`) and texts of another label; "
            f"the labels are: {found}"
        )
    more = max(len(side) for side in lines.values())
    balanced = []
    for side in lines.values():
        rng.shuffle(side)
        balanced += [side[index % len(side)] for index in range(more)]
    rng.shuffle(balanced)
    return balanced


def train(rows: Sequence[Labelled], out: Path, settings: TrainSettings, data: Sequence[DataFile] = ()) -> Card:
    """Train on `rows` and write the model to `out`, its card and the texts held out beside it.

    `data` says where the rows are from.

    Raises:
        ValueError: a label or, with `cut`, every score is missing. RuntimeError: fastText failed.
    """
    if settings.cut is not None and all(row.score is None for row in rows):
        raise ValueError(f"cut: {settings.cut}: no text has a `score`; take it out, and their labels count")
    rows = cut_at(rows, settings.cut, settings.positive)
    taught, held = hold_out(rows, settings.held_out, settings.seed)
    with tempfile.TemporaryDirectory(prefix="mathmill-train-") as folder:
        lines = Path(folder) / "lines.txt"
        lines.write_text("\n".join(training_lines(taught, settings)) + "\n", encoding="utf-8")
        fit(lines, out, settings)
    card = Card(
        name=out.stem,
        label=f"__label__{settings.positive}",
        normaliser=NORMALISER,
        calibration=Calibration(),
        xxh3_128=file_digest(out),
        cut=settings.cut,
        training={
            "settings": settings.model_dump(mode="json"),
            "data": [file._asdict() for file in data],
            "texts": _counts(taught),
            "held_out": _counts(held),
        },
    )
    held_out_path(out).unlink(missing_ok=True)
    write_card(card_path(out), card)
    if held:
        write_labelled(held_out_path(out), held)
        card = card.model_copy(update={"evaluation": evaluate_model(Model(out), held).as_json()})
        write_card(card_path(out), card)
    return card


def describe(paths: Iterable[Path]) -> list[DataFile]:
    """Name, size and digest of data files."""
    return [DataFile(path.name, path.stat().st_size, file_digest(path)) for path in paths]


def _counts(rows: Sequence[Labelled]) -> dict[str, int]:
    """Texts by label and source; of many sources the largest, and the others of a label together."""
    counts = Counter((row.label, row.source) for row in rows)
    named = {key for key, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_NAMED_SOURCES]}
    texts: Counter[str] = Counter()
    for (label, source), count in counts.items():
        texts[f"{label}/{source}" if (label, source) in named else f"{label}, other sources"] += count
    return dict(sorted(texts.items()))
