"""What a stage is: phases of parts, each part committed by its own record, in a folder named by a fingerprint.

A stage folder holds `data/`, `dropped/` (and what a stage needs between its phases), `parts/<phase>/<part>.json` (the
commit records: a part without one never happened), `stats/`, `logs/`, `ledger.json` and, written last, `done.json`.
"""

import contextlib
import re
import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pyarrow as pa
from pydantic import Field

from pipeline.files import Output, ParquetFile, digest, parquet_file, read_json, remove_leftovers, write_json
from pipeline.frozen import Frozen
from pipeline.ledger import Ledger
from pipeline.recipe import LoadedRecipe, Recipe


class Part(Frozen):
    """The unit of work and of completion.

    `name` is a digest of what the part is, and the stem of every file it writes; `label` is for people; `bytes` weighs
    it when parts are shared out; `data` tells the phase what to read.
    """

    name: str
    label: str
    bytes: int
    data: dict[str, Any]


class PartRecord(Frozen):
    """What a committed part did. `ledger` is set by phases that let documents through; `info` is the phase's own."""

    part: str
    label: str
    ledger: Ledger | None = None
    outputs: dict[str, Output] = Field(default_factory=dict)
    nondeterministic: tuple[str, ...] = ()
    info: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A finished part of the stage before: its name, label and data file."""

    part: str
    label: str
    path: Path
    output: Output


@dataclass
class Workspace:
    """What a running part may use: names for its files, and a way to say how far it is."""

    folder: Path
    part: Part
    on_progress: Callable[[int], None]

    def parquet(self, kind: str, schema: pa.Schema) -> AbstractContextManager[ParquetFile]:
        """Open the part's `kind` file (`data`, `dropped`, …) for writing."""
        return parquet_file(self.folder, f"{kind}/{self.part.name}.parquet", schema)

    def progress(self, done_bytes: int) -> None:
        """Tell how many of the part's `bytes` are done."""
        self.on_progress(done_bytes)


@dataclass(frozen=True)
class Phase:
    """Parts that can run in any order, at any number of tasks. `parts` may read what the phase before committed."""

    name: str
    parts: Callable[[], list[Part]]
    run: Callable[[Part, Workspace], PartRecord]
    most_tasks: int | None = None
    """Tasks at a time, at most, whatever the build has: where each holds what the machine has few of."""
    most_parts: int | None = None
    """The most parts it can have, where that is known beforehand."""


