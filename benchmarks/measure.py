"""CPU seconds and memory of a whole process tree, grandchildren and orphans included (Linux)."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_SAMPLE_S = 0.2
_ORPHAN_GRACE_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Usage:
    """What one command cost."""

    cpu_s: float
    """User and system seconds of the command and of everything it started."""
    wall_s: float
    peak_process_rss_bytes: int
    """Largest resident size of any one process of the tree: the kernel's high-water mark, read every 0.2 s."""
    peak_tree_rss_bytes: int
    """Largest sum of resident sizes over the tree, sampled every 0.2 s; shared pages count once per process."""
    peak_processes: int

    def as_json(self) -> dict[str, float | int]:
        """The values, times rounded to milliseconds."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def measure(command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end, its output into `log`, and return its cost.

    Call it from a single-threaded program: the CPU time is the growth of RUSAGE_CHILDREN, so no other child may end
    meanwhile; such ones are left alone. Math libraries are held to one thread, so that two programs are compared and
    not two thread pools.

    Raises:
        RuntimeError: it ended with another code than 0; the message has the end of its log.
    """
    others = set(psutil.Process().children(recursive=True))
    _adopt_orphans(True)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | dict(env or {})
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        peak_process, peak_tree, peak_count = _watch(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _end_orphans(others)
        _adopt_orphans(False)
    wall_s = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise RuntimeError(f"{Path(command[0]).name} ended with code {process.returncode}:\n{tail}")
    return Usage(
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        wall_s=wall_s,
        peak_process_rss_bytes=peak_process,
        peak_tree_rss_bytes=peak_tree,
        peak_processes=peak_count,
    )


def _watch(process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
    """Wait for the end; returns the peaks of one process, of the tree's sum, and of the number of processes."""
    peak_process = peak_tree = peak_count = 0
    root = psutil.Process(process.pid)
    while True:
        members = [root]
        with contextlib.suppress(psutil.NoSuchProcess):
            members += root.children(recursive=True)
        sizes = [size for member in members if (size := _resident_bytes(member.pid))]
        peak_process = max([peak_process, *(highest for _, highest in sizes)])
        peak_tree, peak_count = max(peak_tree, sum(now for now, _ in sizes)), max(peak_count, len(sizes))
        try:
            process.wait(timeout=_SAMPLE_S)
        except subprocess.TimeoutExpired:
            continue
        return peak_process, peak_tree, peak_count


def _resident_bytes(pid: int) -> tuple[int, int] | None:
    """Resident size of a process now and at its highest so far; None when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines())
    if "VmHWM" not in fields:  # a zombie
        return None
    return 1024 * int(fields["VmRSS"].split()[0]), 1024 * int(fields["VmHWM"].split()[0])


def _adopt_orphans(adopt: bool) -> None:
    """Whether this process is the parent of its descendants' orphans: their CPU time is then waited for and counted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _end_orphans(others: set[psutil.Process]) -> None:
    """Wait for adopted orphans (helpers that end by themselves), and kill what stays; not what ran before."""
    orphans = set(psutil.Process().children(recursive=True)) - others
    _, alive = psutil.wait_procs(orphans, timeout=_ORPHAN_GRACE_S)
    for orphan in alive:
        orphan.kill()
    psutil.wait_procs(alive, timeout=_ORPHAN_GRACE_S)
