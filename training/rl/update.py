"""Optimizer updates of a step: its groups in mini-batches, their answers dealt to the processes, packed, trained on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
import torch.distributed as dist
from torch import Tensor

from training.model import reshard
from training.rl.answers import Answer, pack, policy_rows
from training.rl.lessons import Language, deal_lessons, shared_documents
from training.rl.losses import weigh
from training.rl.policy import PolicyModel, PolicyRows, PolicyStats
from training.rl.prefix import passes
from training.rl.prefix.plan import Segment, find_segments, plan
from training.rl.prefix.rows import group_rows
from training.rl.settings import PolicyRun
from training.rows import Rows
from training.step import StepResult, take_step, train_step
from training.world import World

_WORTHWHILE = {"cpu": 1.1, "cuda": 1.5}
"""Tokens computed without sharing by those with it, from which on prefixes are shared. On a GPU attention to spines is
made of matrix products (training.prefix.attend), which cost more than the fused kernel of naive packing."""


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
    one = torch.ones((), dtype=torch.float64, device=world.device)
    size, settings = run.parallel.micro_batch_tokens, run.optimizer
    lessons = [] if language is None else list(shared_documents(answers, language.num_head).values())
    weight = None if language is None else language.weight / max(1, sum(lesson.num_trained for lesson in lessons))
    segments = shared_segments(model, run, answers, language)
    if segments is not None:
        groups = plan(segments, world.size, size)[world.rank]
        total = passes.backward(model, [group_rows(group, world.device, weight) for group in groups], one)
        return take_step(model, optimizer, total, lr=lr, max_grad_norm=settings.max_grad_norm)
    mine, calls = deal(answers, world, size)
    rows: list[PolicyRows | Rows] = [policy_rows(part, world.device) for part in mine]
    rows += [policy_rows([], world.device)] * (calls - len(rows))
    if weight is not None:
        rows += deal_lessons(lessons, world, size, weight)
    return train_step(model, optimizer, rows, denominator=one, lr=lr, max_grad_norm=settings.max_grad_norm)


def shared_segments(
    model: PolicyModel, run: PolicyRun, answers: Sequence[Answer], language: Language | None = None
) -> list[Segment] | None:
    """What the answers share, to be computed once; None: every answer is computed with its own prompt.

    That is so where the run says so, where the model does not allow sharing (one line then says why), and where too few
    tokens are saved by it.
    """
    if not run.parallel.share_prefixes:
        return None
    if model.unshared is not None:
        _say(f"prefixes are not shared, every answer is computed with its own prompt: {model.unshared}")
        return None
    segments = find_segments(answers, None if language is None else language.num_head)
    lessons = [] if language is None else shared_documents(answers, language.num_head).values()
    naive = sum(answer.length - 1 for answer in answers) + sum(lesson.length for lesson in lessons)
    worthwhile = _WORTHWHILE[next(model.parameters()).device.type]
    return segments if naive >= worthwhile * sum(segment.num_tokens for segment in segments) else None


@cache
def _say(message: str) -> None:
    """Once."""
    if dist.get_rank() == 0:
        print(message, flush=True)


def score(
    model: PolicyModel, run: PolicyRun, answers: Sequence[Answer], world: World, temperature: float | None = None
) -> dict[tuple[int, int], list[float]]:
    """log π of every token of the answers, by (group, sample), on every process; no gradient.

    At the model's temperature where none is given.
    """
    size, found = run.parallel.micro_batch_tokens, dict[tuple[int, int], list[float]]()
    temperature = model.temperature if temperature is None else temperature
    segments = shared_segments(model, run, answers)
    with torch.no_grad():
        if segments is not None:
            groups = plan(segments, world.size, size)[world.rank]
            scored = passes.logprobs(model, [group_rows(group, world.device) for group in groups], temperature)
        else:
            scored = _naive_logprobs(model, *deal(answers, world, size), world, temperature)
    for answer, values in scored:
        found[answer.group, answer.sample] = values.double().tolist()
    reshard(model)
    gathered: list[dict[tuple[int, int], list[float]]] = [{} for _ in range(world.size)]
    dist.all_gather_object(gathered, found)
    return {key: values for part in gathered for key, values in part.items()}


def _naive_logprobs(
    model: PolicyModel, parts: Sequence[Sequence[Answer]], calls: int, world: World, temperature: float
) -> list[tuple[Answer, Tensor]]:
    found: list[tuple[Answer, Tensor]] = []
    for place in range(calls):
        part = parts[place] if place < len(parts) else []
        scored: Tensor = model(policy_rows(part, world.device), score=temperature)
        found += zip(part, scored.split([len(answer.tokens) for answer in part]), strict=True)
    return found


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
