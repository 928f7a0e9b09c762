"""When an RL run collapses: accuracy falls and does not come back, or answers run to the limit or repeat themselves.

OctoThinker saw it with long-CoT mixtures: accuracy peaks, lengths run to the cap, accuracy falls to nothing within some
twenty steps (arXiv 2506.20512 section 4). The rules look at what stands in a run's log up to a step, never ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from training.rl.settings import CollapseSettings


@dataclass(frozen=True)
class Point:
    """One evaluation, or one step, of a run's log; shares are in 0..1, None where they were not recorded."""

    step: int
    accuracy: float
    at_limit: float | None = None
    repetition: float | None = None


@dataclass(frozen=True)
class Collapse:
    """That a run collapses: `step` is where the rule fired, `best_step` where accuracy was best before."""

    step: int
    rule: str
    accuracy: float
    best_step: int
    best: float

    def describe(self) -> str:
        """In one line."""
        return (
            f"the run collapses ({self.rule}): accuracy {self.accuracy:.1%} at step {self.step}, its best was "
            f"{self.best:.1%} at step {self.best_step}"
        )


def find_collapse(points: Sequence[Point], settings: CollapseSettings) -> Collapse | None:
    """The first collapse in a log, None of a run that has none.

    Rules, over the newest `window` points and the best accuracy b up to there:

    - `falling`: each of them is below the one before it, and the newest is at most (1 − fall) b;
    - `at_limit`: the share at the length limit is at least `at_limit` in each of them and has not fallen over them, and
      every accuracy is below b;
    - `repetition`: the same of the share of repetitive answers.
    """
    for end in range(settings.window + 1, len(points) + 1):
        seen, recent = points[:end], points[end - settings.window : end]
        best = max(seen, key=lambda point: (point.accuracy, -point.step))
        rule = _rule(seen[-settings.window - 1 :], recent, best, settings) if best.accuracy > 0 else None
        if rule is not None:
            return Collapse(recent[-1].step, rule, recent[-1].accuracy, best.step, best.accuracy)
    return None


def _rule(falls: Sequence[Point], recent: Sequence[Point], best: Point, settings: CollapseSettings) -> str | None:
    falling = all(later.accuracy < earlier.accuracy for earlier, later in pairwise(falls))
    if falling and recent[-1].accuracy <= (1 - settings.fall) * best.accuracy:
        return "falling"
    if all(point.accuracy < best.accuracy for point in recent):
        if _stays(settings.at_limit, [point.at_limit for point in recent]):
            return "at_limit"
        if _stays(settings.repetition, [point.repetition for point in recent]):
            return "repetition"
    return None


def _stays(threshold: float, shares: Sequence[float | None]) -> bool:
    known = [share for share in shares if share is not None]
    return len(known) == len(shares) and min(known) >= threshold and known[-1] >= known[0]
