"""Builds on the test cluster, and ways to disturb them."""

import subprocess
from pathlib import Path

import psutil

from pipeline.files import write_text
from support.crawl import command, manifest_of
from support.slurm import Cluster

PROFILE = {"partition": "lab", "time": '"00:10:00"', "memory": "2G", "tasks": "2", "poll_s": "0.3", "settle_s": "0"}


class SlurmBuild:
    """`mathmill build RECIPE --executor slurm` into one folder, again and again."""

    def __init__(self, cluster: Cluster, recipe: Path | str, out: Path, **profile: str) -> None:
        self.cluster, self.out = cluster, out
        path = out.parent / f"{out.name}-profile.yaml"
        write_text(path, "".join(f"{key}: {value}\n" for key, value in {**PROFILE, **profile}.items()))
        self.command = command("build", recipe, "--out", out, "--executor", "slurm", "--profile", path, "--quiet")

    def start(self, *more: str) -> subprocess.Popen[str]:
        """The command in the background."""
        return subprocess.Popen(
            [*self.command, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.cluster.environment | {"OMP_NUM_THREADS": "1"},
        )

    def run(self, *more: str) -> tuple[int, str]:
        """The command to its end: exit code, and what it wrote on standard error."""
        process = self.start(*more)
        _, stderr = process.communicate(timeout=900)
        return process.returncode, stderr

    def manifest(self) -> dict[str, object]:
        """The manifest, without its time."""
        return manifest_of(self.out)

    def commits(self) -> set[str]:
        """The parts that are committed."""
        return {str(path.relative_to(self.out)) for path in self.out.glob("*/parts/*/*.json")}

    def jobs(self) -> list[list[str]]:
        """Id, name, state and node of what is in the queue."""
        return self.cluster.jobs()

    def running_task(self, phase: str) -> tuple[str, psutil.Process]:
        """The job and the Python process of a running element of a phase; waits for one."""
        found: list[tuple[str, psutil.Process]] = []

        def look() -> bool:
            names = {row[0]: row[1] for row in self.jobs() if row[2] == "RUNNING"}
            for process in psutil.process_iter(["cmdline", "environ"]):
                line, environment = process.info["cmdline"] or [], process.info["environ"] or {}
                id_ = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
                python = any(word.endswith("launch_pickled_pipeline") for word in line[:2])
                if python and str(self.out) in line[-1] and phase in names.get(id_, ""):
                    found.append((id_, process))
            return bool(found)

        self.cluster.wait(look, f"a running task of {phase}")
        return found[0]
