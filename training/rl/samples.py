"""A few answers of a step, to read: which ones, and as text."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.files import write_text
from training.rl.answers import Answer, answers_path

Show = Literal["mixed", "best", "worst", "random"]
_COLUMNS = ["prompt", "question", "gold", "response", "reward", "correct", "grader_status", "stop_reason", "advantage"]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Sample:
    """What a reader wants to know of a drawn answer."""

    prompt: int
    question: str
    gold: str
    response: str
    reward: float | None
    correct: bool
    status: str
    stop_reason: str
    advantage: float | None
    num_tokens: int

    @classmethod
    def of(cls, answer: Answer) -> "Sample":
        """Of an answer in memory."""
        return cls(
            answer.prompt,
            answer.question,
            answer.gold,
            answer.response,
            answer.reward,
            answer.correct,
            answer.status,
            answer.stop_reason,
            answer.advantage,
            len(answer.tokens),
        )


def read_samples(run: Path, step: int | None) -> tuple[int, list[Sample]]:
    """The stored answers of a step of a run, of its newest one for None, and the step.

    Raises:
        BadInput: there are none.
    """
    steps = sorted(int(path.stem.removeprefix("step-")) for path in run.glob("rollouts/step-*.parquet"))
    if not steps:
        raise BadInput(f"{run}: no rollouts in it; give the folder of an RL run that has done a step")
    step = steps[-1] if step is None else step
    if step not in steps:
        raise BadInput(f"--step {step}: {run} has the rollouts of steps {steps[0]} to {steps[-1]}; take one of them")
    table = pq.read_table(answers_path(run, step), columns=[*_COLUMNS, "tokens"])
    lengths = pc.list_value_length(table["tokens"]).to_pylist()
    rows = zip(*(table[column].to_pylist() for column in _COLUMNS), lengths, strict=True)
    return step, [Sample(*row) for row in rows]


def choose_samples(samples: Sequence[Sample], number: int, show: Show, seed: int) -> list[Sample]:
    """At most `number` of the samples, in an order that `seed` decides among equals.

    Args:
        samples: of a step.
        number: how many.
        show: `best` and `worst` by reward, dropped ones last, `random`, or `mixed`: the best, the worst, then random.
        seed: of the order.
    """
    order = random.Random(seed).sample(range(len(samples)), len(samples))
    rewards = {place: reward for place in order if (reward := samples[place].reward) is not None}
    ranked = sorted(rewards, key=rewards.__getitem__)
    first = {"best": ranked[::-1], "worst": ranked, "random": [], "mixed": [*ranked[-1:], *ranked[:1]]}[show]
    return [samples[place] for place in list(dict.fromkeys([*first, *order]))[:number]]


def render(step: int, samples: Sequence[Sample], chosen: Sequence[Sample], max_characters: int | None = 2000) -> str:
    """A step's chosen samples as Markdown: a line on all of them, a table, then each in full.

    Args:
        step: which.
        samples: all of the step.
        chosen: those to show.
        max_characters: longer questions and responses lose their middle; None: nothing does.
    """
    lines = [f"# Step {step}", "", _summary(samples), ""]
    lines += ["|  | reward | advantage | right | grade | tokens | end | question |", "|-|-|-|-|-|-|-|-|"]
    for place, sample in enumerate(chosen, start=1):
        question = _cut(" ".join(_visible(sample.question).split()), 60).replace("|", r"\|")
        lines.append(f"| {place} | " + " | ".join([*_facts(sample), question]) + " |")
    for place, sample in enumerate(chosen, start=1):
        names = ("reward", "advantage", "right", "grade", "tokens", "end")
        facts = ", ".join(f"{name} {fact}" for name, fact in zip(names, _facts(sample), strict=True))
        lines += ["", f"## {place}. Prompt {sample.prompt}: {facts}", "", f"Wanted: `{_visible(sample.gold)}`"]
        for title, text in (("Question", sample.question), ("Response", sample.response)):
            lines += ["", f"{title}:", "", *_fenced(_cut(_visible(text), max_characters))]
    return "\n".join(lines) + "\n"


def write_samples(run: Path, step: int, answers: Iterable[Answer], number: int) -> str:
    """Write samples of a step beside its rollouts; returns the text."""
    samples = [Sample.of(answer) for answer in answers]
    text = render(step, samples, choose_samples(samples, number, "mixed", step))
    write_text(answers_path(run, step).with_suffix(".md"), text)
    return text


def _summary(samples: Sequence[Sample]) -> str:
    rewards = [sample.reward for sample in samples if sample.reward is not None]
    ends = Counter(sample.stop_reason for sample in samples)
    parts = [
        f"{len(samples):,} answers to {len({sample.prompt for sample in samples}):,} prompts",
        f"reward {sum(rewards) / max(1, len(rewards)):+.3f}",
        f"right {sum(sample.correct for sample in samples) / max(1, len(samples)):.1%}",
        f"{sum(sample.num_tokens for sample in samples) / max(1, len(samples)):.0f} tokens on average",
        "ends: " + ", ".join(f"{name} {count:,}" for name, count in ends.most_common()),
    ]
    return "; ".join(parts)


def _facts(sample: Sample) -> list[str]:
    return [
        "dropped" if sample.reward is None else f"{sample.reward:+.3g}",
        "none" if sample.advantage is None else f"{sample.advantage:+.3g}",
        "yes" if sample.correct else "no",
        sample.status,
        f"{sample.num_tokens:,}",
        sample.stop_reason,
    ]


def _visible(text: str) -> str:
    """Control characters by their pictures, so that no response steers a terminal; line ends stay."""
    return _CONTROL.sub(lambda match: chr(0x2400 + ord(match[0])) if ord(match[0]) < 32 else "\ufffd", text)


def _cut(text: str, limit: int | None) -> str:
    if limit is None or len(text) <= limit:
        return text
    head, tail = limit - limit // 3, limit // 3
    return f"{text[:head]} […{len(text) - head - tail:,} characters…] {text[-tail:]}"


def _fenced(text: str) -> list[str]:
    """A block of code whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]
