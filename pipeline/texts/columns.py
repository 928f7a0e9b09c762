"""Which column of a row says what."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from pipeline.frozen import Frozen
from pipeline.names import ClassifierName


def _names(value: Any) -> Any:
    """One name stands for itself, null for none."""
    if isinstance(value, str):
        return (value,)
    return tuple(value or ()) if value is None or isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""Columns of which the first that is there counts; a dot reaches inside (`metadata.url`). None: nothing is read."""


class ScoreColumn(Frozen):
    """A column of scores; a plain string stands for `column`."""

    column: str
    highest: float = Field(default=1.0, gt=0)
    """What the data set takes for the best: scores are divided by it, to lie in 0..1."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data


class Columns(Frozen):
    """The columns of a data set. A value of another kind than its field's counts as null, the text's apart."""

    text: Names = ("text", "content")
    """The text, kept as it is."""
    html: Names = ()
    """A page's HTML, extracted as the pages of a WARC are; the text is then not read."""
    id: Names = ("id",)
    """Taken over where it is 32 hex digits or a UUID."""
    url: Names = ("url", "metadata.url")
    date: Names = ("date", "timestamp", "metadata.date")
    """A timestamp, or text in ISO 8601; without a zone it is UTC."""
    title: Names = ("title",)
    crawl: Names = ("crawl",)
    language: Names = ("language", "lang", "metadata.language")
    """ISO 639-1, in lower case. It counts together with its score or not at all."""
    language_score: Names = ("language_score", "lang_score", "metadata.language_score")
    math_score: Names = ("math_score",)
    """Scores lie in 0..1; others count as null."""
    parent: Names = ("parent",)
    extractor: Names = ("extractor",)
    refiner: Names = ("refiner",)
    scores: dict[ClassifierName, ScoreColumn] = Field(
        default_factory=lambda: {"quality": ScoreColumn(column="quality_score")}
    )
    """Further scores to keep, by name; those of `extract.classifiers` are computed all the same."""

    def wanted(self) -> dict[str, tuple[str, ...]]:
        """Field to the columns that may hold it; a further score's field is `scores.` and its name."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "scores"}
        if self.html:
            fields["text"] = ()
        return {**fields, **{f"scores.{name}": (score.column,) for name, score in self.scores.items()}}


def reach(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of some columns that a row has; None without any."""
    for name in names:
        if name in row:
            return row[name]
        value: Any = row
        for key in name.split("."):
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            return value
    return None


def leaves(fields: Iterable[tuple[str, Any]], prefix: str = "") -> Iterator[str]:
    """The names of all columns of a schema, those inside structs with a dot; `fields` are (name, Arrow type)."""
    import pyarrow as pa

    for name, kind in fields:
        yield prefix + name
        if pa.types.is_struct(kind):
            yield from leaves(((field.name, field.type) for field in kind), f"{prefix}{name}.")
