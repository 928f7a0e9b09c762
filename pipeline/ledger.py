"""The ledger: every record that went in is kept or dropped, by reason; it balances or the build fails."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import model_validator

from pipeline.frozen import Frozen


class Ledger(Frozen):
    """Totals of a part or a stage; `records_in == kept + Σ dropped` holds on construction.

    Raises:
        ValueError: the ledger does not balance.
    """

    records_in: int
    kept: int
    dropped: dict[str, int]
    written: int | None = None
    """Documents written, where a stage makes several of one or none; null: one for each that was kept."""

    @model_validator(mode="after")
    def _balanced(self) -> "Ledger":
        total = self.kept + sum(self.dropped.values())
        if self.records_in != total:
            raise ValueError(f"ledger does not balance: in {self.records_in}, kept + dropped {total}: {self.dropped}")
        return self

    def as_json(self) -> dict[str, Any]:
        """The form on disk: `in`, `kept`, `written` where set, `dropped` with reasons in alphabetical order."""
        written = {} if self.written is None else {"written": self.written}
        return {"in": self.records_in, "kept": self.kept, **written, "dropped": dict(sorted(self.dropped.items()))}

    def in_words(self) -> str:
        """The ledger in a line, its most frequent reasons named."""
        reasons = sorted(self.dropped.items(), key=lambda item: (-item[1], item[0]))
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in reasons[:6]) or "none"
        more = f" and {len(reasons) - 6} more reasons" if len(reasons) > 6 else ""
        return f"in {self.records_in:,}, kept {self.kept:,}; dropped: {dropped}{more}"

    @property
    def rows(self) -> int:
        """Documents that the next stage reads."""
        return self.kept if self.written is None else self.written

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Ledger":
        """Read the form on disk."""
        return cls(records_in=value["in"], kept=value["kept"], dropped=value["dropped"], written=value.get("written"))

    @classmethod
    def total(cls, ledgers: Iterable["Ledger"]) -> "Ledger":
        """The sum of ledgers, part by part."""
        records_in = kept = rows = 0
        dropped: Counter[str] = Counter()
        for ledger in ledgers:
            records_in += ledger.records_in
            kept += ledger.kept
            rows += ledger.rows
            dropped.update(ledger.dropped)
        return cls(records_in=records_in, kept=kept, dropped=dict(dropped), written=None if rows == kept else rows)


class Tally:
    """Counts while a part runs; `ledger()` closes it."""

    def __init__(self) -> None:
        self.records_in = 0
        self.kept = 0
        self.written: int | None = None
        self.dropped: Counter[str] = Counter()

    def ledger(self) -> Ledger:
        """The balanced ledger of what was counted."""
        return Ledger(records_in=self.records_in, kept=self.kept, written=self.written, dropped=dict(self.dropped))