class Stage(ABC):
    """One stage of a build. Subclasses say what shapes their output (`identity`) and how it is made (`phases`)."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised by hand whenever the stage's output can change."""

    def __init__(self, loaded: LoadedRecipe, out: Path, upstream: "Stage | None", folder: Path | None = None) -> None:
        """A stage after `upstream`; a task passes the `folder` that the build found and needs no fingerprint."""
        self.loaded, self.out, self.upstream = loaded, out, upstream
        self.recipe = loaded.recipe
        self.number: int = 1 if upstream is None else upstream.number + 1
        self.folder = folder or out / f"{self.number:02d}-{self.name}-{self.fingerprint[:16]}"

    @classmethod
    def wanted(cls, recipe: Recipe) -> bool:
        """Whether a recipe has this stage."""
        return True

    @classmethod  # noqa: B027 - a hook, not a duty
    def check(cls, loaded: LoadedRecipe) -> None:
        """Refuse what can be refused before anything is written; raises BadInput. By default nothing."""

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits over everything that shapes the stage's output."""
        return digest({"stage": self.name, "version": self.version, **self.identity()})

    def lineage(self) -> "list[Stage]":
        """The stages before, in order, and this one."""
        return [*(self.upstream.lineage() if self.upstream is not None else []), self]

    def folders(self) -> list[Path]:
        """The folders of the stages before, and its own."""
        return [stage.folder for stage in self.lineage()]

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Settings, model digests, library versions and, as the stage needs them, the identity of what comes before."""

    @abstractmethod
    def phases(self) -> list[Phase]:
        """The phases in order. The records of the last one are what the stage after reads."""

    def committed(self, phase: str, parts: Iterable[Part]) -> dict[str, PartRecord]:
        """The records of those parts that are complete: committed, and every file there in its recorded size."""
        records = {}
        for part in parts:
            path = self.record_path(phase, part.name)
            if path.exists():
                record = PartRecord.model_validate_json(path.read_bytes())
                if all(_intact(self.folder, output) for output in record.outputs.values()):
                    records[part.name] = record
        return records

    def missing(self, phase: Phase) -> list[Part]:
        """The parts of a phase that are not complete."""
        parts = phase.parts()
        committed = self.committed(phase.name, parts)
        return [part for part in parts if part.name not in committed]

    def records(self, phase: Phase) -> list[PartRecord]:
        """The records of a finished phase, in the order of its parts."""
        parts = phase.parts()
        records = self.committed(phase.name, parts)
        return [records[part.name] for part in parts]

    def record_path(self, phase: str, part: str) -> Path:
        """Where the commit record of a part stands."""
        return self.folder / "parts" / phase / f"{part}.json"

    def sources(self, kind: str = "data") -> list[Source]:
        """The stage's finished files of a kind, as the next stage reads them. Only of a done stage."""
        records = (PartRecord.model_validate(record, strict=False) for record in self.done()["records"])
        return [
            Source(record.part, record.label, self.folder / record.outputs[kind].path, record.outputs[kind])
            for record in records
            if kind in record.outputs
        ]

    def done(self) -> dict[str, Any]:
        """The content of done.json."""
        value = read_json(self.folder / "done.json")
        assert isinstance(value, dict)
        return value

    def is_done(self) -> bool:
        """Whether done.json stands for just these parts and every file it names is there in its recorded size."""
        if not (self.folder / "done.json").exists():
            return False
        done = self.done()
        if done["fingerprint"] != self.fingerprint or done["inputs"] != self.inputs_digest():
            return False
        records = (PartRecord.model_validate(record, strict=False) for record in done["records"])
        return all(_intact(self.folder, output) for record in records for output in record.outputs.values())

    def map_parts(self) -> list[Part]:
        """A part per part of the stage before, named by it and by its bytes: what a map stage runs."""
        assert self.upstream is not None
        return [
            Part(
                name=digest([source.part, source.output.xxh3_128]),
                label=source.label,
                bytes=source.output.bytes,
                data={"path": str(source.path)},
            )
            for source in self.upstream.sources()
        ]

    def inputs_digest(self) -> str:
        """Digest of the parts that the stage starts from."""
        return digest([part.name for part in self.phases()[0].parts()])

    def begin(self) -> None:
        """Make the folder ready for a run. Only while no task of this stage runs: what killed writers left goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folder)
        (self.folder / "done.json").unlink(missing_ok=True)

    def run_part(self, phase: Phase, part: Part, on_progress: Callable[[int], None]) -> None:
        """Run one part and commit it; its cost goes to `stats/`."""
        started, cpu = time.monotonic(), _cpu_seconds()
        record = phase.run(part, Workspace(self.folder, part, on_progress))
        write_json(
            self.folder / "stats" / phase.name / f"{part.name}.json",
            {
                "label": part.label,
                "bytes_in": part.bytes,
                "wall_s": round(time.monotonic() - started, 3),
                "cpu_s": round(_cpu_seconds() - cpu, 3),
                "peak_rss_bytes": _peak_rss_bytes(),
            },
        )
        write_json(self.record_path(phase.name, part.name), record.model_dump())

    def live(self) -> str:
        """What is worth telling of the running phase beside its bytes, read from the folder while tasks write there."""
        return ""

    def close(self) -> None:  # noqa: B027 - a hook, not a duty
        """End whatever a task of this stage keeps running between its parts. By default nothing."""

    def finish(self) -> Ledger:
        """Check that the ledger balances and joins the stage before, then write ledger.json and done.json.

        Raises:
            ValueError: documents are unaccounted for.
        """
        records = self.records(self.phases()[-1])
        ledger = Ledger.total(record.ledger for record in records if record.ledger is not None)
        if self.upstream is not None and (given := self.upstream.ledger().rows) != ledger.records_in:
            raise ValueError(f"{self.name} read {ledger.records_in} documents, but {self.upstream.name} wrote {given}")
        write_json(self.folder / "ledger.json", ledger.as_json())
        write_json(
            self.folder / "done.json",
            {
                "stage": self.name,
                "fingerprint": self.fingerprint,
                "identity": {"version": self.version, **self.identity()},
                "inputs": self.inputs_digest(),
                "records": [record.model_dump() for record in records],
            },
        )
        return ledger

    def ledger(self) -> Ledger:
        """The totals of a done stage."""
        return Ledger.from_json(read_json(self.folder / "ledger.json"))


def _intact(folder: Path, output: Output) -> bool:
    path = folder / output.path
    return path.exists() and path.stat().st_size == output.bytes


def _cpu_seconds() -> float:
    """User and system CPU seconds of this process and of its children, those that have ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [process.cpu_times() for process in psutil.Process().children()]
    own = time.process_time()
    return own + ended.ru_utime + ended.ru_stime + sum(times.user + times.system for times in running)


def _peak_rss_bytes() -> int:
    """Highest memory of this process so far, and of each child that runs: together no less than the task ever held."""
    peaks = [1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    for child in psutil.Process().children():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
            if peak := re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE):
                peaks.append(1024 * int(peak[1]))
    return sum(peaks)


def libraries(*names: str) -> dict[str, str]:
    """Installed versions of the distributions that shape an output, for `identity`."""
    from importlib.metadata import version

    return {name: version(name) for name in names}
