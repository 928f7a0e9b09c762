"""What a run says of its scores: by stratum, and as text."""

from collections import Counter, defaultdict
from typing import Any

from pipeline.annotate.rubric import Judged, Rubric


class Strata:
    """Counts by stratum, while scores come in."""

    def __init__(self, drawn: dict[str, Any], rubric: Rubric) -> None:
        self._drawn, self._rubric = drawn, rubric
        self._scores: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._unscored: Counter[str] = Counter()

    def add(self, stratum: str, judged: Judged) -> None:
        """Count one document."""
        if judged.score is None:
            self._unscored[stratum] += 1
        else:
            self._scores[stratum][judged.score] += 1

    @property
    def scores(self) -> Counter[int]:
        """Documents by score."""
        return sum(self._scores.values(), Counter[int]())

    @property
    def judged(self) -> int:
        """Documents so far."""
        return self.scores.total() + self._unscored.total()

    def in_words(self) -> str:
        """For the progress."""
        return f"{self.scores.total():,} scored, {self._unscored.total():,} not"

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        return {
            name: {
                **found,
                "scored": self._scores[name].total(),
                "unscored": self._unscored[name],
                "positive": sum(n for score, n in self._scores[name].items() if score >= self._rubric.head.cut),
                "scores": {str(score): count for score, count in sorted(self._scores[name].items())},
            }
            for name, found in self._drawn.items()
        }


def render_summary(summary: dict[str, Any]) -> str:
    """The summary as text: a line for each stratum, with the share of positive documents, then reasons and costs."""
    lines = [f"{'':<10} {'documents':>12} {'scored':>8} {'positive':>9} {'mean':>6}"]
    for name, row in summary["strata"].items():
        scored, total = row["scored"], sum(int(score) * count for score, count in row["scores"].items())
        share, mean = (f"{row['positive'] / scored:.1%}", f"{total / scored:.2f}") if scored else ("", "")
        lines.append(f"{name:<10} {row['documents']:>12,} {scored:>8,} {share:>9} {mean:>6}")
    scores = ", ".join(f"{score}: {count:,}" for score, count in summary["scores"].items()) or "none"
    dropped = {name: count for name, count in summary["ledger"]["dropped"].items() if name != "not_sampled"}
    lines += [
        f"scores {scores}",
        "left out: " + (", ".join(f"{name} {count:,}" for name, count in sorted(dropped.items())) or "none"),
        f"answers: {summary['answers']['asked']:,} asked, {summary['answers']['known']:,} known before; "
        f"{summary['tokens']['prompt']:,} tokens in, {summary['tokens']['completion']:,} out",
    ]
    return "\n".join(lines)
