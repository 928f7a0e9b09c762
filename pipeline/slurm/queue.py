"""Slurm's queue: what is in it, putting jobs in and taking them out."""

import os
import re
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
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
    state: str
    reason: str
    name: str

    @property
    def array(self) -> str:
        """Id of the whole array, or of the job."""
        return self.id.partition("_")[0]


class CommandFailed(Exception):
    """A Slurm command refused, in its words, or got no answer."""


def jobs_of(key: str) -> list[Job]:
    """This user's jobs whose name ends in `key` and that have not ended; array elements one by one.

    Raises:
        CommandFailed: the controller did not answer.
    """
    listing = _run("squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T|%r|%j")
    jobs = [Job(*line.split("|", 3)) for line in listing.splitlines()]
    return [job for job in jobs if job.name.endswith(key)]


def has_ended(job: str) -> bool:
    """Whether Slurm knows that a job is over, or does not know it any more."""
    try:
        return not _run("squeue", "--noheader", f"--jobs={job}", "--format=%T").strip()
    except CommandFailed as answer:
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
        with suppress(CommandFailed):  # a job may have ended since; the next look at the queue tells
            _run("scancel", "--quiet", *sorted(ids))
        if time.monotonic() > end:
            raise BuildFailed(f"Slurm does not end the jobs {shorten(ids)}; look at them with squeue")
        time.sleep(min(poll_s, 1.0))
    return sorted(cancelled, key=int)


def array_size(profile: Profile) -> int:
    """The most elements of an array: the profile's, else the cluster's."""
    return profile.max_array_size or _max_array_size()


def check_array_size(profile: Profile, where: str) -> None:
    """Refuse arrays that are longer than the cluster's.

    Raises:
        BadInput: `max_array_size` of the profile read from `where` is too large.
    """
    if profile.max_array_size is not None and profile.max_array_size > (most := _max_array_size()):
        raise BadInput(
            f"{where}: max_array_size: {profile.max_array_size}: the cluster's arrays have {most} elements at most; "
            f"write {most} or less, or leave it out"
        )


def _max_array_size() -> int:
    """The cluster's MaxArraySize; indices stay below it, so that an array from 0 on can have as many elements."""
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config"), re.MULTILINE)
    assert match is not None, "every Slurm has a MaxArraySize"
    return int(match[1])


def submit(arguments: list[str]) -> str:
    """Submit a job with sbatch's `arguments`, script included; returns its id.

    Raises:
        CommandFailed: sbatch refused or got no answer; in its words.
    """
    return _run("sbatch", "--parsable", *arguments).strip().partition(";")[0]


def refusal(arguments: list[str]) -> str | None:
    """What sbatch says against a job; None when it would take it. Nothing is submitted."""
    try:
        _run("sbatch", "--test-only", *arguments)
    except CommandFailed as answer:
        return str(answer).removeprefix("sbatch: ")
    return None


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
        raise CommandFailed(f"{command[0]}: no answer in {_TIMEOUT_S} s") from error
    if result.returncode != 0:
        words = [line.removeprefix(f"{command[0]}: ").removeprefix("error: ") for line in result.stderr.splitlines()]
        raise CommandFailed(f"{command[0]}: {'; '.join(words)}")
    return result.stdout
