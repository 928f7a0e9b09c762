"""The classifiers that a refined text is scored by again: those of extraction, and any that the section names."""

from pipeline.errors import BadInput
from pipeline.recipe import LoadedRecipe
from pipeline.scores import MATH, QUALITY, Scorer, further_models


def scorer(loaded: LoadedRecipe) -> Scorer:
    """The classifiers of a recipe, by name; `math` is the model that extraction used.

    Raises:
        BadInput: a classifier is not there, is no fastText model, or is called like another.
    """
    refine, extract = loaded.recipe.refine, loaded.recipe.extract
    models = further_models(loaded)
    for name, path in (refine.classifiers if refine is not None else {}).items():
        if name in {MATH, QUALITY, *models}:
            field = f"extract.{'math_model' if name == MATH else f'classifiers.{name}'}"
            raise BadInput(f"{loaded.path}: refine.classifiers: {name!r} is {field}; choose another name")
        models[name] = str(loaded.file(f"refine.classifiers.{name}", path))
    math = extract.math_model
    models[MATH] = math if math == MATH else str(loaded.file("extract.math_model", math))
    try:
        return Scorer(models)
    except ValueError as error:
        raise BadInput(f"{loaded.path}: {error}") from error
