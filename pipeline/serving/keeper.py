"""Runs a model server and ends it, with all it started, when the process that asked for it is gone.

Run as a script: `keeper.py COMMAND…`. Standard input is a pipe that the owner holds open: the kernel closes it however
the owner ends, kill -9 included. The server's processes are found even where they left its process group (workers do),
since this process adopts the orphans among its descendants. Only the standard library: it starts in milliseconds.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 10.0


def main() -> int:
    """Run the command; the exit code is the server's own, if it ends first."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # The owner decides, by closing the pipe. A handler, since the server would inherit that a signal is ignored.
        signal.signal(number, lambda *_: None)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, restore_signals=True)
    threading.Thread(target=_wait_for_owner, args=(server,), daemon=True).start()
    code = server.wait()
    _end(_descendants())
    return code if code >= 0 else 128 - code


def _wait_for_owner(server: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    _end(_descendants())
    os._exit(0)


def _end(processes: list[int]) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants() -> list[int]:
    """All processes below this one, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_text(errors="replace")
                parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return sorted(found - {os.getpid()})


if __name__ == "__main__":
    sys.exit(main())
