"""Scores of a text by the classifiers that a recipe names, and where a document keeps them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from classifiers import load_model
from pipeline.errors import BadInput
from pipeline.recipe import LoadedRecipe

MATH = "math"
QUALITY = "quality"
"""The classifier of this name has the column `quality_score`; every other one an entry in `scores`."""
_DIGITS = 4


class Scorer:
    """Classifiers by name: bundled ones, or the paths of fastText models. Raises ValueError as `load_model` does."""

    def __init__(self, models: Mapping[str, str]) -> None:
        self._models = {name: load_model(model) for name, model in sorted(models.items())}

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each model."""
        return {name: model.digest for name, model in self._models.items()}

    def scores(self, text: str, known: Mapping[str, float | None] | None = None) -> dict[str, float]:
        """The score of each classifier in 0..1, rounded: the last digits differ from processor to processor.

        `known` are scores of this very text that need not be computed again.
        """
        known = known or {}
        return {
            name: round(model.score([text])[0] if (score := known.get(name)) is None else score, _DIGITS)
            for name, model in self._models.items()
        }


def further_models(loaded: LoadedRecipe) -> dict[str, str]:
    """The models of `extract.classifiers`, by name; a bundled one by its name, others by their path.

    Raises:
        BadInput: a file is not there.
    """
    named = loaded.recipe.extract.classifiers
    return {
        name: model if model == MATH else str(loaded.file(f"extract.classifiers.{name}", model))
        for name, model in sorted(named.items())
    }


def score_columns(scores: Mapping[str, float]) -> dict[str, Any]:
    """Scores of further classifiers as columns of a document: `quality_score`, where there is one, and `scores`."""
    columns: dict[str, Any] = {f"{QUALITY}_score": scores[QUALITY]} if QUALITY in scores else {}
    if others := [{"name": name, "score": scores[name]} for name in sorted(scores) if name != QUALITY]:
        columns["scores"] = others
    return columns


def stored_scores(document: Mapping[str, Any]) -> dict[str, float | None]:
    """The scores of further classifiers that a document holds, by name: what `score_columns` wrote."""
    return {QUALITY: document["quality_score"]} | {entry["name"]: entry["score"] for entry in document["scores"] or []}


def below(scores: Mapping[str, float | None], least: Mapping[str, float]) -> tuple[str, float | None] | None:
    """The first classifier, by name, whose score is lower than `least` says, and that score (None: it has none)."""
    for name, bound in sorted(least.items()):
        if (score := scores.get(name)) is None or is_below(score, bound):
            return name, score
    return None


def is_below(score: float, bound: float) -> bool:
    """Whether a score is lower than a bound in single precision, in which it is stored: 0.7 is not below 0.7 there."""
    return bool(np.float32(score) < np.float32(bound))


def refuse_unset(loaded: LoadedRecipe) -> None:
    """Refuse a threshold on a score that no classifier of the recipe and no column of an input sets: it would drop
    every document.

    Raises:
        BadInput: there is one.
    """
    given = {name for entry in loaded.recipe.inputs if entry.columns is not None for name in entry.columns.scores}
    for name, least in loaded.recipe.filter.min_scores.items():
        if name not in loaded.recipe.extract.classifiers and name not in given:
            raise BadInput(
                f"{loaded.path}: filter.min_scores.{name}: {least}: no classifier sets this score; "
                f"add extract.classifiers.{name} with the path of its model (docs/classifiers.md)"
            )
