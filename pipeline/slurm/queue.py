"""Slurm's queue: what is in it, and taking jobs out."""

import os
import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import BadInput, BuildFailed
from pipeline.slurm.profile import Profile

NEVER = "DependencyNeverSatisfied"
"""The reason of a job that waits for ever; clusters without kill_invalid_depend may keep it."""
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Job:
    """A job, or an element of an array, that has not ended. `id` is 12, or 12_3 for element 3."""

    id: str
    name: str
    state: str
    reason: str

    @property
    def array(self) -> str:
        """Id of the whole array, or of the job."""
        return self.id.partition("_")[0]


class NoAnswer(Exception):
    """Slurm did not answer; nothing can be said about the jobs."""


def jobs_of(key: str) -> list[Job]:
    """This user's jobs whose name ends in `key` and that have not ended; array elements one by one.

    Raises:
        NoAnswer: the controller did not answer.
    """
    listing = _run("squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%j|%T|%r")
    rows = [line.split("|") for line in listing.splitlines()]
    return [Job(*row) for row in rows if row[1].endswith(key)]


def has_ended(job: str) -> bool:
    """Whether Slurm knows that a job is over, or does not know it any more."""
    try:
        return not _run("squeue", "--noheader", f"--jobs={job}", "--format=%T").strip()
    except NoAnswer as answer:
        return "Invalid job id" in str(answer)


def cancel(key: str, poll_s: float) -> list[str]:
    """Cancel the jobs whose name ends in `key`, and wait until they are gone; returns their ids.

    Raises:
        BuildFailed: they do not go.
    """
    cancelled: set[str] = set()
    end = time.monotonic() + max(_TIMEOUT_S, 10 * poll_s)
    while jobs := jobs_of(key):
        ids = {job.array for job in jobs}
        cancelled |= ids
        # Its exit code tells nothing: a job may have ended since. The next look at the queue does.
        subprocess.run(["scancel", "--quiet", *sorted(ids)], capture_output=True, timeout=_TIMEOUT_S, check=False)
        if time.monotonic() > end:
            raise BuildFailed(f"Slurm does not end the jobs {shorten(ids)}; look at them with squeue")
        time.sleep(min(poll_s, 1.0))
    return sorted(cancelled, key=int)


def array_size(profile: Profile) -> int:
    """The most elements of an array: the profile's, else the cluster's MaxArraySize (indices stay below it)."""
    if profile.max_array_size is not None:
        return profile.max_array_size
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config"), re.MULTILINE)
    return int(match[1]) if match else 1001


def refusal(script: str) -> str | None:
    """What sbatch says against a job script; None when it would take it. Nothing is submitted."""
    try:
        result = subprocess.run(
            ["sbatch", "--test-only"], input=script, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise BadInput("--executor slurm: sbatch is not on this machine; run it on a login node of the cluster") from (
            error
        )
    if result.returncode == 0:
        return None
    return " ".join(line.partition("error: ")[2] or line for line in result.stderr.splitlines())


def shorten(ids: Iterable[str]) -> str:
    """Job ids for people: 12 13 14 17 become `12-14, 17`."""
    runs: list[list[int]] = []
    for number in sorted(int(id_) for id_ in ids):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][-1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _run(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise BadInput(f"{command[0]} is not on this machine; run it on a login node of the cluster") from error
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{command[0]}: no answer in {_TIMEOUT_S} s") from error
    if result.returncode != 0:
        raise NoAnswer(f"{command[0]}: {' '.join(result.stderr.split())}")
    return result.stdout
