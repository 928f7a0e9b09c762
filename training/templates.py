"""Prompt templates for rollouts and evaluation: files with a `{question}`, stop strings and an exemplar for shots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field, field_validator

from pipeline.config import find_config, load_config
from pipeline.files import digest
from pipeline.frozen import Frozen


class Template(Frozen):
    """How a question becomes a prompt."""

    prompt: str
    """Text with one `{question}`; everything else stands as it is."""
    exemplar: str | None = None
    """What follows `prompt` in a worked example, with one `{solution}`; null: the template takes no examples."""
    stop: tuple[str, ...] = Field(default=())
    """Strings that end a response: turn markers."""

    @field_validator("prompt")
    @classmethod
    def _asks(cls, value: str) -> str:
        if value.count("{question}") != 1:
            raise ValueError("has to hold {question} once")
        return value

    @field_validator("stop")
    @classmethod
    def _ends(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("holds an empty string, which would end every response; leave it out")
        return value

    @field_validator("exemplar")
    @classmethod
    def _shows(cls, value: str | None) -> str | None:
        if value is not None and value.count("{solution}") != 1:
            raise ValueError("has to hold {solution} once")
        return value


class Worked(Protocol):
    """A question with its worked solution."""

    @property
    def question(self) -> str:
        """The question."""

    @property
    def solution(self) -> str | None:
        """Its solution."""


@dataclass(frozen=True)
class LoadedTemplate:
    """A template by name; `digest` names its content in tables and rows."""

    name: str
    template: Template
    digest: str

    def render(self, question: str, exemplars: Sequence[Worked] = ()) -> str:
        """The prompt of a question, worked examples first."""
        shown = "".join(
            self.template.prompt.replace("{question}", item.question)
            + (self.template.exemplar or "").replace("{solution}", item.solution or "")
            for item in exemplars
        )
        return shown + self.template.prompt.replace("{question}", question)


def load_template(name: str) -> LoadedTemplate:
    """A shipped template by name, or a template file by path.

    Raises:
        BadInput: there is none, or it lacks its placeholder.
    """
    path = find_config("template", name)
    template = load_config(Template, path)
    return LoadedTemplate(path.stem, template, digest(template.model_dump())[:12])
