"""Limits of the extractor: how much of a page is too much. All are deterministic, and each is a ledger reason."""

from pydantic import Field, PositiveInt

from pipeline.frozen import Frozen


class LimitExceeded(Exception):
    """A page passed a limit: `reason` is the ledger reason, `value` the figure that passed it."""

    def __init__(self, reason: str, value: object) -> None:
        super().__init__(f"{reason}: {value}")
        self.reason = reason
        self.value = str(value)


class Limits(Frozen):
    """What one page may cost. The defaults pass every page of the benchmarks with a factor of five or more to spare."""

    page_bytes: PositiveInt = Field(10 << 20, description="bytes of HTML before decoding; more: `too_large`")
    nodes: PositiveInt = Field(
        500_000, description="elements and texts of the tree (about 100 bytes each in lexbor); more: `too_many_nodes`"
    )
    depth: PositiveInt = Field(
        1_000,
        description="nesting of elements (browsers stop at 512); parse time grows with its square; more: `too_deep`",
    )
    attributes: PositiveInt = Field(
        1_000, description="attributes of one tag; parse time grows with its square; more: `too_many_attributes`"
    )
    text_chars: PositiveInt = Field(
        5_000_000, description="characters of extracted text, the length of the longest books; more: `text_too_long`"
    )
