"""One build at a time in an output folder: a lock file that names host and pid, and the Slurm job that it runs in."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.errors import BadInput
from pipeline.files import canonical, read_json
from pipeline.slurm import queue


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Hold `<out>/build.lock`. A lock left by a dead process of this host, or by a Slurm job that is over, is taken.

    Raises:
        BadInput: another build holds the folder, or there can be none at that place.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BadInput(f"--out {out}: {error.strerror}; name a folder that can be made and written") from error
    path = out / "build.lock"
    mine = _me()
    while True:
        try:
            with path.open("xb") as file:
                file.write(canonical(mine))
            break
        except FileExistsError:
            _remove_stale(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _me() -> dict[str, str | int | float]:
    me: dict[str, str | int | float] = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }
    if "SLURMD_NODENAME" in os.environ:  # set on the nodes of a job only
        me["job"] = os.environ["SLURM_JOB_ID"]
    return me


def _remove_stale(path: Path) -> None:
    try:
        holder = read_json(path)
        host, pid, started = holder["host"], int(holder["pid"]), float(holder["started"])
    except FileNotFoundError:
        return  # it was just released
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not readable as a lock ({error}); delete it if no build is running") from error
    if host != socket.gethostname():
        job = holder.get("job")
        # A job with our own id is our own former life, requeued to another node.
        if job is not None and (job == _me().get("job") or (shutil.which("squeue") and queue.has_ended(str(job)))):
            path.unlink(missing_ok=True)
            return
        raise BadInput(f"{path}: held by process {pid} on {host}; wait for it, or delete the file if it is gone")
    if psutil.pid_exists(pid) and abs(psutil.Process(pid).create_time() - started) < 1:
        raise BadInput(f"{path}: held by process {pid} on this host; wait for it, or end it")
    path.unlink(missing_ok=True)
