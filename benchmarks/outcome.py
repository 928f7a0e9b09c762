"""What one build of one side came to, and the figures drawn from repeated ones."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.measure import Usage


@dataclass(frozen=True)
class Funnel:
    """One stage: documents that came in, those kept, and the others by reason."""

    stage: str
    documents_in: int
    kept: int
    dropped: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Whether every document is accounted for."""
        return self.documents_in == self.kept + sum(self.dropped.values())


@dataclass(frozen=True)
class Outcome:
    """One build: its cost, the pages that reached extraction, CPU seconds by stage, and the funnel."""

    usage: Usage
    pages: int
    stage_cpu_s: dict[str, float]
    funnel: list[Funnel]


def summarise(outcomes: list[Outcome], start_up_cpu_s: float) -> dict[str, Any]:
    """Medians over repeated builds of the same input, as JSON values.

    `cpu_s` has the start-up taken off; stages are those of the build with the median CPU time, start-up included.

    Raises:
        ValueError: the builds did not come to the same funnel, so they are not repetitions of each other.
    """
    first = outcomes[0]
    if any(outcome.funnel != first.funnel for outcome in outcomes):
        raise ValueError(f"the funnel differs from run to run: {[outcome.funnel for outcome in outcomes]}")
    cpu_s = median(outcome.usage.cpu_s for outcome in outcomes) - start_up_cpu_s
    ordered = sorted(outcomes, key=lambda outcome: outcome.usage.cpu_s)
    return {
        "pages": first.pages,
        "cpu_s": round(cpu_s, 2),
        "start_up_cpu_s": round(start_up_cpu_s, 2),
        "pages_per_cpu_s": round(first.pages / cpu_s, 2),
        "cpu_s_of_runs": [round(outcome.usage.cpu_s, 2) for outcome in outcomes],
        "wall_s_of_runs": [round(outcome.usage.wall_s, 1) for outcome in outcomes],
        "stage_cpu_s": ordered[(len(ordered) - 1) // 2].stage_cpu_s,
        "peak_process_rss_bytes": max(outcome.usage.peak_process_rss_bytes for outcome in outcomes),
        "peak_tree_rss_bytes": max(outcome.usage.peak_tree_rss_bytes for outcome in outcomes),
        "funnel": [asdict(funnel) for funnel in first.funnel],
    }
