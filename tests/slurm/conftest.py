"""The cluster that the Slurm tests share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.slurm import NEEDED, Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running Slurm of two nodes."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        reason = f"no Slurm on this machine ({', '.join(missing)}); Debian has slurmctld slurmd slurm-client munge"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:  # short: a socket's path has 107 characters at most
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
