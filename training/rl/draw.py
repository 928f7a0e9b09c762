"""One step's answers: prompts taken, responses drawn by all processes, graded, rewarded, and chosen for the loss."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch.distributed as dist

from pipeline.progress import Reporter
from training.rl.advantages import group_advantages, varied_groups
from training.rl.answers import Answer
from training.rl.compute import Spent
from training.rl.rewards import is_repetitive
from training.rl.rollout import Completion, Request, RolloutEngine, Sampling
from training.rl.scorer import Scorers
from training.rl.settings import PolicyRun
from training.rl.task import Prompt, PromptState, Task, Verdict
from training.world import World


@dataclass(frozen=True)
class Drawn:
    """What was drawn for a step, the same on every process.

    `answers` are all of them, group by group; `chosen` the groups that are trained on, in the order of their prompts.
    """

    answers: list[Answer]
    chosen: list[int]
    state: PromptState
    num_groups: int
    """Groups drawn; those not chosen had equal rewards."""
    draws: int
    asked: Spent = field(default_factory=Spent)
    """By rewards that asked a model."""


def draw(
    run: PolicyRun, task: Task, state: PromptState, engine: RolloutEngine, scorers: Scorers, step: int, world: World
) -> Drawn:
    """Draw the answers of a step; every process gets all of them, with their advantages.

    Without refill one draw of `prompts_per_step` groups, of which those with equal rewards are left out. With refill
    (DAPO) further draws until `prompts_per_step` groups differ, at most `max_refills`; what a last draw gives beyond is
    left out from its end, so that groups are taken in the order of their prompts.

    Raises:
        BadInput: there is no prompt left.
    """
    refills = run.algorithm.refill and step >= run.algorithm.refill_from_step
    wanted, answers, chosen = run.prompts_per_step, list[Answer](), list[int]()
    segments: dict[tuple[int, ...], int] = {}
    num_groups = draws = 0
    while draws == 0 or (refills and len(chosen) < wanted and draws <= run.algorithm.max_refills):
        taken, state = task.take(state, wanted if draws == 0 else wanted - len(chosen))
        groups = [
            _Group(number, position, prompt, _segment(segments, number, prompt))
            for number, (position, prompt) in enumerate(taken, start=num_groups)
        ]
        fresh = _generate(run, task, groups, engine, scorers, step, world)
        state = task.note(state, fresh)
        answers += fresh
        rewarded = [answer for answer in fresh if answer.reward is not None]
        values = [answer.reward for answer in rewarded if answer.reward is not None]
        chosen += varied_groups(values, [answer.group for answer in rewarded])
        num_groups += len(taken)
        draws += 1
    chosen = chosen[:wanted]
    return Drawn(_with_advantages(run, answers, set(chosen)), chosen, state, num_groups, draws)


@dataclass(frozen=True)
class _Group:
    """A prompt that is drawn from: `position` is its place in the order, which its noise depends on."""

    number: int
    position: int
    prompt: Prompt
    segment: int


def _segment(numbers: dict[tuple[int, ...], int], group: int, prompt: Prompt) -> int:
    """The number in the step of a prompt's segment; one of its own where it shares nothing with others."""
    key = (-1, group) if prompt.segment is None else prompt.segment
    return numbers.setdefault(key, len(numbers))


