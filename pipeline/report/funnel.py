"""The funnel: from records to pages to the corpus, with every reason on the way. Figures are the ledgers' alone."""

from dataclasses import dataclass
from typing import Any

from pipeline.shard.manifest import Manifest

NOT_PAGES = frozenset({"not_response", "revisit", "http_status", "content_type"})
"""Reasons of records that are no pages. A crawl is full of them, so they stand apart and the funnel starts at pages.

Damaged records (`corrupt`, `truncated`, `too_large`, `unreadable_http`) may have been pages: they count as such."""


@dataclass(frozen=True)
class Reason:
    """A reason and its documents; `share` is of what its stage read, `of_pages` of all pages (0..1)."""

    name: str
    count: int
    share: float
    of_pages: float
    start: float
    """Where its bar begins, as a share of all pages: behind what was kept, each reason after the one before."""


@dataclass(frozen=True)
class Step:
    """A stage in the funnel: pages in and kept, and reasons, the most frequent first."""

    stage: str
    pages_in: int
    kept: int
    of_pages: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Funnel:
    """Records and the pages among them, then the stages."""

    records: int
    not_pages: tuple[Reason, ...]
    pages: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Balance:
    """A stage's ledger and whether it adds up: in itself, and with the stage before (None for the first)."""

    stage: str
    folder: str
    records_in: int
    kept: int
    dropped: int
    reasons: tuple[tuple[str, int], ...]
    balances: bool
    joins: bool | None


def funnel(manifest: Manifest) -> Funnel:
    """The funnel of a corpus."""
    ledgers = [(stage.name, stage.ledger) for stage in manifest.stages]
    first: dict[str, Any] = ledgers[0][1] if ledgers else {"in": 0, "kept": 0, "dropped": {}}
    records = first["in"]
    apart = {name: count for name, count in first["dropped"].items() if name in NOT_PAGES}
    pages = records - sum(apart.values())
    steps = []
    for number, (stage, ledger) in enumerate(ledgers):
        dropped = {name: count for name, count in ledger["dropped"].items() if number or name not in NOT_PAGES}
        pages_in = pages if number == 0 else ledger["in"]
        reasons = _reasons(dropped, pages_in, pages, ledger["kept"])
        steps.append(Step(stage, pages_in, ledger["kept"], share(ledger["kept"], pages), reasons))
    return Funnel(records, _reasons(apart, records, records, 0), pages, tuple(steps))


def _reasons(dropped: dict[str, int], read: int, pages: int, kept: int) -> tuple[Reason, ...]:
    reasons, start = [], kept
    for name, count in sorted(dropped.items(), key=lambda item: (-item[1], item[0])):
        if count:
            reasons.append(Reason(name, count, share(count, read), share(count, pages), share(start, pages)))
            start += count
    return tuple(reasons)


def balances(manifest: Manifest) -> list[Balance]:
    """Every stage's ledger, checked."""
    found = []
    given: int | None = None
    for stage in manifest.stages:
        ledger = stage.ledger
        dropped = sum(ledger["dropped"].values())
        reasons = tuple(sorted(ledger["dropped"].items(), key=lambda item: (-item[1], item[0])))
        whole = ledger["in"] == ledger["kept"] + dropped
        joins = None if given is None else ledger["in"] == given
        found.append(Balance(stage.name, stage.folder, ledger["in"], ledger["kept"], dropped, reasons, whole, joins))
        given = ledger.get("written", ledger["kept"])
    return found


def share(part: int, whole: int) -> float:
    """part / whole, and 0 of nothing."""
    return part / whole if whole else 0.0
