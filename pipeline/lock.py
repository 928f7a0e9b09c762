"""One build at a time in an output folder: a lock file that names host and pid."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.errors import BadInput
from pipeline.files import canonical, read_json


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Hold `<out>/build.lock`. A lock left by a dead process of this host is taken over.

    Raises:
        BadInput: another build holds the folder.
    """
    out.mkdir(parents=True, exist_ok=True)
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
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}


def _remove_stale(path: Path) -> None:
    try:
        holder = read_json(path)
        host, pid, started = holder["host"], int(holder["pid"]), float(holder["started"])
    except FileNotFoundError:
        return  # it was just released
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not readable as a lock ({error}); delete it if no build is running") from error
    if host != socket.gethostname():
        raise BadInput(f"{path}: held by process {pid} on {host}; wait for it, or delete the file if it is gone")
    if psutil.pid_exists(pid) and abs(psutil.Process(pid).create_time() - started) < 1:
        raise BadInput(f"{path}: held by process {pid} on this host; wait for it, or end it")
    path.unlink(missing_ok=True)
