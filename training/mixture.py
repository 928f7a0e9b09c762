"""A mixture: which tokens in which shares, how they are packed, in which order. Nothing about training.

The shipped ones stand in manifests/mixtures/. The token order is a function of what is said here and of the token
manifests named here, and of nothing else.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydantic import Field, field_validator, model_validator

import manifests
from pipeline.config import find_config, load_config
from pipeline.frozen import Frozen
from training.packing import Packing
from training.tokens import Format


class Component(Frozen):
    """One source of tokens."""

    tokens: str
    """Folder of token shards (or its tokens.json). Relative paths start at the mixture file's folder; in a shipped
    mixture, at the working directory."""
    weight: float | str = Field(union_mode="left_to_right")
    """Share of the sequences, above 0: a decimal, or a fraction such as "1/3"."""
    format: Format = "text"
    """Format that the tokens were made in; another one in the token manifest is refused."""
    repeat_cap: float | None = Field(default=None, gt=0)
    """Most passes over the component; a budget that needs more is refused. Null: no limit."""
    source: str | None = None
    """What `mathmill tokenize` makes the tokens from, with its options; told when the tokens are missing."""

    @field_validator("weight")
    @classmethod
    def _positive(cls, weight: float | str) -> float | str:
        try:
            share = Fraction(str(weight))
        except (ValueError, ZeroDivisionError):
            raise ValueError('not a number; write 0.1 or "1/3"') from None
        if share <= 0:
            raise ValueError("a weight is above 0; leave the component out")
        return weight

    @property
    def share(self) -> Fraction:
        """The weight, exactly as written."""
        return Fraction(str(self.weight))


class Mixture(Frozen):
    """Components with weights that sum to 1, and how their documents become sequences."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the mixture: letters, digits, `.`, `_`, `-`."""
    components: dict[str, Component] = Field(min_length=1)
    """The components by name."""
    sequence_length: int = Field(ge=2, le=1 << 22)
    """Tokens of a sequence that the model reads; it learns as many labels."""
    packing: Packing = "best_fit"
    """`best_fit` keeps documents whole where it can; `concatenate` lays them end to end."""
    window: int = Field(default=65_536, ge=1, le=1 << 24)
    """Documents that are packed together; the tokens of a window that fill no sequence are dropped."""
    seed: int = Field(default=0, ge=0)
    """Seed of the order of documents."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Mixture":
        total = sum(component.share for component in self.components.values())
        if total != 1:
            raise ValueError(f"the weights sum to {_decimal(total)}, not 1; change one of them")
        return self


def _decimal(value: Fraction | int) -> str:
    return f"{float(value):.10g}"


@dataclass(frozen=True)
class LoadedMixture:
    """A mixture and where it came from."""

    mixture: Mixture
    path: Path

    def resolve(self, tokens: str) -> Path:
        """Where a component's tokens stand, as an absolute path."""
        shipped = manifests.ROOT in self.path.absolute().parents
        base = Path.cwd() if shipped else self.path.parent
        return (base / Path(tokens).expanduser()).absolute()


def load_mixture(path: str | Path, overrides: tuple[str, ...] = ()) -> LoadedMixture:
    """Read a mixture file, or a shipped mixture by name; `overrides` are `components.NAME.weight=0.1` and the like.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    found = find_config("mixture", str(path))
    return LoadedMixture(load_config(Mixture, found, overrides), found)
