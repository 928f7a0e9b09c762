"""What a corpus cost: CPU, memory and bytes of each stage, and the parts that took longest, from `stats/`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.report.files import CorpusFiles
from pipeline.shard.manifest import StageSummary

SLOWEST = 12


@dataclass(frozen=True)
class StageCost:
    """What the parts of a stage took together; `documents` are those it read, rates are 0 where nothing was timed."""

    stage: str
    parts: int
    documents: int
    cpu_s: float
    documents_per_cpu_s: float
    bytes_in: int
    """Of the input files, and of what the stage before wrote for the others."""
    bytes_out: int
    """Of its `data/` files."""
    peak_rss_bytes: int
    """The largest process among its tasks; what a task read before counts along, since a peak never falls."""


@dataclass(frozen=True)
class SlowPart:
    """A part and its cost; `wait` is the share of its wall time that it did not compute (0..1)."""

    stage: str
    phase: str
    label: str
    wall_s: float
    cpu_s: float
    wait: float
    bytes_in: int


@dataclass(frozen=True)
class Costs:
    """Stages in order, and the `SLOWEST` parts by wall time."""

    stages: tuple[StageCost, ...]
    slowest: tuple[SlowPart, ...]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all stages."""
        return sum(stage.cpu_s for stage in self.stages)


def costs(files: CorpusFiles) -> Costs:
    """The costs of a corpus; none where its stage folders are not beside it."""
    stages: list[StageCost] = []
    slowest: list[SlowPart] = []
    for summary in files.manifest.stages:
        parts = list(_stats(files, summary))
        if not parts:
            continue
        cpu_s = sum(stats["cpu_s"] for _, stats in parts)
        stages.append(
            StageCost(
                stage=summary.name,
                parts=len(parts),
                documents=summary.ledger["in"],
                cpu_s=cpu_s,
                documents_per_cpu_s=summary.ledger["in"] / cpu_s if cpu_s else 0.0,
                bytes_in=_size(files.before(summary.name)) if stages else sum(row["bytes"] for row in files.inputs()),
                bytes_out=_size(files.data(summary.name)),
                peak_rss_bytes=max(stats["peak_rss_bytes"] for _, stats in parts),
            )
        )
        slowest += [_slow(summary.name, phase, stats) for phase, stats in parts]
        slowest = sorted(slowest, key=lambda part: (-part.wall_s, part.stage, part.phase, part.label))[:SLOWEST]
    return Costs(tuple(stages), tuple(slowest))


def _stats(files: CorpusFiles, summary: StageSummary) -> Iterator[tuple[str, dict[str, Any]]]:
    """(phase, stats) of this build's parts.

    Builds share the folders of stages with one phase, so that a part counts when this build's ledger lists it; a
    folder of several phases belongs to one set of inputs alone.
    """
    folder = files.folder / summary.folder / "stats"
    if not folder.is_dir():
        return
    phases = sorted(path for path in folder.iterdir() if path.is_dir())
    listed = files.parts(summary.name)
    for phase in phases:
        for path in sorted(phase.glob("*.json")):
            if len(phases) > 1 or path.stem in listed:
                yield phase.name, json.loads(path.read_text(encoding="utf-8"))


def _size(paths: Iterable[str]) -> int:
    return sum(Path(path).stat().st_size for path in paths)


def _slow(stage: str, phase: str, stats: dict[str, Any]) -> SlowPart:
    wall, cpu = stats["wall_s"], stats["cpu_s"]
    return SlowPart(
        stage=stage,
        phase=phase,
        label=stats["label"],
        wall_s=wall,
        cpu_s=cpu,
        wait=max(0.0, 1 - cpu / wall) if wall else 0.0,
        bytes_in=stats["bytes_in"],
    )
