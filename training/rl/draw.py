"""One step's answers: prompts taken, responses drawn by all processes, graded, rewarded, and chosen for the loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch.distributed as dist

from training.rl.advantages import group_advantages, varied_groups
from training.rl.answers import Answer
from training.rl.prompts import Prompt, Prompts, PromptState
from training.rl.rewards import is_repetitive, rewards
from training.rl.rollout import Request, RolloutEngine, Sampling
from training.rl.settings import RlRun
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


def draw(run: RlRun, prompts: Prompts, state: PromptState, engine: RolloutEngine, step: int, world: World) -> Drawn:
    """Draw the answers of a step; every process gets all of them, with their advantages.

    Without refill one draw of `prompts_per_step` groups, of which those with equal rewards are left out. With refill
    (DAPO) further draws until `prompts_per_step` groups differ, at most `max_refills`; what a last draw gives beyond is
    left out from its end, so that groups are taken in the order of their prompts.

    Raises:
        BadInput: every prompt is retired.
    """
    wanted, answers, chosen = run.prompts_per_step, list[Answer](), list[int]()
    num_groups = draws = 0
    while draws == 0 or (run.algorithm.refill and len(chosen) < wanted and draws <= run.algorithm.max_refills):
        taken, state = prompts.take(state, wanted if draws == 0 else wanted - len(chosen))
        fresh = _generate(run, taken, num_groups, prompts.stop, engine, step, world)
        state = prompts.note(state, _all_right(fresh))
        answers += fresh
        rewarded = [answer for answer in fresh if answer.reward is not None]
        values = [answer.reward for answer in rewarded if answer.reward is not None]
        chosen += varied_groups(values, [answer.group for answer in rewarded])
        num_groups += len(taken)
        draws += 1
    chosen = chosen[:wanted]
    return Drawn(_with_advantages(run, answers, set(chosen)), chosen, state, num_groups, draws)


def _generate(
    run: RlRun,
    taken: Sequence[tuple[int, Prompt]],
    first_group: int,
    stop: tuple[str, ...],
    engine: RolloutEngine,
    step: int,
    world: World,
) -> list[Answer]:
    """The answers of all groups of a draw; each process draws and grades every `world.size`-th group."""
    sampling = Sampling(
        temperature=run.sampling.temperature,
        max_new_tokens=run.sampling.max_new_tokens(step),
        stop=stop,
        seed=run.sampling.seed,
    )
    mine = [(first_group + place, *item) for place, item in enumerate(taken) if place % world.size == world.rank]
    samples = range(run.sampling.samples)
    requests = [Request(prompt.tokens, position, sample) for _, position, prompt in mine for sample in samples]
    owners = [(group, prompt, sample) for group, _, prompt in mine for sample in samples]
    completions = engine.generate(requests, sampling, step)
    values, grades = rewards(
        run.reward,
        [prompt.answer for _, prompt, _ in owners],
        [completion.text for completion in completions],
        [len(completion.tokens) for completion in completions],
    )
    answers = [
        Answer(
            prompt=prompt.index,
            group=group,
            sample=sample,
            prompt_tokens=prompt.tokens,
            tokens=completion.tokens,
            sampler=completion.logprobs,
            stop_reason=completion.stop_reason,
            weights_version=completion.weights_version,
            question=prompt.question,
            gold=prompt.answer,
            response=completion.text,
            reward=value,
            correct=grade.correct,
            status=grade.status,
            segment=group,
            prefix_length=len(prompt.tokens) - 1,
        )
        for (group, prompt, sample), completion, value, grade in zip(owners, completions, values, grades, strict=True)
    ]
    gathered: list[list[Answer]] = [[] for _ in range(world.size)]
    dist.all_gather_object(gathered, answers)
    return sorted((answer for part in gathered for answer in part), key=lambda answer: (answer.group, answer.sample))


def _all_right(answers: Sequence[Answer]) -> dict[int, bool]:
    """By prompt, whether every answer of this draw was right."""
    right: dict[int, bool] = {}
    for answer in answers:
        right[answer.prompt] = right.get(answer.prompt, True) and answer.correct
    return right


def _with_advantages(run: RlRun, answers: Sequence[Answer], chosen: set[int]) -> list[Answer]:
    """The answers, those of chosen groups with their advantage."""
    trained = [answer for answer in answers if answer.group in chosen and answer.reward is not None]
    values = [answer.reward for answer in trained if answer.reward is not None]
    advantages = group_advantages(values, [answer.group for answer in trained], run.algorithm.advantage)
    by_key = {(answer.group, answer.sample): float(value) for answer, value in zip(trained, advantages, strict=True)}
    return [replace(answer, advantage=by_key.get((answer.group, answer.sample))) for answer in answers]


def figures(run: RlRun, drawn: Drawn, prompts: Prompts, step: int) -> dict[str, float]:
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
        "prompts/retired": float(prompts.retired(drawn.state)),
        "prompts/too_long": float(prompts.too_long),
    }
    for status in sorted({answer.status for answer in answers}):
        found[f"grader/{status.partition(':')[0]}"] = float(sum(answer.status == status for answer in answers))
    return found
