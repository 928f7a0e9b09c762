"""Train a classifier on labelled texts: `python -m classifiers.train DATA.jsonl … --out model.ftz`.

Texts are cut into pieces of the lengths that pages have, normalised as pages will be, and given to fastText in a fresh
process. Equal data and settings give an equal model file. Beside the model stands its card.
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from classifiers.card import Calibration, Card
from classifiers.dataset import Labelled, read_labelled, training_pieces
from classifiers.fit import fit
from classifiers.model import file_digest
from classifiers.normalise import NORMALISER, normalise
from classifiers.settings import TrainSettings

GENERAL_WORDS = Path(__file__).parent / "seed" / "general_words.txt"
_FEWEST_STRIPPED = 12


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
        raise ValueError(f"training needs texts labelled {settings.positive!r} and texts of another label")
    more = max(len(side) for side in lines.values())
    balanced = []
    for side in lines.values():
        rng.shuffle(side)
        balanced += [side[index % len(side)] for index in range(more)]
    rng.shuffle(balanced)
    return balanced


def train(rows: Sequence[Labelled], out: Path, settings: TrainSettings) -> Card:
    """Train on `rows`, write the model to `out` and its card beside it.

    Raises:
        ValueError: a label is missing. RuntimeError: fastText failed.
    """
    with tempfile.TemporaryDirectory(prefix="mathmill-train-") as folder:
        lines = Path(folder) / "lines.txt"
        lines.write_text("\n".join(training_lines(rows, settings)) + "\n", encoding="utf-8")
        fit(lines, out, settings)
    texts = Counter(f"{row.label}/{row.source}" for row in rows)
    card = Card(
        name=out.stem,
        label=f"__label__{settings.positive}",
        normaliser=NORMALISER,
        calibration=Calibration(),
        xxh3_128=file_digest(out),
        training={"settings": settings.model_dump(mode="json"), "texts": dict(sorted(texts.items()))},
    )
    out.with_suffix(".json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA.jsonl", help="lines with text, label and source")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the .ftz (small) or .bin to write")
    parser.add_argument("--settings", default="{}", metavar="JSON", help="changes to the settings, as a JSON object")
    arguments = parser.parse_args()
    settings = TrainSettings.model_validate(json.loads(arguments.settings))
    card = train(list(read_labelled(arguments.data)), arguments.out, settings)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, xxh3_128 {card.xxh3_128}")


if __name__ == "__main__":
    main()
