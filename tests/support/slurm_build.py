"""Builds on the test cluster, and ways to disturb them."""

import subprocess
from pathlib import Path

import psutil

from pipeline.files import write_text
from pipeline.recipe import find_recipe, load_recipe
from pipeline.slurm.build import plan_submission
from pipeline.slurm.profile import Profile
from pipeline.slurm.submission import Submission
from pipeline.stages import stages_of
from support.crawl import command, manifest_of
from support.slurm import Cluster

PROFILE = {"partition": "lab", "time": '"00:10:00"', "memory": "2G", "tasks": "2", "poll_s": "0.3", "settle_s": "0"}


def planned(folder: Path, profile: Profile, tasks: int = 4) -> Submission:
    """A submission of the demo, with nothing written."""
    loaded = load_recipe(find_recipe("demo"))
    first = stages_of(loaded.recipe)[0](loaded, folder / "out", None)
    return plan_submission(first, profile, folder / "profile.yaml", tasks)[1]


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

    def running_tasks(self, phase: str, count: int = 1) -> list[tuple[str, psutil.Process]]:
        """The jobs and Python processes of running elements of a phase, in their order; waits for `count` of them."""
        found: list[tuple[str, psutil.Process]] = []

        def look() -> bool:
            found.clear()
            names = {row[0]: row[1] for row in self.jobs() if row[2] == "RUNNING"}
            for process in psutil.process_iter(["cmdline", "environ"]):
                line, environment = process.info["cmdline"] or [], process.info["environ"] or {}
                id_ = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
                element = "pipeline.slurm.element" in line[2:5] and str(self.out) in line[-3]
                if element and phase in names.get(id_, ""):
                    found.append((id_, process))
            return len(found) >= count

        self.cluster.wait(look, f"{count} running task(s) of {phase}")
        return sorted(found, key=lambda each: each[0])
