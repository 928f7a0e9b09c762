"""What the parts of a build cost, read from its stage folders; or measured on a small sample of a recipe's input."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from pipeline.build import run_stage
from pipeline.errors import BadInput
from pipeline.extract.stage import ExtractStage
from pipeline.extract.warc import WarcFile
from pipeline.files import read_json
from pipeline.progress import Reporter
from pipeline.recipe import Input, LoadedRecipe
from pipeline.shard.manifest import Manifest
from pipeline.stage import PartRecord, Stage
from pipeline.stages import stages_of
from pipeline.texts.parquet import parquet_head

SAMPLE_BYTES = 16 << 20
HEAD_BYTES = 4 << 20
"""The most that a sample takes of one file, from its start."""


@dataclass(frozen=True)
class PhaseCost:
    """A phase's CPU seconds in all, the highest memory of a task in bytes, and bytes written."""

    cpu_s: float
    peak_rss_bytes: int
    bytes_out: int


@dataclass(frozen=True)
class Measured:
    """Costs by stage/phase of `input_bytes` of input in `files` files; `source` says in words where they are from."""

    source: str
    files: int
    input_bytes: int
    phases: dict[str, PhaseCost]


def measure(loaded: LoadedRecipe, out: Path, first: Stage) -> Measured:
    """The costs of the finished build in `out`, if it has these settings; else those of a sample, run now.

    The sample is the beginnings of files that are chosen by their identity: the same ones each time.

    Raises:
        BadInput: there is no input that can be read.
    """
    if (out / "manifest.json").exists():
        manifest = Manifest.load(out)
        settings = loaded.recipe.model_dump(mode="json")
        folders = [out / stage.folder for stage in manifest.stages]
        same = _without_inputs(manifest.recipe.settings) == _without_inputs(settings)
        if same and all((folder / "stats").is_dir() for folder in folders):
            return _read(folders, f"the finished build in {out}")
    with _sample(loaded, first) as (sample, folder):
        stages: list[Stage] = []
        for kind in stages_of(sample.recipe):
            stage = kind(sample, folder, stages[-1] if stages else None)
            run_stage(stage, 1, _Silent(quiet=True))
            stages.append(stage)
        return _read([stage.folder for stage in stages], "a sample of the input, run now")


def _without_inputs(settings: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if key not in ("inputs", "input_root")}


def _read(folders: list[Path], source: str) -> Measured:
    costs: dict[str, PhaseCost] = {}
    inputs = [read_json(path)["bytes_in"] for path in sorted((folders[0] / "stats").glob("*/*.json"))]
    for folder in folders:
        for phase in sorted(path for path in (folder / "stats").iterdir()):
            stats = [read_json(path) for path in sorted(phase.glob("*.json"))]
            records = [
                PartRecord.model_validate_json(path.read_bytes())
                for path in (folder / "parts" / phase.name).glob("*.json")
            ]
            costs[f"{folder.name.split('-')[1]}/{phase.name}"] = PhaseCost(
                cpu_s=_cpu_s(stats),
                peak_rss_bytes=max(part["peak_rss_bytes"] for part in stats),
                bytes_out=sum(output.bytes for record in records for output in record.outputs.values()),
            )
    return Measured(source, len(inputs), sum(inputs), costs)


def _cpu_s(stats: list[dict[str, Any]]) -> float:
    """CPU seconds of the parts at the median cost of a byte: a task's first part has the cost of its start as well."""
    rates = [part["cpu_s"] / part["bytes_in"] for part in stats if part["bytes_in"]]
    return float(median(rates)) * sum(part["bytes_in"] for part in stats) if rates else 0.0


@contextmanager
def _sample(loaded: LoadedRecipe, first: Stage) -> Iterator[tuple[LoadedRecipe, Path]]:
    """A recipe over copies of the beginnings of a few inputs, and a folder to build it in. Models that are asked
    over the network are left out: a plan costs nothing."""
    assert isinstance(first, ExtractStage)
    with TemporaryDirectory(prefix="mathmill-plan-") as name:
        folder = Path(name)
        inputs: list[Input] = []
        taken = 0
        for part in sorted(first.phases()[0].parts(), key=lambda part: part.name):
            for file in part.data.get("files", [part.data]):
                if taken < SAMPLE_BYTES and (head := _head(first, file, part.data["kind"])):
                    taken += len(head)
                    path = folder / "inputs" / str(len(inputs))
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(head)
                    sampled = {"path": str(path), "kind": part.data["kind"], "columns": part.data.get("columns")}
                    inputs.append(Input.model_validate(sampled, strict=False))
        if not inputs:
            raise BadInput(f"{loaded.path}: inputs: none of them can be read; nothing can be measured")
        recipe = loaded.recipe.model_copy(update={"inputs": tuple(inputs), "input_root": None, "refine": None})
        yield LoadedRecipe(recipe, loaded.path), folder / "out"


def _head(stage: ExtractStage, file: dict[str, Any], kind: str) -> bytes:
    """The beginning of an input, up to the last record that begins in it; empty when there is none."""
    try:
        with stage.open_file(file) as opened:
            head = opened.read(HEAD_BYTES)
            if len(head) == HEAD_BYTES and kind == "parquet":
                return parquet_head(opened, HEAD_BYTES)
    except (OSError, pa.ArrowException):
        return b""  # the extract stage gives it a status; it is no part of a measure
    if len(head) < HEAD_BYTES or kind != "warc":  # rows of text may end in the middle: one of many is broken then
        return head
    starts = [capture.offset for capture in WarcFile(BytesIO(head), name="sample", max_bytes=HEAD_BYTES)]
    return head[: starts[-1]] if starts else b""


class _Silent(Reporter):
    def line(self, text: str) -> None:
        """Say nothing."""
