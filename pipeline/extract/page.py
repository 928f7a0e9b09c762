"""What goes through the fence: a page or text in, its analysis or the reason why it gives no document out."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.extract.limits import Limits


class PageInput(NamedTuple):
    """A page as it was served. `charset` is the one of the HTTP header."""

    html: bytes
    url: str
    charset: str | None

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return len(self.html)


class TextInput(NamedTuple):
    """A text that needs no extraction, with what its source says of it already; None is found out."""

    text: str
    url: str
    language: str | None
    language_score: float | None
    math_score: float | None

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return len(self.text)


class Analysis(NamedTuple):
    """What a page or text says. The scores lie in 0..1; `language` is an ISO 639-1 code;
    `further` holds those of the recipe's further classifiers by name."""

    text: str
    title: str
    formulas: int
    language: str
    language_score: float
    math_score: float
    further: dict[str, float]


class Refused(NamedTuple):
    """A page that gives no document: the ledger reason, the value that decided, and whether another run may differ."""

    reason: str
    value: str
    nondeterministic: bool = False


@dataclass(frozen=True)
class AnalyserSettings:
    """What the analysis of a page depends on; model paths are absolute, or name a bundled model."""

    limits: Limits
    language_model: str | None
    math_model: str
    classifiers: dict[str, str]
    min_math_score: float
    cpu_limit_s: int
    memory_limit_bytes: int
