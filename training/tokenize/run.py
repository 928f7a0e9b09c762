"""`mathmill tokenize`: a source to a folder of token shards, part by part, each in a process of its own.

A part is finished when its record stands; the same command goes on behind the finished ones, with any number of tasks,
to the same bytes. tokens.json is written last.
"""

import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import digest, read_json, remove_leftovers, write_json
from pipeline.lock import output_lock
from pipeline.progress import Reporter
from training.tokenize.encoder import Encoder, open_encoder
from training.tokenize.formats import layout
from training.tokenize.sources import Found, Part, find_source
from training.tokenize.work import PartRecord, Task, record_path, run_part
from training.tokens import MANIFEST, Source, SourceFile, TokenManifest, TokenTotals

VERSION = 1
"""Raised by hand whenever equal inputs would give other shards."""
_POLL_S = 0.2


@dataclass(frozen=True)
class Job:
    """What a command line asks for, checked."""

    found: Found
    encoder: Encoder
    task: Task
    out: Path
    settings: str
    """Digest of everything but the source that shapes the shards."""

    def key(self, part: Part) -> str:
        """What a finished part is of."""
        return digest([self.settings, part.model_dump(mode="json", exclude={"path", "bytes"})])

    def finished(self) -> dict[int, PartRecord]:
        """The parts that are complete: recorded, for these settings, and every file there in its size."""
        records = {}
        for part in self.found.parts:
            path = record_path(self.out, part)
            if path.exists():
                record = PartRecord.model_validate_json(path.read_bytes())
                if record.key == self.key(part) and _whole(self.out, record, self.encoder):
                    records[part.number] = record
        return records


def plan_job(
    sources: tuple[str, ...],
    tokenizer: str,
    out: Path,
    format_: str = "text",
    fields: tuple[str, ...] = (),
    train_on: str = "answers",
    eos: str | None = None,
) -> Job:
    """Check a command line; nothing is written.

    Raises:
        BadInput: an argument cannot work, or `out` holds tokens of other settings.
    """
    from importlib.metadata import version

    chosen = layout(format_, fields)
    if train_on not in ("answers", "all"):
        raise BadInput(f"--train-on {train_on}: neither `answers` nor `all`; choose one")
    encoder, found = open_encoder(tokenizer, eos), find_source(sources)
    name = tokenizer
    if encoder.tokenizer.revision is not None:
        name = f"{encoder.tokenizer.name}@{encoder.tokenizer.revision}"
    task = Task(
        tokenizer=name,
        eos=eos,
        format=chosen.format,
        columns=chosen.columns,
        masked=train_on == "answers" and chosen.format != "text",
        hub=found.location if found.kind == "hub" else None,
        revision=found.revision,
    )
    shaping = {
        "version": VERSION,
        "source": [found.kind, found.name],
        "tokenizer": encoder.tokenizer.model_dump(),
        "tokenizers": version("tokenizers"),
        "format": [task.format, task.columns, task.masked],
    }
    job = Job(found, encoder, task, out, digest(shaping))
    settings = out / "parts" / "settings.json"
    if settings.exists() and read_json(settings)["digest"] != job.settings:
        raise BadInput(
            f"--out {out}: holds tokens of another source or other settings; name another folder, or delete it"
        )
    return job


def render_plan(job: Job, tasks: int) -> str:
    """What would run, as text. Nothing is written."""
    parts, finished = job.found.parts, job.finished()
    missing = [part for part in parts if part.number not in finished]
    return (
        f"{job.found.name} ({job.found.kind}) to {job.out} by {job.encoder.tokenizer.name}: {len(missing)} of "
        f"{len(parts)} parts to do, {sum(part.bytes for part in missing):,} bytes, {min(tasks, len(missing))} tasks"
    )


