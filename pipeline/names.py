"""Names and numbers that settings of several rooms share."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

Score = Annotated[float, Field(ge=0, le=1)]


def _free(name: str) -> str:
    if name in {"math", "language"}:
        raise ValueError(f"{name} has settings of its own (math_model, min_{name}_score); choose another name")
    return name


ClassifierName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$"), AfterValidator(_free)]
"""Name of a further classifier: small letters, digits and `_`; `math` and `language` are taken."""
