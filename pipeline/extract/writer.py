"""What the extract stage writes of a part: documents, what was left out, and where texts came from."""

from collections import Counter
from typing import Any

import pyarrow as pa

from pipeline.document import DROPPED, ORIGINS, table
from pipeline.extract.items import Item
from pipeline.extract.page import Analysis, Refused
from pipeline.files import ParquetFile
from pipeline.ledger import Tally
from pipeline.scores import score_columns

_FLUSH_DROPS = 4096


class Writer:
    """Rows of a part, and its tally."""

    def __init__(self, data: ParquetFile, dropped: ParquetFile, origins: ParquetFile | None) -> None:
        self.tally = Tally()
        self.nondeterministic: list[str] = []
        self.kept = Counter[str]()
        """Documents of each file, where they are in no WARC."""
        self._data, self._dropped, self._origins = data, dropped, origins
        self._documents: list[dict[str, Any]] = []
        self._drops: list[dict[str, Any]] = []
        self._places: list[dict[str, Any]] = []

    def drop(self, item: Item, reason: str, value: str | None) -> None:
        """Leave an item out."""
        self.tally.records_in += 1
        self.tally.dropped[reason] += 1
        self._drops.append({**item.identity, "reason": reason, "value": value})
        self._place(item)
        if len(self._drops) >= _FLUSH_DROPS:
            self.flush()

    def result(self, item: Item, result: Analysis | Refused) -> None:
        """Write the document of an item, or leave it out as the analysis says."""
        if isinstance(result, Refused):
            self.drop(item, result.reason, result.value)
            if result.nondeterministic:
                self.nondeterministic.append(item.identity["id"])
            return
        self.tally.records_in += 1
        self.tally.kept += 1
        self._place(item)
        if item.origin is not None:
            self.kept[item.origin.file] += 1
        self._documents.append(
            {
                "title": result.title or None,
                "text": result.text,
                "language": result.language,
                "formulas": result.formulas,
                "language_score": result.language_score,
                "math_score": result.math_score,
                **item.identity,
                **item.columns(),
                **score_columns({**item.scores, **result.further}),
            }
        )

    def _place(self, item: Item) -> None:
        if item.origin is not None and item.identity["id"] is not None:
            self._places.append({"id": item.identity["id"], **item.origin._asdict()})

    def flush(self) -> None:
        """Hand over what is gathered; the files decide when it reaches the disk."""
        self._data.write(table(self._documents))
        self._dropped.write(pa.Table.from_pylist(self._drops, schema=DROPPED))
        if self._origins is not None:
            self._origins.write(pa.Table.from_pylist(self._places, schema=ORIGINS))
        self._documents, self._drops, self._places = [], [], []