def tokenize(job: Job, tasks: int, reporter: Reporter) -> TokenManifest:
    """Run the parts that are missing with at most `tasks` processes, and write tokens.json.

    Raises:
        BadInput: a file of the source does not hold what the format needs, or another command works in the folder.
        BuildFailed: a part failed; what others finished stays.
    """
    with output_lock(job.out):
        remove_leftovers(job.out)
        write_json(job.out / "parts" / "settings.json", {"digest": job.settings})
        finished = job.finished()
        missing = [part for part in job.found.parts if part.number not in finished]
        done = sum(part.bytes for part in job.found.parts if part.number in finished)
        total = done + sum(part.bytes for part in missing)
        with reporter.phase("tokenize", total, done) as progress:
            _run(job, missing, tasks, progress)
        records = list(job.finished().values())
        assert len(records) == len(job.found.parts)
        manifest = _manifest(job, records)
        _remove_others(job)
        write_json(job.out / MANIFEST, manifest.model_dump(mode="json"))
        return TokenManifest.load(job.out)


@dataclass
class _Running:
    part: Part
    process: ForkServerProcess
    problem: Connection


def _run(job: Job, missing: list[Part], tasks: int, progress: Callable[[int], None]) -> None:
    # A fork server has no threads and no locks to inherit, and gives a process in milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.tokenize.work"])
    waiting = sorted(missing, key=lambda part: (part.bytes, -part.number))  # the largest is taken first
    running: list[_Running] = []
    since = 0
    try:
        while waiting or running:
            while waiting and len(running) < tasks:
                part = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                arguments = (job.task, part, job.key(part), job.out.absolute(), sender)
                process = context.Process(target=run_part, args=arguments)
                process.start()
                sender.close()
                running.append(_Running(part, process, receiver))
            wait([item.process.sentinel for item in running], timeout=_POLL_S)
            for item in [item for item in running if not item.process.is_alive()]:
                running.remove(item)
                _judge(item)
                since += item.part.bytes
            progress(since)
    finally:
        for item in running:
            item.process.kill()
            item.process.join()


def _judge(item: _Running) -> None:
    """Raise what an ended process tells."""
    code = item.process.exitcode
    if code == 0:
        return
    with suppress(EOFError):  # it ended without a word
        kind, message = item.problem.recv()
        raise BadInput(message) if kind == 2 else BuildFailed(f"{item.part.file}: {message}")
    assert code is not None
    ending = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    raise BuildFailed(f"{item.part.file}: its process ended: {ending}; the same command goes on from here")


def _whole(out: Path, record: PartRecord, encoder: Encoder) -> bool:
    sizes = record.shard.sizes(encoder.tokenizer.dtype)
    return all((out / path).is_file() and (out / path).stat().st_size == size for path, size in sizes.items())


def _manifest(job: Job, records: list[PartRecord]) -> TokenManifest:
    files: dict[str, SourceFile] = {}
    dropped: dict[str, int] = {}
    for record in records:
        before = files.get(record.file.path)
        rows = record.file.rows + (before.rows if before is not None else 0)
        files[record.file.path] = record.file.model_copy(update={"rows": rows})
        for reason, count in record.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    shards = tuple(record.shard for record in records)
    found = job.found
    location = found.location if found.kind == "hub" else os.path.relpath(found.location, job.out.absolute())
    totals = TokenTotals(
        documents=sum(shard.documents for shard in shards),
        tokens=sum(shard.tokens for shard in shards),
        trained=sum(shard.trained for shard in shards),
    )
    rows = sum(file.rows for file in files.values())
    assert rows == totals.documents + sum(dropped.values())
    return TokenManifest(
        schema_version=1,
        name=found.name,
        format=job.task.format,
        masked=job.task.masked,
        tokenizer=job.encoder.tokenizer,
        rows=rows,
        dropped=dict(sorted(dropped.items())),
        totals=totals,
        shards=shards,
        source=Source(
            kind=found.kind,
            name=found.name,
            location=location,
            revision=found.revision,
            manifest_xxh3_128=found.manifest_xxh3_128,
            files=tuple(files.values()),
        ),
    )


def _remove_others(job: Job) -> None:
    """Remove shards of parts that the source no longer has."""
    wanted = {f"{number:05d}" for number in range(len(job.found.parts))} | {"settings"}
    for folder in ("data", "parts"):
        for path in (job.out / folder).iterdir():
            if path.name.partition(".")[0] not in wanted:
                path.unlink()
