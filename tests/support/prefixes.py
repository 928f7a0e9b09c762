"""Random answers that share prefixes, and the gradients of their loss, shared or not, on every rank of a group."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from support import tiny
from support.steps import full
from training.model import build_model, load_model_config, place_model, reshard
from training.rl import update as updates
from training.rl.algorithms import Algorithm
from training.rl.answers import Answer
from training.rl.lessons import Language
from training.rl.policy import PolicyModel, PolicyStats
from training.rl.settings import PolicyRun, PromptSettings, RlParallel, RlRun
from training.world import World

HEAD = (3, 1, 4, 1, 5)
"""An instruction before every document."""


def position_answers(positions: dict[int, list[int]], seed: int = 0, samples: int = 3) -> list[Answer]:
    """Answers at positions of documents, with tails of uneven lengths.

    Args:
        positions: by segment, the lengths of document that prompts see; one of 0 sees the instruction alone.
        seed: of tokens and numbers.
        samples: answers at each position.
    """
    rng = np.random.default_rng(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(rng.integers(0, tiny.VOCAB, count).tolist())

    answers = []
    for segment, lengths in positions.items():
        document = tokens(max(lengths))
        for length in lengths:
            group = len(answers) // samples
            tail = tokens(int(rng.integers(1, 5)))
            for sample in range(samples):
                drawn = tokens(int(rng.integers(1, 9)))
                answers.append(
                    Answer(
                        prompt=group,
                        group=group,
                        sample=sample,
                        prompt_tokens=HEAD + document[:length] + tail,
                        tokens=drawn,
                        sampler=tuple((-4 + rng.normal(0, 0.2, len(drawn))).tolist()),
                        stop_reason="stop",
                        weights_version=0,
                        question="",
                        gold="",
                        response="",
                        reward=0.0,
                        correct=False,
                        status="ok",
                        advantage=float(rng.normal()),
                        weight=float(rng.uniform(0.01, 0.1)),
                        segment=segment,
                        prefix_length=len(HEAD) + length,
                    )
                )
    return answers


def settings(share: bool, micro_batch_tokens: int = 70, model: str = "llama", **fields: Any) -> PolicyRun:
    """A run, of which only the update's part matters."""
    return RlRun(
        name="prefixes",
        model=tiny.settings(model, **fields),
        tokenizer="none",
        prompts=PromptSettings(path="none"),
        num_steps=1,
        algorithm=Algorithm(name="grpo", importance="truncated"),
        parallel=RlParallel(micro_batch_tokens=micro_batch_tokens, share_prefixes=share),
    )


def build(world: World, run: PolicyRun) -> PolicyModel:
    """The run's model, with random weights of a size that makes attention sharp."""
    config = load_model_config(run.model, Path("."))
    config.initializer_range = 0.2
    model = build_model(run.model, config, place_model(world, run.model, 1), 3, Path("."), PolicyModel)
    model.algorithm, model.temperature, model.stats = run.algorithm, 0.8, PolicyStats()
    return model


def learn(
    world: World, run: PolicyRun, answers: list[Answer], language: Language | None = None
) -> tuple[float, dict[str, np.ndarray], dict[tuple[int, int], list[float]], dict[str, float]]:
    """Loss, gradient of every parameter, log-probs before the update, and figures."""
    model = build(world, run)
    scored = updates.score(model, run, answers, world)
    old = [dataclasses.replace(answer, old=tuple(scored[answer.group, answer.sample])) for answer in answers]
    gradients: dict[str, np.ndarray] = {}

    class Recorder(torch.optim.SGD):
        def step(self, closure: None = None) -> None:
            gradients.update({name: full(parameter.grad) for name, parameter in model.model.named_parameters()})

    parameters = run.optimizer.model_copy(update={"max_grad_norm": 1e9})
    run = run.model_copy(update={"optimizer": parameters})
    result = updates.update(model, Recorder(model.parameters(), lr=0.0), run, old, 0.0, world, language)
    reshard(model)
    figures = updates.stats_figures(model.stats, world, language, 1)
    return result.loss, gradients, scored, figures