def _generate(
    run: PolicyRun,
    task: Task,
    groups: Sequence[_Group],
    engine: RolloutEngine,
    scorers: Scorers,
    step: int,
    world: World,
) -> list[Answer]:
    """The answers of all groups of a draw; each process draws and rewards a run of them.

    Neighbours stay together: prompts of one document begin alike, and a beginning is computed once where it is met.
    """
    sampling = Sampling(
        temperature=run.sampling.temperature,
        max_new_tokens=run.sampling.max_new_tokens(step),
        stop=task.stop,
        seed=run.sampling.seed,
    )
    first, end = (len(groups) * rank // world.size for rank in (world.rank, world.rank + 1))
    mine, samples = groups[first:end], run.sampling.samples
    requests = [Request(group.prompt.tokens, group.position, sample) for group in mine for sample in range(samples)]
    reporter = Reporter(quiet=not world.is_first)
    with reporter.phase(f"step {step + 1}", len(requests), 0, unit="answers") as on_progress:
        completions = engine.generate(requests, sampling, step, on_progress)
    by_group = [completions[first : first + samples] for first in range(0, len(completions), samples)]
    verdicts = task.reward([group.prompt for group in mine], by_group, scorers)
    answers = [
        _answer(group, sample, completion, verdict)
        for group, drawn, rated in zip(mine, by_group, verdicts, strict=True)
        for sample, (completion, verdict) in enumerate(zip(drawn, rated, strict=True))
    ]
    gathered: list[list[Answer]] = [[] for _ in range(world.size)]
    dist.all_gather_object(gathered, answers)
    return sorted((answer for part in gathered for answer in part), key=lambda answer: (answer.group, answer.sample))


def _answer(group: _Group, sample: int, completion: Completion, verdict: Verdict) -> Answer:
    prompt = group.prompt
    # The last token of a prompt is never shared: what it predicts is the answer's first.
    shareable = len(prompt.tokens) - 1
    return Answer(
        prompt=prompt.index,
        group=group.number,
        sample=sample,
        prompt_tokens=prompt.tokens,
        tokens=completion.tokens,
        sampler=completion.logprobs,
        stop_reason=completion.stop_reason,
        weights_version=completion.weights_version,
        question=prompt.question,
        gold=prompt.answer,
        response=completion.text,
        reward=verdict.reward,
        correct=verdict.correct,
        status=verdict.status,
        parts=tuple(sorted(verdict.parts.items())),
        segment=group.segment,
        stale_draws=completion.stale_draws,
        prefix_length=shareable if prompt.prefix_length is None else min(shareable, prompt.prefix_length),
        document=prompt.document,
        offset=prompt.offset,
    )


def _with_advantages(run: PolicyRun, answers: Sequence[Answer], chosen: set[int]) -> list[Answer]:
    """The answers, those of chosen groups with their advantage."""
    trained = [answer for answer in answers if answer.group in chosen and answer.reward is not None]
    values = [answer.reward for answer in trained if answer.reward is not None]
    advantages = group_advantages(values, [answer.group for answer in trained], run.algorithm.advantage)
    by_key = {(answer.group, answer.sample): float(value) for answer, value in zip(trained, advantages, strict=True)}
    return [replace(answer, advantage=by_key.get((answer.group, answer.sample))) for answer in answers]


def figures(run: PolicyRun, drawn: Drawn, step: int) -> dict[str, float]:
    """What a step's answers look like, under the names of metrics.jsonl."""
    answers = drawn.answers
    count = len(answers)
    rewarded = [answer.reward for answer in answers if answer.reward is not None]
    found = {
        "rollout/reward": sum(rewarded) / max(1, len(rewarded)),
        "rollout/accuracy": sum(answer.correct for answer in answers) / count,
        "rollout/length": sum(len(answer.tokens) for answer in answers) / count,
        "rollout/at_limit": sum(answer.stop_reason == "length" for answer in answers) / count,
        "rollout/repetition": sum(is_repetitive(answer.response) for answer in answers) / count,
        "rollout/max_new_tokens": float(run.sampling.max_new_tokens(step)),
        "rollout/equal_groups": float(drawn.num_groups - len(drawn.chosen)),
        "rollout/draws": float(drawn.draws),
        "rollout/stale": float(sum(answer.stale_draws for answer in answers)),
    }
    for name in sorted({name for answer in answers for name, _ in answer.parts}):
        values = [value for answer in answers for part, value in answer.parts if part == name]
        found[f"reward/{name}"] = sum(values) / len(values)
    for status in sorted({answer.status for answer in answers}):
        found[f"grader/{status.partition(':')[0]}"] = float(sum(answer.status == status for answer in answers))
    return found
