"""Optimizer updates of a step: its groups in mini-batches, their answers dealt to the processes, packed, trained on."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor

from training.model import reshard
from training.rl.answers import Answer, pack, policy_rows
from training.rl.lessons import Language, deal_lessons, shared_documents
from training.rl.losses import weigh
from training.rl.policy import PolicyModel, PolicyRows, PolicyStats
from training.rl.settings import PolicyRun
from training.rows import Rows
from training.step import StepResult, train_step
from training.world import World


def mini_batches(
    run: PolicyRun, answers: Sequence[Answer], chosen: Sequence[int], max_length: int
) -> list[list[Answer]]:
    """The answers of each update, with the weight of their tokens and, summed up over the update, denominator 1.

    Groups are taken in order, `prompts_per_update` to an update.
    """
    batches = []
    for first in range(0, len(chosen), run.prompts_per_update):
        groups = set(chosen[first : first + run.prompts_per_update])
        batch = [answer for answer in answers if answer.group in groups and answer.advantage is not None]
        weighting = weigh([len(answer.tokens) for answer in batch], run.algorithm.average, max_length)
        place, weighted = 0, []
        for answer in batch:
            weight = float(weighting.weights[place]) / weighting.denominator
            weighted.append(replace(answer, weight=weight))
            place += len(answer.tokens)
        batches.append(weighted)
    return batches


def deal(answers: Sequence[Answer], world: World, max_tokens: int) -> tuple[list[list[Answer]], int]:
    """This process's micro-batches, and how many calls every process makes: the most that one has."""
    ordered = sorted(answers, key=lambda answer: (-answer.length, answer.group, answer.sample))
    packs = [pack(ordered[rank :: world.size], max_tokens) for rank in range(world.size)]
    return packs[world.rank], max(1, *(len(part) for part in packs))


def update(
    model: PolicyModel,
    optimizer: torch.optim.Optimizer,
    run: PolicyRun,
    answers: Sequence[Answer],
    lr: float,
    world: World,
    language: Language | None = None,
) -> StepResult:
    """One optimizer update on weighted answers, and with `language` on the documents that they share."""
    mine, calls = deal(answers, world, run.parallel.micro_batch_tokens)
    rows: list[PolicyRows | Rows] = [policy_rows(part, world.device) for part in mine]
    rows += [policy_rows([], world.device)] * (calls - len(rows))
    if language is not None:
        lessons = list(shared_documents(answers, language.num_head).values())
        num_trained = max(1, sum(lesson.num_trained for lesson in lessons))
        rows += deal_lessons(lessons, world, run.parallel.micro_batch_tokens, language.weight / num_trained)
    one = torch.ones((), dtype=torch.float64, device=world.device)
    settings = run.optimizer
    return train_step(model, optimizer, rows, denominator=one, lr=lr, max_grad_norm=settings.max_grad_norm)


def score(
    model: PolicyModel, run: PolicyRun, answers: Sequence[Answer], world: World
) -> dict[tuple[int, int], list[float]]:
    """log π of every token of the answers, by (group, sample), on every process; no gradient."""
    mine, calls = deal(answers, world, run.parallel.micro_batch_tokens)
    found: dict[tuple[int, int], list[float]] = {}
    with torch.no_grad():
        for place in range(calls):
            part = mine[place] if place < len(mine) else []
            logprobs = _logprobs(model, part, world)
            for answer, values in zip(part, logprobs.split([len(answer.tokens) for answer in part]), strict=True):
                found[answer.group, answer.sample] = values.double().tolist()
    reshard(model)
    gathered: list[dict[tuple[int, int], list[float]]] = [{} for _ in range(world.size)]
    dist.all_gather_object(gathered, found)
    return {key: values for part in gathered for key, values in part.items()}


def _logprobs(model: PolicyModel, answers: Sequence[Answer], world: World) -> Tensor:
    scored: Tensor = model(policy_rows(answers, world.device), score=model.temperature)
    return scored


def stats_figures(stats: PolicyStats, world: World, language: Language | None, num_updates: int) -> dict[str, float]:
    """Figures of the updates since the stats were new, over all processes."""
    sums = torch.tensor(
        [stats.tokens, stats.clipped, stats.entropy, stats.sampler_kl, stats.reference_kl, stats.language],
        dtype=torch.float64,
        device=world.device,
    )
    largest = torch.tensor(stats.sampler_max, dtype=torch.float64, device=world.device)
    dist.all_reduce(sums)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    tokens, clipped, entropy, sampler_kl, reference_kl, plain = sums.tolist()
    tokens = max(1.0, tokens)
    found = {
        "policy/clip_share": clipped / tokens,
        "policy/entropy": entropy / tokens,
        "policy/sampler_kl": sampler_kl / tokens,
        "policy/sampler_max_gap": float(largest),
        "policy/reference_kl": reference_kl / tokens,
    }
    if language is not None:
        found["train/language_loss"] = plain / (language.weight * max(1, num_updates))
    return found
