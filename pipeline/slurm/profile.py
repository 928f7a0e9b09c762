"""A Slurm profile: one YAML file with what a cluster asks of its users."""

import re
from typing import Any

from pydantic import Field, field_validator

from pipeline.frozen import Frozen

_OURS = {
    "array", "dependency", "error", "export", "job-name", "kill-on-invalid-dep", "open-mode", "output", "requeue",
    "partition", "account", "qos", "time", "mem", "mem-per-cpu", "cpus-per-task", "nodes",
}  # fmt: skip
_MEMORY = r"^\d+[KMGT]?$"
_TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")


def _quoted(value: Any) -> Any:
    if isinstance(value, int):  # YAML reads 12:00:00 as the number 43200
        raise ValueError('not a text; write it in quotes, as "12:00:00"')
    return value


def _time(value: str | None) -> str | None:
    if value is not None and not _TIME.fullmatch(value):
        raise ValueError('not a Slurm time; write it as "HH:MM:SS" or "D-HH:MM:SS"')
    return value


def _not_ours(options: dict[str, str]) -> dict[str, str]:
    if ours := sorted(_OURS & set(options)):
        raise ValueError(f"{ours[0]} is set by mathmill; use the profile's own fields")
    return options


class Resources(Frozen):
    """What a phase gets instead of the profile's own values; null: those."""

    partition: str | None = None
    """Partition: one with GPUs for `refine`, say."""
    time: str | None = None
    """Time limit of an array element."""
    memory: str | None = Field(default=None, pattern=_MEMORY)
    """Memory of an array element."""
    cpus: int | None = Field(default=None, ge=1)
    """CPUs of an array element."""
    max_running: int | None = Field(default=None, ge=1)
    """Elements of an array that may run at a time."""
    sbatch: dict[str, str] = Field(default_factory=dict)
    """Further sbatch options, beside the profile's."""

    _quoted = field_validator("time", mode="before")(_quoted)
    _time = field_validator("time")(_time)
    _not_ours = field_validator("sbatch")(_not_ours)


class Profile(Frozen):
    """How jobs are submitted. Nothing here shapes the corpus."""

    partition: str | None = None
    """Partition; null: the cluster's default one."""
    account: str | None = None
    """Account to charge; null: the user's default one."""
    qos: str | None = None
    """Quality of service; null: the user's default one."""
    time: str = "04:00:00"
    """Time limit of an array element. Every single part (a WARC file, say) has to fit into it."""
    memory: str = Field(default="4G", pattern=_MEMORY)
    """Memory of an array element, its children included."""
    cpus: int = Field(default=1, ge=1)
    """CPUs of an array element. A task is one core's work, save `dedup/cluster`, which uses up to four."""
    tasks: int = Field(default=64, ge=1)
    """Tasks that a phase is shared out to, one array element each; `--tasks` goes before."""
    max_running: int | None = Field(default=None, ge=1)
    """Elements of an array that may run at a time; null: as many as the cluster lets run."""
    max_array_size: int | None = Field(default=None, ge=1)
    """Elements of one array; longer ones are split. Null: the cluster's MaxArraySize."""
    retries: int = Field(default=1, ge=0)
    """Times an element may be started again before its failure counts."""
    venv: str | None = None
    """Virtual environment to activate; null: the environment that the command runs in comes first on the PATH."""
    setup: tuple[str, ...] = ()
    """Shell lines to run first, `module load` for example."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables to set."""
    sbatch: dict[str, str] = Field(default_factory=dict)
    """Further sbatch options by their long names, an empty value for a flag: `constraint: avx2`, `exclusive: ""`."""
    phases: dict[str, Resources] = Field(default_factory=dict)
    """Other resources for a stage (`extract`) or one phase of it (`dedup/cluster`)."""
    poll_s: float = Field(default=10.0, gt=0)
    """Seconds between two looks at the queue."""
    settle_s: float = Field(default=60.0, ge=0)
    """Seconds after which a file written on one node is seen on every other (attribute caches of NFS)."""

    _quoted = field_validator("time", mode="before")(_quoted)
    _time = field_validator("time")(_time)
    _not_ours = field_validator("sbatch")(_not_ours)

    def resources(self, stage: str, phase: str) -> Resources:
        """What an element of a phase gets."""
        fields = ("partition", "time", "memory", "cpus", "max_running")
        values = {name: getattr(self, name) for name in fields}
        sbatch = dict(self.sbatch)
        for name in (stage, f"{stage}/{phase}"):
            if other := self.phases.get(name):
                values |= {name: value for name in fields if (value := getattr(other, name)) is not None}
                sbatch |= other.sbatch
        return Resources(**values, sbatch=sbatch)
