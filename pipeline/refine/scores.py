"""Scores of a text before and after: the recipe's math model, and any further classifier that it names."""

from typing import Any

from classifiers import load_model
from pipeline.errors import BadInput
from pipeline.recipe import LoadedRecipe

MATH = "math"


class Scorer:
    """The classifiers of a recipe, by name; `math` is the model that extraction used."""

    def __init__(self, loaded: LoadedRecipe) -> None:
        """Load them.

        Raises:
            BadInput: a classifier is not there, is no fastText model, or is called like another.
        """
        refine = loaded.recipe.refine
        further = refine.classifiers if refine is not None else {}
        math = loaded.recipe.extract.math_model
        if MATH in further:
            raise BadInput(f"{loaded.path}: refine.classifiers: {MATH!r} is extract.math_model; choose another name")
        self._models: dict[str, Any] = {}
        fields = {MATH: ("extract.math_model", math)}
        fields |= {name: (f"refine.classifiers.{name}", path) for name, path in sorted(further.items())}
        for name, (field, path) in fields.items():
            source = path if path == MATH else loaded.file(field, path)
            try:
                self._models[name] = load_model(source)
            except ValueError as error:
                raise BadInput(f"{loaded.path}: {field}: {error}") from error

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each model."""
        return {name: model.digest for name, model in self._models.items()}

    def scores(self, text: str, math_score: float | None = None) -> dict[str, float]:
        """The score of each classifier, rounded: the last digits differ from processor to processor.

        `math_score` is that of extraction, where the text is still the same: it need not be computed again.
        """
        known = {} if math_score is None else {MATH: round(math_score, 4)}
        return known | {
            name: round(model.score([text])[0], 4) for name, model in self._models.items() if name not in known
        }
