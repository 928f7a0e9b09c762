"""What became of the tokens of each component, in whole numbers that add up."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ComponentLedger:
    """Counts of one component. `seen == sequences × length == trained + masked`.

    After whole passes, `seen + dropped == passes × tokens` of the component.
    """

    sequences: int = 0
    seen: int = 0
    """Tokens read by the model."""
    trained: int = 0
    """Of these, how many had a label that counts in the loss."""
    masked: int = 0
    """Of these, how many had none: the last of a document, and those before an untrained token."""
    dropped: int = 0
    """Tokens that filled no sequence, of the windows finished."""
    repeats: int = 0
    """Tokens of `seen` in a second or later pass."""

    def __add__(self, other: "ComponentLedger") -> "ComponentLedger":
        mine, theirs = asdict(self), asdict(other)
        return ComponentLedger(**{name: mine[name] + theirs[name] for name in mine})

    def check(self, sequence_length: int) -> None:
        """Raise ValueError when the counts do not add up."""
        if not self.seen == self.sequences * sequence_length == self.trained + self.masked:
            raise ValueError(f"the ledger does not add up at {sequence_length} tokens a sequence: {self}")


Ledger = dict[str, ComponentLedger]
"""By component."""


def add(one: Ledger, other: Ledger) -> Ledger:
    """The sum of two ledgers of the same components."""
    assert one.keys() == other.keys()
    return {name: one[name] + other[name] for name in one}
