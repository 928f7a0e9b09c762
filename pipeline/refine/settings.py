"""The `refine` section of a recipe: who rewrites, how it is asked, and what is accepted."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.frozen import Frozen
from pipeline.refine.guard import GuardSettings
from pipeline.serving.settings import ServedModel


class Prices(Frozen):
    """What a hosted model costs, for the report. Any currency, the same in both fields."""

    input_per_million: float = Field(ge=0)
    """Price of a million prompt tokens."""
    output_per_million: float = Field(ge=0)
    """Price of a million generated tokens."""


class RefineSettings(ServedModel):
    """Rewriting by a language model, each rewrite checked; or editing by rules, offline."""

    backend: Literal["rules", "openai"] = "rules"
    """`rules` is a deterministic editor and no model; `openai` any server with OpenAI's chat completions."""
    prompt: str = "web-pro"
    """A shipped prompt by name (web-pro, web-pro-max, clean-only, question-answer, chain-of-thought), or a file."""
    context_tokens: int | None = Field(default=None, ge=512)
    """Tokens of prompt and answer together; null: as `/v1/models` says, else 8192."""
    output_tokens: int = Field(default=1024, ge=1)
    """Least room for an answer; a longer part gets half a token for each of its bytes."""
    attempts: int = Field(default=3, ge=1)
    """Tries for a document: the second with another seed, further ones also with smaller parts."""
    otherwise: Literal["keep_original", "drop"] = "keep_original"
    """What becomes of a document whose last try is refused."""
    guard: GuardSettings = GuardSettings()
    """Thresholds of the guard."""
    classifiers: dict[str, str] = Field(default_factory=dict)
    """Further fastText classifiers (name to path): each text is scored before and after."""
    prices: Prices | None = None
    """What tokens cost; null: the report has tokens and GPU hours."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.backend == "rules":
            if self.model or self.base_url or self.server:
                raise ValueError("the backend `rules` is no model; take out model, base_url and server, or set openai")
            return self
        if not self.model:
            raise ValueError("the backend `openai` needs a model; add it")
        self.refuse_no_address("the backend `openai`")
        return self
