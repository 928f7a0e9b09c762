"""What a policy run spends: tokens and FLOP of drawing, scoring and training, step by step and in all.

Counted from the answers themselves, as the scheme computes them: what prompts begin with alike is read once; what they
share is trained once where training shares it.
"""

from collections.abc import Sequence

from pipeline.frozen import Frozen
from training.flops import Cost, Work, work_behind
from training.rl.answers import Answer
from training.rl.lessons import Language, Lesson, shared_documents
from training.rl.prefix.common import common_tokens
from training.rl.prefix.plan import Segment
from training.rl.prefix.plan import work as segment_work


class Spent(Frozen):
    """Tokens and FLOP. Tokens are those that went through the layers; evaluation is not in it."""

    prefilled: int = 0
    """Prompt tokens that the sampler read."""
    generated: int = 0
    """Tokens drawn."""
    scored: int = 0
    """Tokens of passes without gradient: π_old, π_ref, rewards that ask a model."""
    trained: int = 0
    """Tokens forward and backward."""
    flops: float = 0.0
    """Of all of it: 2 a parameter forward, 6 forward and backward, attention by the keys that are seen."""

    def __add__(self, other: "Spent") -> "Spent":
        mine, theirs = self.model_dump(), other.model_dump()
        return Spent(**{name: mine[name] + theirs[name] for name in mine})

    def figures(self) -> dict[str, float]:
        """Under the names of metrics.jsonl."""
        return {f"compute/{name}": float(value) for name, value in self.model_dump().items()}


def drawn(cost: Cost, answers: Sequence[Answer]) -> Spent:
    """Of drawing answers, as one process draws them: what prompts begin with alike once, then a token at a time."""
    prefill, before = Work(), tuple[int, ...]()
    for prompt in sorted({answer.prompt_tokens for answer in answers}):
        start = min(common_tokens(before, prompt), len(prompt) - 1)
        prefill += work_behind(start, len(prompt) - start, 1)
        before = prompt
    # The first token is drawn behind the prompt, the last is never read.
    decode = sum((_behind(answer) for answer in answers), Work())
    return Spent(
        prefilled=prefill.tokens,
        generated=sum(len(answer.tokens) for answer in answers),
        flops=cost.forward(prefill) + cost.forward(decode),
    )


def _behind(answer: Answer) -> Work:
    more = len(answer.tokens) - 1
    return work_behind(len(answer.prompt_tokens), more, more)


def scored(cost: Cost, works: Sequence[Work]) -> Spent:
    """Of passes without gradient."""
    total = sum(works, Work())
    return Spent(scored=total.tokens, flops=cost.forward(total))


def trained(cost: Cost, works: Sequence[Work]) -> Spent:
    """Of passes forward and backward."""
    total = sum(works, Work())
    return Spent(trained=total.tokens, flops=3 * cost.forward(total))


def answer_work(answers: Sequence[Answer], segments: Sequence[Segment] | None) -> list[Work]:
    """Of answers, by the segments that they share; None: each is computed with its own prompt."""
    if segments is not None:
        return segment_work(segments)
    return [work_behind(0, answer.length - 1, len(answer.tokens)) for answer in answers]


def lesson_work(lessons: Sequence[Lesson], *, contexts: bool = False) -> list[Work]:
    """Of texts learned by cross-entropy, with their contexts or without."""
    return [
        work_behind(0, lesson.length - 1, lesson.num_trained + (lesson.num_context if contexts else 0))
        for lesson in lessons
    ]


def of_update(
    cost: Cost, answers: Sequence[Answer], language: Language | None, segments: Sequence[Segment] | None
) -> Spent:
    """Of one update on answers, and on their documents where those are learned; shared segments hold both."""
    if segments is not None:
        return trained(cost, segment_work(segments))
    documents = [] if language is None else list(shared_documents(answers, language.num_head).values())
    return trained(cost, [*answer_work(answers, None), *lesson_work(documents)])
