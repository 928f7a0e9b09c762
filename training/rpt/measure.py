"""`mathmill positions`: the entropies of all positions of a token manifest, part by part, on any number of processes.

A part is a range of documents; it is finished when its record stands, and the same command goes on behind the finished
ones. Which documents a forward pass holds does not depend on the number of processes. positions.json is written last.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch.distributed as dist

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import Output, digest, parquet_file, read_json, remove_leftovers, write_json
from pipeline.frozen import Frozen
from pipeline.lock import output_lock
from pipeline.progress import Reporter
from training.documents import DocumentTokens, Ints
from training.rpt.characters import Characters
from training.rpt.entropy import COLUMNS, TOP
from training.rpt.pieces import Piece, batches, piece_rows, pieces
from training.rpt.positions import MANIFEST, SCHEMA, PositionManifest, ProxyIdentity, TokensIdentity
from training.rpt.proxy import Proxy, ProxyFiles, identify, load_proxy
from training.rpt.samples import Samples, write_samples
from training.rpt.tally import Tally, histogram, totals
from training.tokens import TokenManifest
from training.verified import check_shards
from training.world import World

VERSION = 1
"""Raised by hand whenever equal inputs would give other positions."""
_SETTINGS = "parts/settings.json"


class MeasureSettings(Frozen):
    """What shapes a position folder, besides tokens and proxy."""

    floor: float
    """Least entropy that is stored, in nats."""
    context: int
    """Tokens that the proxy sees at once."""
    dtype: str
    """What it computes in."""
    batch_tokens: int
    """Of a forward pass."""
    part_tokens: int = 1 << 19
    """Tokens of a part to aim at."""


class PartRecord(Frozen):
    """A finished part; `key` says of what."""

    key: str
    output: Output
    tally: Tally


@dataclass(frozen=True)
class Job:
    """What a command line asks for, checked."""

    manifest: TokenManifest
    proxy: ProxyFiles
    settings: MeasureSettings
    out: Path

    @cached_property
    def documents(self) -> DocumentTokens:
        """The documents to measure."""
        return DocumentTokens(self.manifest)

    @cached_property
    def lengths(self) -> Ints:
        """Tokens of each document."""
        return self.documents.lengths(np.arange(self.documents.documents))

    @cached_property
    def parts(self) -> list[range]:
        """Documents by part: whole ones, of about `part_tokens` tokens."""
        ends = np.cumsum(self.lengths)
        found: list[range] = []
        first = 0
        while first < len(ends):
            before = int(ends[first - 1]) if first else 0
            last = int(np.searchsorted(ends, before + self.settings.part_tokens))
            found.append(range(first, min(last + 1, len(ends))))
            first = found[-1].stop
        return found

    def tokens(self, part: int) -> int:
        """Tokens of a part."""
        documents = self.parts[part]
        return int(self.lengths[documents.start : documents.stop].sum())

    def finished(self, key: str) -> dict[int, PartRecord]:
        """The complete parts: recorded under `key`, and the file there in its size."""
        records = {}
        for number, part in enumerate(self.parts):
            path = record_path(self.out, number)
            if path.exists():
                record = PartRecord.model_validate_json(path.read_bytes())
                file = self.out / record.output.path
                whole = file.is_file() and file.stat().st_size == record.output.bytes
                if whole and record.key == part_key(key, part):
                    records[number] = record
        return records


def part_key(key: str, part: range) -> str:
    """What a part's record is of: all that shapes the folder's parts, and the documents of this one."""
    return f"{key}:{part.start}:{part.stop}"


def record_path(out: Path, part: int) -> Path:
    """A part's commit record: a part without one never happened."""
    return out / "parts" / f"{part:05d}.json"


def render_plan(job: Job) -> str:
    """What would run, as text. Nothing is written.

    Raises:
        BadInput: the folder holds other positions.
    """
    finished = job.finished(_key(job, identify(job.proxy, job.settings.dtype)))
    missing = sum(job.tokens(part) for part in range(len(job.parts)) if part not in finished)
    flop = 2 * job.proxy.parameters * missing
    return (
        f"{job.manifest.name} to {job.out} by {job.proxy.name} ({job.proxy.parameters:,} parameters, "
        f"{job.settings.dtype}, windows of {job.settings.context:,}): {len(job.parts) - len(finished)} of "
        f"{len(job.parts)} parts to do, {missing:,} tokens, about {flop:.2g} FLOP; stored from "
        f"{job.settings.floor:g} nats"
    )


def measure(job: Job, world: World, reporter: Reporter) -> PositionManifest:
    """Measure the parts that are missing, and write positions.json.

    Raises:
        BadInput: the tokens or the proxy are not whole, the folder holds other positions, or is in use.
        BuildFailed: the proxy's figures are not finite.
    """
    with ExitStack() as stack:
        if world.is_first:
            stack.enter_context(output_lock(job.out))
            remove_leftovers(job.out)
        dist.barrier()
        check_shards(job.manifest, full=world.local_rank == 0)
        proxy = load_proxy(job.proxy, job.settings.dtype, world)
        key = _key(job, proxy.identity)
        if world.is_first:
            write_json(job.out / _SETTINGS, _shaping(job, proxy.identity))
        missing = [part for part in range(len(job.parts)) if part not in job.finished(key)]
        dist.barrier()
        worker = _Worker(job, proxy, world, key)
        total = job.manifest.totals.tokens
        done = total - sum(map(job.tokens, missing))
        with reporter.phase("positions", total, done, unit="tokens") as progress:
            since = 0
            for first in range(0, len(missing), world.size):
                turn = missing[first : first + world.size]
                size = sum(map(job.tokens, turn))
                for share in worker.measure(turn[world.rank] if world.rank < len(turn) else None):
                    progress(since + round(share * size))
                since += size
        dist.barrier()
        records = list(job.finished(key).values())
        assert len(records) == len(job.parts)
        samples = Samples(job.documents, job.proxy.token_bytes(), proxy.model, job.settings.context, world.device).make(
            job.out, [record.output for record in records]
        )
        if world.is_first:
            manifest = _manifest(job, proxy, records, write_samples(job.out, samples))
            _remove_others(job)
            write_json(job.out / MANIFEST, manifest.model_dump(mode="json"))
        dist.barrier()
    return PositionManifest.load(job.out)


