"""The card of a model: what it needs to be used rightly, beside the model file as JSON."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Calibration(BaseModel):
    """score = sigmoid(scale · logit(p) + offset), for a fastText probability p of the positive label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(default=1.0, gt=0)
    """Slope over the log-odds; below 1 it tempers an overconfident model."""
    offset: float = 0.0
    """Shift of the log-odds; it moves the point that becomes 0.5."""


class Card(BaseModel):
    """What a model file needs beside it. `<model>.json` stands beside `<model>.ftz` or `<model>.bin`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name of the model."""
    label: str = "__label__math"
    """The fastText label whose probability is the score."""
    normaliser: str
    """Digest of the normaliser behind which the model was trained (`classifiers.normalise.NORMALISER`)."""
    calibration: Calibration = Calibration()
    """From probability to score."""
    xxh3_128: str
    """Digest of the model file that this card describes."""
    cut: int | None = None
    """Lowest score of an annotated text that was `label`; null: texts were trained on by the labels that they had."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Settings, files and sources of the training run; for the reader."""
    evaluation: dict[str, Any] | None = None
    """Figures over the texts held out, of calibrated scores (`classifiers.evaluate`); for the reader."""


def card_path(model: Path) -> Path:
    """Where the card of a model file stands."""
    return model.with_suffix(".json")


def held_out_path(model: Path) -> Path:
    """Where the texts are that were held out when a model was trained."""
    return model.with_suffix(".held-out.jsonl")


def write_card(path: Path, card: Card) -> None:
    """Write a card; on return it is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_card(path: Path) -> Card:
    """The card at `path`.

    Raises:
        ValueError: it is not a card; the message names the file, the field and the value.
    """
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{path}: {field}: {first['msg']} (got {str(first['input'])[:80]!r})") from error
