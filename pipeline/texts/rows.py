"""A row of a data set, as it is read: whatever stands in its columns, or why it cannot be read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Other(NamedTuple):
    """A value of a kind that no field takes."""

    kind: str


@dataclass(slots=True)
class Row:
    """`number` counts from 0; of JSON lines it is the line's. A stretch that cannot be read is one row of its first."""

    number: int
    done: int
    """Bytes of the file behind which it stands."""
    values: dict[str, Any] = field(default_factory=dict)
    """Field (`pipeline.texts.columns`) to value: text that is not UTF-8 as bytes, what no field takes as `Other`."""
    reason: str | None = None
    value: str | None = None


class Rows(ABC):
    """The rows of a file; what befell the file itself is known when all are read."""

    status: str = "ok"
    error: str | None = None
    xxh3_128: str | None = None
    """Digest of the file where it was read whole."""

    @abstractmethod
    def __iter__(self) -> Iterator[Row]:
        """Every row in order, in bounded memory. OSError of the file's reads propagates."""
