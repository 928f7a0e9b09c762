"""The shard stage: every document goes to shard xxh3_64(id) mod N, rows ordered by id.

`gather` reads bundles of parts and writes each bundle with one row group per shard; `write` then makes one shard at a
time from its row groups. So a shard costs as many reads as there are bundles, and no more memory than one shard.
"""

import shutil
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from pipeline.document import SCHEMA
from pipeline.files import parquet_file
from pipeline.ledger import Ledger
from pipeline.shard.manifest import sha256
from pipeline.shard.mask import Masked, mask_all
from pipeline.shard.tokenizer import TokenCounter, load_tokenizer
from pipeline.stage import Part, PartRecord, Phase, Source, Stage, Workspace, libraries

_WRITE_ROWS = 1024


def shard_of(document_id: str, shards: int) -> int:
    """The shard that a document belongs to."""
    return xxhash.xxh3_64_intdigest(document_id) % shards


class ShardStage(Stage):
    """Writes the corpus: Parquet shards with token counts."""

    name = "shard"
    version = 1

    def identity(self) -> dict[str, Any]:
        """Settings, the tokenizer and the exact documents of the stage before."""
        return {
            "settings": self.recipe.shard.model_dump(mode="json", exclude={"tokenizer"}),
            "tokenizer": self.tokenizer.identity.model_dump(),
            "documents": sorted([source.part, source.output.xxh3_128] for source in self._sources),
            "libraries": libraries("pyarrow", "tokenizers"),
        }

    @cached_property
    def _sources(self) -> list[Source]:
        assert self.upstream is not None
        return self.upstream.sources()

    @cached_property
    def tokenizer(self) -> TokenCounter:
        """The tokenizer that the recipe names."""
        return load_tokenizer(self.loaded)

    @cached_property
    def shards(self) -> int:
        """Number of shards: from the text bytes after dedup and the target size alone."""
        assert self.upstream is not None
        text_bytes = sum(record["info"]["text_bytes"] for record in self.upstream.done()["records"])
        return max(1, -(-int(text_bytes) // self.recipe.shard.target_bytes))

    def phases(self) -> list[Phase]:
        """Gather the documents of each shard, then write the shards."""
        return [Phase("gather", self._bundles, self._gather), Phase("write", self._shards, self._write)]

    def _bundles(self) -> list[Part]:
        """Consecutive parts, together about as large as a shard."""
        bundles: list[list[Source]] = [[]]
        size = 0
        for source in self._sources:
            if size >= self.recipe.shard.target_bytes // 4:
                bundles.append([])
                size = 0
            bundles[-1].append(source)
            size += source.output.bytes
        return [
            Part(
                name=f"bundle-{index:05d}",
                label=f"documents {index + 1} of {len(bundles)}",
                bytes=sum(source.output.bytes for source in bundle),
                data={"paths": [str(source.path) for source in bundle]},
            )
            for index, bundle in enumerate(bundles)
        ]

    def _gather(self, part: Part, workspace: Workspace) -> PartRecord:
        documents = _in_one([pq.read_table(path, schema=SCHEMA) for path in part.data["paths"]])
        shard = np.array([shard_of(id_, self.shards) for id_ in documents["id"].to_pylist()], dtype=np.int64)
        documents = documents.take(np.argsort(shard, kind="stable"))
        counts = np.bincount(shard, minlength=self.shards)
        ends = np.cumsum(counts)
        groups: list[int | None] = []
        with parquet_file(self.folder, f"gathered/{part.name}.parquet", SCHEMA, row_group_bytes=0) as file:
            for end, count in zip(ends.tolist(), counts.tolist(), strict=True):
                if count:
                    file.write(documents.slice(end - count, count))
                groups.append(sum(group is not None for group in groups) if count else None)
        return PartRecord(part=part.name, label=part.label, outputs={"gathered": file.output}, info={"groups": groups})

    def _shards(self) -> list[Part]:
        gathered = self.records(self.phases()[0])
        total = sum(record.outputs["gathered"].bytes for record in gathered)
        return [
            Part(
                name=f"train-{index:05d}-of-{self.shards:05d}",
                label=f"shard {index + 1} of {self.shards}",
                bytes=total // self.shards,
                data={
                    "groups": [
                        [str(self.folder / record.outputs["gathered"].path), record.info["groups"][index]]
                        for record in gathered
                        if record.info["groups"][index] is not None
                    ]
                },
            )
            for index in range(self.shards)
        ]

    def _write(self, part: Part, workspace: Workspace) -> PartRecord:
        documents = _in_one([pq.ParquetFile(path).read_row_group(group) for path, group in part.data["groups"]])
        order = pc.sort_indices(documents["id"])
        tokens = formulas = text_bytes = 0
        masked = Masked()
        with workspace.parquet("data", SCHEMA) as data:
            for start in range(0, len(documents), _WRITE_ROWS):
                rows = documents.take(order.slice(start, _WRITE_ROWS))
                texts, found = mask_all(rows["text"].to_pylist(), self.recipe.shard.mask)
                masked += found
                counts = pa.array(self.tokenizer.count(texts), pa.int32())
                rows = _with(_with(rows, "text", pa.array(texts, pa.string())), "tokens", counts)
                data.write(rows)
                tokens += pc.sum(counts).as_py() or 0
                formulas += pc.sum(rows["formulas"]).as_py() or 0
                text_bytes += pc.sum(pc.binary_length(rows["text"])).as_py() or 0
                workspace.progress(part.bytes * start // len(documents))
        ids = documents["id"]
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=Ledger(records_in=len(documents), kept=len(documents), dropped={}),
            outputs={"data": data.output},
            info={
                "tokens": tokens,
                "formulas": formulas,
                "text_bytes": text_bytes,
                "masked": masked.model_dump(),
                "sha256": sha256(self.folder / data.output.path),
                "first_id": ids[order[0].as_py()].as_py() if len(ids) else None,
                "last_id": ids[order[-1].as_py()].as_py() if len(ids) else None,
            },
        )

    def finish(self) -> Ledger:
        """As every stage; what was gathered is then no longer needed."""
        ledger = super().finish()
        shutil.rmtree(self.folder / "gathered", ignore_errors=True)
        return ledger


def _with(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), values)


def _in_one(tables: list[pa.Table]) -> pa.Table:
    """The rows of all tables, a chunk per column: from several chunks, every `take` would copy them all anew."""
    documents = pa.concat_tables([SCHEMA.empty_table(), *tables])
    tables.clear()
    return documents.combine_chunks()
