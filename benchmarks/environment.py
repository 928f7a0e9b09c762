"""What stood around a figure: versions, processor, memory, command. Every result file carries it."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def data_folder() -> Path:
    """Where the unpacked real pages are looked for: $MATHMILL_DATA, else the user's cache folder."""
    return Path(os.environ.get("MATHMILL_DATA", _user_cache() / "mathmill-data"))


def cache_folder() -> Path:
    """Where benchmarks keep what is costly to make (peer environments, inputs); safe to delete at any time."""
    return Path(os.environ.get("MATHMILL_BENCH_CACHE", _user_cache() / "mathmill-bench"))


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


def has_data(folder: Path) -> bool:
    """Whether `folder` holds the unpacked real pages; says so in one line when it does not."""
    if (folder / ".stamp").exists():
        return True
    print("skipped: the real pages are not on this machine (set MATHMILL_DATA to their unpacked folder)")
    return False


def environment(distributions: Iterable[str], python: Path | None = None) -> dict[str, Any]:
    """The conditions of a run, as JSON values without any path of this machine.

    Args:
        distributions: names of the installed distributions whose versions matter.
        python: interpreter of another environment to ask for them; null: this one.

    Raises:
        PackageNotFoundError: a distribution is not installed (in this environment).
        CalledProcessError: the same, in another.
    """
    names = sorted(distributions)
    versions = {name: version(name) for name in names} if python is None else _versions_of(python, names)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "command": command_line(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def command_line() -> str:
    """The command that runs this program again: the clone and the home folder as `.` and `~`, a script by its name."""
    spec = sys.modules["__main__"].__spec__
    program = ["python", "-m", spec.name] if spec is not None else [Path(sys.argv[0]).name]
    line = shlex.join([*program, *sys.argv[1:]])
    return line.replace(str(ROOT), ".").replace(str(Path.home()), "~")


def _versions_of(python: Path, names: list[str]) -> dict[str, str]:
    script = "import sys; from importlib.metadata import version; print('\\n'.join(map(version, sys.argv[1:])))"
    done = subprocess.run([python, "-c", script, *names], check=True, capture_output=True, text=True)
    return dict(zip(names, done.stdout.split(), strict=True))


def _commit() -> str | None:
    """The commit of the clone, with `+` when files differ from it; null outside a git clone."""
    if not (ROOT / ".git").exists():
        return None
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True)
    status = subprocess.run([*git, "status", "--porcelain", "-uno"], check=True, capture_output=True, text=True)
    return head.stdout.strip() + ("+" if status.stdout.strip() else "")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
