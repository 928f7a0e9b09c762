"""What is sampled, with which rubric it is scored, and who scores it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.serving.settings import Sampling, ServedModel


class AnnotateSettings(ServedModel):
    """Settings of `mathmill classifier annotate`."""

    rubric: str = "study-value"
    """A shipped rubric by name (study-value, math-share), or the path of a file in the same form."""
    documents: int = Field(default=1000, ge=1)
    """Documents to score; with more of them the former ones stay in the sample, and their answers are paid."""
    stratify: Literal["year", "crawl", "host"] | None = "year"
    """What the sample is spread over evenly: the year of the capture, the crawl, the host; null: nothing."""
    seed: int = Field(default=0, ge=0)
    """Seed of the sample."""
    chars: int = Field(default=8000, ge=200)
    """Characters of a document that are scored, from its start, cut at a paragraph and never inside a formula."""
    attempts: int = Field(default=3, ge=1)
    """Tries for a document whose answers hold no valid score: each with another seed, and told what was wrong."""
    answer_tokens: int = Field(default=512, ge=16)
    """Room for an answer."""
    sampling: Sampling = Sampling(temperature=0.0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.model:
            raise ValueError("a model is needed; add --set model=NAME, as the server knows it")
        self.refuse_no_address("annotation")
        return self