def _shaping(job: Job, identity: ProxyIdentity) -> dict[str, Any]:
    """All that shapes the parts of a folder."""
    return {
        "version": VERSION,
        "tokens": job.manifest.digest,
        "proxy": identity.xxh3_128,
        "settings": job.settings.model_dump(),
    }


def _key(job: Job, identity: ProxyIdentity) -> str:
    """The digest of all that shapes the parts; refuses a folder that holds others."""
    content, path = _shaping(job, identity), job.out / _SETTINGS
    if path.exists() and (before := read_json(path)) != content:
        field = next(name for name in content if before.get(name) != content[name])
        raise BadInput(
            f"--out {job.out}: holds positions of another {field} ({before.get(field)}, now {content[field]}); "
            "name another folder, or delete it"
        )
    return digest(content)


class _Worker:
    """Measures parts on this process, in step with the others: a sharded model needs all of them at each pass."""

    def __init__(self, job: Job, proxy: Proxy, world: World, key: str) -> None:
        self._job, self._model, self._world, self._key = job, proxy.model, world, key
        self._characters = Characters(job.proxy.token_bytes(), job.documents)

    def measure(self, part: int | None) -> Iterator[float]:
        """Measure a part and commit it, or with None make passes of nothing; yields the share that is done."""
        mine = [] if part is None else list(batches(self._pieces(part), self._job.settings.batch_tokens))
        passes = torch.tensor(len(mine))
        dist.all_reduce(passes, dist.ReduceOp.MAX)
        found = []
        for number in range(int(passes)):
            batch = mine[number] if number < len(mine) else []
            with torch.no_grad():
                figures = self._model(piece_rows(batch, self._world.device))
            found.append(figures.cpu().numpy())
            yield (number + 1) / int(passes)
        if part is not None:
            self._commit(part, [piece for batch in mine for piece in batch], found)

    def _pieces(self, part: int) -> Iterator[Piece]:
        for document in self._job.parts[part]:
            tokens = self._job.documents.read(document)
            yield from pieces(document, tokens, self._characters.targets(document), self._job.settings.context)

    def _commit(self, part: int, measured: list[Piece], found: list[np.ndarray]) -> None:
        figures = np.concatenate([np.empty((0, len(COLUMNS)), np.float32), *found]).astype(np.float32)
        none = np.empty(0, np.int64)
        offset = np.concatenate([none, *(piece.offsets for piece in measured)])
        document = np.concatenate([none, *(np.full(len(piece.offsets), piece.document) for piece in measured)])
        if len(wrong := np.flatnonzero(~np.isfinite(figures).all(1))):
            raise BuildFailed(
                f"document {document[wrong[0]]}, offset {offset[wrong[0]]}: {self._job.proxy.name} gives figures that "
                "are not finite; take another proxy, or --dtype float32"
            )
        kept = figures[:, 0].astype(np.float64) >= self._job.settings.floor
        columns = [document[kept], offset[kept], *(figures[kept, place] for place in range(3)), figures[kept, 3] == 1]
        with parquet_file(self._job.out, f"data/{part:05d}.parquet", SCHEMA) as file:
            file.write(pa.table([pa.array(column) for column in columns], schema=SCHEMA))
        documents = self._job.parts[part]
        key = part_key(self._key, documents)
        tally = Tally.of(len(documents), self._job.tokens(part), int(kept.sum()), figures)
        record = PartRecord(key=key, output=file.output, tally=tally)
        write_json(record_path(self._job.out, part), record.model_dump())


def _manifest(job: Job, proxy: Proxy, records: list[PartRecord], samples: Output) -> PositionManifest:
    tallies = [record.tally for record in records]
    return PositionManifest(
        schema_version=1,
        name=job.manifest.name,
        tokens=TokensIdentity(
            name=job.manifest.name,
            xxh3_128=job.manifest.digest,
            location=os.path.relpath(job.manifest.folder.absolute(), job.out.absolute()),
        ),
        tokenizer=job.manifest.tokenizer,
        proxy=proxy.identity,
        top=TOP,
        context=job.settings.context,
        floor=job.settings.floor,
        totals=totals(tallies),
        entropy=histogram([tally.entropies for tally in tallies]),
        full_entropy=histogram([tally.full_entropies for tally in tallies]),
        files=tuple(record.output for record in records),
        samples=samples,
    )


def _remove_others(job: Job) -> None:
    """Remove parts that the job does not have."""
    wanted = {f"{number:05d}" for number in range(len(job.parts))} | {"settings"}
    for folder in ("data", "parts"):
        for path in (job.out / folder).iterdir():
            if path.name.partition(".")[0] not in wanted:
                path.unlink()
