"""The dedup stage: signatures per part, one clustering over all, then each part without its duplicates."""

import os
import shutil
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from pipeline.dedup.cluster import cluster
from pipeline.dedup.minhash import MinHasher
from pipeline.dedup.normalise import normalise
from pipeline.document import DROPPED, SCHEMA
from pipeline.files import atomic_path, writer
from pipeline.ledger import Ledger, Tally
from pipeline.stage import Part, PartRecord, Phase, Source, Stage, Workspace, libraries

_DOCS = pa.schema(
    [
        ("part", pa.string()),
        ("row", pa.int64()),
        ("id", pa.string()),
        ("warc_file", pa.string()),
        ("warc_offset", pa.int64()),
        ("formulas", pa.int32()),
        ("chars", pa.int64()),
        ("text_hash", pa.string()),
    ]
)
_BANDS = pa.schema([("band", pa.int16()), ("key", pa.uint64()), ("part", pa.string()), ("row", pa.int64())])
_BATCH_ROWS = 512


class DedupStage(Stage):
    """Reduces equal ids, equal texts and near-duplicates to one document each."""

    name = "dedup"
    version = 1

    def identity(self) -> dict[str, Any]:
        """Settings and the exact documents of the stage before."""
        settings = self.recipe.dedup.model_dump(exclude={"memory_limit_bytes"})
        documents = sorted([source.part, source.output.xxh3_128] for source in self._sources.values())
        return {"settings": settings, "documents": documents, "libraries": libraries("numpy", "xxhash")}

    @cached_property
    def _sources(self) -> dict[str, Source]:
        assert self.upstream is not None
        return {source.part: source for source in self.upstream.sources()}

    def phases(self) -> list[Phase]:
        """Signatures and the removal go part by part; the clustering between them is one part."""
        return [
            Phase("signatures", self._parts, self._sign),
            Phase("cluster", self._cluster_parts, self._cluster, most_parts=1),
            Phase("remove", self._parts, self._remove),
        ]

    def begin(self) -> None:
        """As every stage; what killed clusterings spilled goes too."""
        super().begin()
        for spilled in (self.folder / "cluster").glob("tmp.*"):
            shutil.rmtree(spilled)

    def finish(self) -> Ledger:
        """As every stage; signatures and decisions are then no longer needed."""
        ledger = super().finish()
        for folder in ("docs", "bands", "cluster"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        return ledger

    def _parts(self) -> list[Part]:
        return [
            Part(name=source.part, label=source.label, bytes=source.output.bytes, data={})
            for source in self._sources.values()
        ]

    def _cluster_parts(self) -> list[Part]:
        return [Part(name="all", label="all documents", bytes=sum(part.bytes for part in self._parts()), data={})]

    def _sign(self, part: Part, workspace: Workspace) -> PartRecord:
        settings = self.recipe.dedup
        hasher = MinHasher(bands=settings.bands, rows=settings.rows, ngram=settings.ngram, seed=settings.seed)
        source = pq.ParquetFile(self._sources[part.name].path)
        columns = ["id", "warc_file", "warc_offset", "formulas", "text"]
        row = 0
        with workspace.parquet("docs", _DOCS) as docs, workspace.parquet("bands", _BANDS) as bands:
            for batch in source.iter_batches(_BATCH_ROWS, columns=columns):
                doc_rows: list[dict[str, Any]] = []
                band_rows: list[tuple[int, int, str, int]] = []
                for document in batch.to_pylist():
                    text = document.pop("text")
                    form = normalise(text)
                    text_hash = xxhash.xxh3_128_hexdigest(form) if form else None
                    doc_rows.append(
                        {"part": part.name, "row": row, "chars": len(text), "text_hash": text_hash, **document}
                    )
                    if form:
                        keys = hasher.band_keys(hasher.signature(form))
                        band_rows += [(band, key, part.name, row) for band, key in enumerate(keys)]
                    row += 1
                docs.write(pa.Table.from_pylist(doc_rows, schema=_DOCS))
                columns_of_bands = list(zip(*band_rows, strict=True)) or [()] * 4
                arrays = [pa.array(c, f.type) for c, f in zip(columns_of_bands, _BANDS, strict=True)]
                bands.write(pa.Table.from_arrays(arrays, schema=_BANDS))
                workspace.progress(part.bytes * row // max(source.metadata.num_rows, 1))
        return PartRecord(part=part.name, label=part.label, outputs={"docs": docs.output, "bands": bands.output})

    def _cluster(self, part: Part, workspace: Workspace) -> PartRecord:
        records = self.records(self.phases()[0])
        temporary = self.folder / "cluster" / f"tmp.{writer()}"
        shutil.rmtree(temporary, ignore_errors=True)
        with atomic_path(self.folder / "cluster" / "decisions.parquet") as decisions:
            cluster(
                [self.folder / record.outputs["docs"].path for record in records],
                [self.folder / record.outputs["bands"].path for record in records],
                decisions,
                temporary=temporary,
                memory_bytes=self.recipe.dedup.memory_limit_bytes,
                threads=min(4, len(os.sched_getaffinity(0))),
            )
        shutil.rmtree(temporary)
        return PartRecord(part=part.name, label=part.label)

    def _remove(self, part: Part, workspace: Workspace) -> PartRecord:
        decisions = pq.read_table(
            self.folder / "cluster" / "decisions.parquet", filters=[("part", "==", part.name)]
        ).sort_by("row")
        tally, text_bytes, start = Tally(), 0, 0
        source = pq.ParquetFile(self._sources[part.name].path)
        with workspace.parquet("data", SCHEMA) as data, workspace.parquet("dropped", DROPPED) as dropped:
            for batch in source.iter_batches(_BATCH_ROWS):
                documents = pa.Table.from_batches([batch])
                decided = decisions.slice(start, len(documents))
                # Removal is by id: rows out of step with the decisions must never be taken for one another.
                if not decided["id"].combine_chunks().equals(documents["id"].combine_chunks()):
                    raise ValueError(f"{source} does not hold the documents that the decisions were made on")
                start += len(documents)
                keep = pc.is_null(decided["reason"])
                kept = documents.set_column(
                    SCHEMA.get_field_index("duplicates"), SCHEMA.field("duplicates"), decided["duplicates"]
                ).filter(keep)
                gone = documents.select(["id", "url", "warc_file", "warc_offset"])
                for name in ("reason", "value", "survivor"):
                    gone = gone.append_column(DROPPED.field(name), decided[name])
                gone = gone.filter(pc.invert(keep))
                data.write(kept)
                dropped.write(gone.cast(DROPPED))
                tally.records_in += len(documents)
                tally.kept += len(kept)
                tally.dropped.update(gone["reason"].to_pylist())
                text_bytes += pc.sum(pc.binary_length(kept["text"])).as_py() or 0
                workspace.progress(part.bytes * start // max(source.metadata.num_rows, 1))
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=tally.ledger(),
            outputs={"data": data.output, "dropped": dropped.output},
            info={"text_bytes": text_bytes},
        )
