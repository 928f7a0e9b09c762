"""What a build would do and cost, without doing it."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.build import check
from pipeline.extract.stage import ExtractStage
from pipeline.measured import Measured, measure
from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.slurm.profile import Profile
from pipeline.slurm.queue import array_size
from pipeline.slurm.submission import Step, chain
from pipeline.stage import Stage

_SMALL = 8_000_000
CRAWL_FILES = 90_000
CRAWL_BYTES = 90_000 * 10**9
"""A monthly crawl of Common Crawl: about 90,000 WARC files of about 1 GB, 3 billion records."""


def render_plan(loaded: LoadedRecipe, out: Path, tasks: int, profile: Profile | None = None) -> str:
    """Tasks, bytes, memory, CPU hours and disk of what is left to do, and of a whole crawl, as text.

    Nothing is written in `out`. Every phase is taken to cost in proportion to the bytes of the input, and tasks to
    share their phase evenly.

    Raises:
        BadInput: the inputs or models are not there.
    """
    chunk = array_size(profile) if profile is not None else tasks
    first = check(loaded, out)
    done, steps = chain(first, tasks, chunk)
    assert isinstance(first, ExtractStage)
    parts = first.phases()[0].parts()
    total = sum(part.bytes for part in parts)
    lines = [f"{loaded.recipe.name} in {out}: {len(first.inputs):,} input files, {_bytes(total)}"]
    lines += [f"  {stage.name}: done, {stage.ledger().in_words()}" for stage in done]
    if not steps:
        return "\n".join([*lines, "nothing is left to do"])
    measured = measure(loaded, out, first)
    left = _left(first, total) if not done else total
    lines += [
        f"measured on {measured.source}: {measured.files} files, {_bytes(measured.input_bytes)}",
        *_table(steps, measured, left / max(measured.input_bytes, 1), _growth(loaded.recipe), profile),
    ]
    if all(file.kind == "warc" for file in first.inputs):
        lines += _crawl(measured, min(tasks, (profile and profile.max_running) or tasks))
    if measured.input_bytes < _SMALL:
        lines.append(f"  less than {_bytes(_SMALL)} were measured: fixed costs count in, and these are upper bounds")
    if profile is not None:
        lines += _slurm(steps, measured, profile)
    return "\n".join(lines)


def _left(first: Stage, total: int) -> int:
    """Bytes of the inputs that are not extracted yet."""
    missing = sum(part.bytes for part in first.missing(first.phases()[0]))
    return missing or total


def _growth(recipe: Recipe) -> dict[str, int]:
    """Bytes by which the memory of a phase may grow with the input beyond what a small sample needs."""
    documents = 3 * recipe.shard.target_bytes
    return {
        "dedup/cluster": recipe.dedup.memory_limit_bytes,
        "shard/gather": documents,
        "shard/write": documents,
    }


def _at_once(step: Step, profile: Profile | None) -> int:
    """Tasks of a step that may run at a time."""
    limit = profile.resources(step.stage, step.phase).max_running if profile is not None else None
    return min(step.tasks, limit or step.tasks)


def _table(
    steps: Iterable[Step], measured: Measured, scale: float, growth: dict[str, int], profile: Profile | None
) -> list[str]:
    lines = [f"  {'to do':<18} {'tasks':>6} {'memory/task':>12} {'CPU':>10} {'wall':>10} {'disk':>10}"]
    cpu = wall = disk = 0.0
    for step in steps:
        cost = measured.phases.get(step.name)
        if cost is None:
            lines.append(f"  {step.name:<18} {step.tasks:>6,} {'not measured: it asks a model':>44}")
            continue
        hours = cost.cpu_s * scale / 3600
        span = hours / _at_once(step, profile)
        cpu, wall, disk = cpu + hours, wall + span, disk + cost.bytes_out * scale
        memory = cost.peak_rss_bytes + (growth.get(step.name, 0) if scale > 1 else 0)
        lines.append(
            f"  {step.name:<18} {step.tasks:>6,} {_bytes(memory):>12} {_duration(hours):>10} "
            f"{_duration(span):>10} {_bytes(cost.bytes_out * scale):>10}"
        )
    lines.append(f"  {'in all':<18} {'':>6} {'':>12} {_duration(cpu):>10} {_duration(wall):>10} {_bytes(disk):>10}")
    return lines


def _crawl(measured: Measured, tasks: int) -> list[str]:
    scale = CRAWL_BYTES / max(measured.input_bytes, 1)
    cpu = sum(cost.cpu_s for cost in measured.phases.values()) * scale / 3600
    disk = sum(cost.bytes_out for cost in measured.phases.values()) * scale
    return [
        f"a whole crawl ({CRAWL_FILES:,} WARC files, {_bytes(CRAWL_BYTES)}), in proportion to its bytes:",
        f"  {cpu:,.0f} CPU hours, {cpu / tasks:,.0f} hours with {tasks:,} tasks at a time, {_bytes(disk)} of disk",
    ]


def _slurm(steps: tuple[Step, ...], measured: Measured, profile: Profile) -> list[str]:
    arrays = sum(step.chunks for step in steps)
    account = "".join(f", {name} {value}" for name in ("account", "qos") if (value := getattr(profile, name)))
    elements = sum(step.tasks for step in steps)
    lines = [f"Slurm{account}: {arrays} arrays with {elements:,} elements, and {len(steps)} finalise jobs"]
    for step in steps:
        resources = profile.resources(step.stage, step.phase)
        settings = resources.model_dump(exclude_none=True, exclude_defaults=True)
        lines.append(f"  {step.name:<18} {', '.join(f'{name} {value}' for name, value in settings.items())}")
        cost = measured.phases.get(step.name)
        if cost is not None and resources.memory and cost.peak_rss_bytes > memory_bytes(resources.memory):
            lines.append(f"    a task took {_bytes(cost.peak_rss_bytes)}: raise phases.{step.name}.memory")
    return lines


def memory_bytes(memory: str) -> int:
    """Slurm's way to write memory, in bytes; a bare number is MiB."""
    number, unit = (memory[:-1], memory[-1]) if memory[-1].isalpha() else (memory, "M")
    return int(number) << {"K": 10, "M": 20, "G": 30, "T": 40}[unit]


def _duration(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 0.1 else f"{3600 * hours:.1f} s"


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
