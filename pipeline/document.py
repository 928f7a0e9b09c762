"""The one Arrow schema of a document, used by every Parquet writer of the pipeline."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("parent", pa.string()),
        pa.field("url", pa.string()),
        pa.field("host", pa.string()),
        pa.field("crawl", pa.string()),
        pa.field("title", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("warc_file", pa.string()),
        pa.field("payload_digest", pa.string()),
        pa.field("language", pa.string()),
        pa.field("extractor", pa.string()),
        pa.field("refiner", pa.string()),
        pa.field("date", pa.timestamp("ms", tz="UTC")),
        pa.field("warc_offset", pa.int64()),
        pa.field("warc_length", pa.int64()),
        pa.field("formulas", pa.int32()),
        pa.field("duplicates", pa.int32()),
        pa.field("tokens", pa.int32()),
        pa.field("language_score", pa.float32()),
        pa.field("math_score", pa.float32()),
        pa.field("quality_score", pa.float32()),
        pa.field("scores", pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())]))),
    ]
)
"""A document. `id` is its primary key from dedup on; (`warc_file`, `warc_offset`) names the capture it came from.

`warc_offset` and `warc_length` are bytes in the (compressed) file; `duplicates` is the size of its duplicate cluster,
itself included; `tokens` is counted with the manifest's tokenizer; the scores lie in 0..1 and are null until set.
`scores` holds those of further classifiers: a list of (name, score), since `datasets` cannot open an Arrow map.
"""

DROPPED = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("warc_file", pa.string()),
        pa.field("warc_offset", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("survivor", pa.string()),
    ]
)
"""What a stage left out: a row per record, with the reason, the value that decided and, for duplicates, who stayed."""

ORIGINS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64()),
    ]
)
"""Where records that are in no WARC came from: the input file and the row there, from 0; null is the whole file."""

_NAMES = frozenset(SCHEMA.names)


def table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows (column → value; absent columns are null) as a table of `schema`.

    Raises:
        ValueError: a row has a key that the schema does not declare. Nothing is ever dropped silently.
    """
    rows = list(rows)
    known = _NAMES if schema is SCHEMA else frozenset(schema.names)
    for row in rows:
        if unknown := row.keys() - known:
            raise ValueError(f"a row has columns outside the declared schema: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=schema)
