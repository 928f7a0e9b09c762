"""Builds in the background that a test disturbs."""

import os
import subprocess
import time
from pathlib import Path

import psutil

from support.crawl import command


def start(recipe: Path, out: Path, tasks: int) -> subprocess.Popen[bytes]:
    """A build in the background."""
    return subprocess.Popen(
        command("build", recipe, "--out", out, "--tasks", str(tasks), "--quiet"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for(condition, process, timeout_s=60.0):
    """Wait until `condition()` is true; returns its value, or None when the process ended before."""
    end = time.monotonic() + timeout_s
    while process.poll() is None:
        if value := condition():
            return value
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.005)
    return None


def commits(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.glob("*/parts/*/*.json")}


def stamps(out: Path, names: set[str]) -> dict[str, int]:
    return {name: (out / name).stat().st_mtime_ns for name in names}


def assert_all_end(processes: list[psutil.Process]) -> None:
    """No process outlives its build."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
