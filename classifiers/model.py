"""A text classifier: a fastText model and its card, giving scores in 0..1."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import xxhash

from classifiers.card import Calibration, card_path, read_card
from classifiers.normalise import NORMALISER, excerpt, normalise

BUNDLED = Path(__file__).parent / "models"
DEFAULT_LABEL = "__label__math"
_MAX_LOG_ODDS = 12.0  # fastText tabulates its sigmoid and exponentials in single precision: beyond is noise


def file_digest(path: Path) -> str:
    """xxh3_128 (32 hex digits) of a file's bytes."""
    hasher = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()


def open_fasttext(path: Path) -> Any:
    """The native fastText model at `path` (its `predict(line, k, threshold, on_unicode_error)` gives (score, label)).

    Raises:
        ValueError: no such file, or not a fastText model.
    """
    import fasttext  # numpy comes with it: only who scores pays for that

    if not path.is_file():
        raise ValueError(f"{path}: no such model file; give a bundled name or the path of a fastText .bin or .ftz")
    try:
        return fasttext.FastText._FastText(str(path)).f
    except (ValueError, RuntimeError, MemoryError, IndexError) as error:
        raise ValueError(f"{path}: not a fastText model: {error}") from error


def plain(text: str) -> str:
    """The excerpt of a page on one line, otherwise as it is: what a model without a card is given."""
    return " ".join(excerpt(text).encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split())


class Model:
    """Scores texts. `digest` covers the model file and whatever else of its card decides a score."""

    def __init__(self, path: Path, label: str | None = None) -> None:
        self.path = path
        self.name = path.stem
        self.cut: int | None = None
        self.digest = file_digest(path) if path.is_file() else ""
        beside = card_path(path)
        self._calibration, self._prepare = Calibration(), plain
        if beside.is_file():
            card = read_card(beside)
            if card.xxh3_128 != self.digest:
                raise ValueError(f"{beside}: xxh3_128: describes {card.xxh3_128}, but {path.name} is {self.digest}")
            if card.normaliser != NORMALISER:
                raise ValueError(
                    f"{beside}: normaliser: the model was trained behind {card.normaliser}, this program has "
                    f"{NORMALISER}; train it again"
                )
            self.name, self.cut, self._calibration, self._prepare = card.name, card.cut, card.calibration, normalise
            label = label or card.label
            self.digest = xxhash.xxh3_128_hexdigest(f"{self.digest} {NORMALISER} {card.calibration!r}")
        self.label = label or DEFAULT_LABEL
        self._fasttext = open_fasttext(path)
        labels = self._fasttext.getLabels("strict")[0]
        if self.label not in labels:
            raise ValueError(f"{path}: no label {self.label!r}; it has {', '.join(sorted(labels)[:8])}")
        self._num_labels = len(labels)

    def score(self, texts: list[str]) -> list[float]:
        """Score of each text in 0..1; 0 for a text without tokens. A text's score does not depend on the others."""
        return [self._score(text) for text in texts]

    def probability(self, text: str) -> float:
        """fastText's own probability of the label, before calibration; 0 for a text without tokens."""
        line = self._prepare(text)
        if not line:
            return 0.0
        predicted = self._fasttext.predict(line + "\n", self._num_labels, 0.0, "strict")
        # A probability can exceed 1 by a rounding error.
        return min(max(next((float(p) for p, label in predicted if label == self.label), 0.0), 0.0), 1.0)

    def _score(self, text: str) -> float:
        probability = self.probability(text)
        return calibrated(probability, self._calibration) if probability else 0.0


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), bounded for the probabilities 0 and 1."""
    bound = 1.0 / (1.0 + math.exp(_MAX_LOG_ODDS))
    probability = min(max(probability, bound), 1.0 - bound)
    return math.log(probability / (1.0 - probability))


def calibrated(probability: float, calibration: Calibration) -> float:
    """The score of a probability."""
    if calibration == Calibration():
        return probability
    return 1.0 / (1.0 + math.exp(-(calibration.scale * log_odds(probability) + calibration.offset)))


@cache
def _load(path: Path, label: str | None) -> Model:
    return Model(path, label)


def load_model(name: str | Path, label: str | None = None) -> Model:
    """A bundled model by name ("math"), or a fastText model by path, kept for the life of the process.

    A model with a card (`<model>.json` beside it) is given normalised text and its scores are calibrated; one without
    is given the page's own words on one line. `label` is the positive label: by default the card's, or `__label__math`.

    Raises:
        ValueError: no such model, not a fastText model, no such label, or a card that does not fit.
    """
    bundled = BUNDLED / f"{name}.ftz"
    return _load(bundled if bundled.is_file() else Path(name).resolve(), label)
