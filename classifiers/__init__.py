"""Text classifiers: mathematics, and the kit that trains such a model. Language is in `classifiers.language`."""

from classifiers.model import Model, load_model

__all__ = ["Model", "load_model"]
