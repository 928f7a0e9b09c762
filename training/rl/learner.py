"""The policy and what it learns by: weights, optimizer, reference and average, one update after another."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from training.checkpoint import Checkpointer, load_checkpoint
from training.flops import Cost
from training.model import build_model, load_model_config, place_model, shape_model
from training.rl import compute
from training.rl.answers import Answer
from training.rl.average import begin, follow
from training.rl.lessons import Language, Lesson, imitate
from training.rl.policy import PolicyModel, PolicyStats
from training.rl.record import PolicyRecord, Settings
from training.rl.rollout import Weights
from training.rl.scorer import ModelScorer, Scorers
from training.rl.settings import LoadedPolicyRun
from training.rl.update import mini_batches, score, shared_segments, stats_figures, update
from training.step import make_optimizer
from training.world import World


@dataclass(frozen=True)
class Prepared:
    """A step's answers, ready to be learned from: `batches` holds those of each update."""

    batches: list[list[Answer]]
    spent: compute.Spent
    seconds: float


@dataclass(frozen=True)
class Learned:
    """What a step's updates did, the same on every process but for times; `spent` holds their preparation too."""

    spent: compute.Spent
    figures: dict[str, float]


class Learner(Generic[Settings]):
    """The policy of a run, as it begins or as a checkpoint left it.

    Args:
        loaded: the run.
        checkpoint: folder and record that it goes on from; None: the run's own weights.
        average_decay: of the moving average of the policy; None: there is none.
        world: the group of processes.

    Raises:
        BadInput: the model cannot be trained here.
    """

    def __init__(
        self,
        loaded: LoadedPolicyRun[Settings],
        checkpoint: tuple[Path, PolicyRecord[Settings]] | None,
        average_decay: float | None,
        world: World,
    ) -> None:
        run = loaded.run
        self._run, self._world, self._average_decay = run, world, average_decay
        self.config = load_model_config(run.model, loaded.folder, None if checkpoint is None else checkpoint[0])
        place = place_model(world, run.model, run.parallel.replicas)
        if checkpoint is None:
            self.model = build_model(run.model, self.config, place, run.seed, loaded.folder, PolicyModel)
        else:
            self.model = shape_model(run.model, self.config, place, PolicyModel)
        self.updates = 0 if checkpoint is None else checkpoint[1].updates
        self._optimizer = make_optimizer(self.model, run.optimizer)
        self._average: PolicyModel | None = None
        if average_decay is not None:
            self._average = shape_model(run.model, self.config, place, PolicyModel)
            self._average.requires_grad_(False)
        if checkpoint is not None:
            load_checkpoint(*checkpoint, self.model, self._optimizer, world, average=self._average)
        elif self._average is not None:
            begin(self._average, self.model)
        self.model.algorithm, self.model.temperature = run.algorithm, run.sampling.temperature
        self.model.stats = PolicyStats()
        self._reference: PolicyModel | None = None
        if run.algorithm.kl_weight:
            self._reference = build_model(run.model, self.config, place, run.seed, loaded.folder, PolicyModel)
            self._reference.requires_grad_(False)
            self._reference.temperature = run.sampling.temperature
        self.cost = Cost.of(self.model.model, self.config)
        self._policy_scorer = ModelScorer(self.model, run, world)
        self._average_scorer = None if self._average is None else ModelScorer(self._average, run, world)
        self.scorers = Scorers(self._policy_scorer, self._average_scorer)

    def prepare(self, answers: Sequence[Answer], chosen: Sequence[int], step: int) -> Prepared:
        """The chosen groups of a step's answers, dealt to its updates, with what the loss needs beside."""
        started = time.monotonic()
        batches, spent = self._scored(mini_batches(self._run, answers, chosen, self._run.sampling.max_new_tokens(step)))
        return Prepared(batches, spent + compute.drawn(self.cost, answers), time.monotonic() - started)

    def learn(self, prepared: Prepared, language: Language | None) -> Learned:
        """Update the policy on prepared answers.

        Raises:
            NotFinite: before the weights are touched.
        """
        run, spent, started = self._run, prepared.spent, time.monotonic()
        self.model.stats = PolicyStats()
        losses, norms = [], []
        for batch in prepared.batches:
            rate = run.lr * min(1.0, (self.updates + 1) / max(1, run.warmup_updates))
            result = update(self.model, self._optimizer, run, batch, rate, self._world, language)
            self._follow()
            self.updates += 1
            losses.append(result.loss)
            norms.append(result.grad_norm)
            spent += compute.of_update(self.cost, batch, language, shared_segments(self.model, run, batch, language))
        count = max(1, len(losses))
        found = stats_figures(self.model.stats, self._world, language, len(losses))
        found |= {
            "train/loss": sum(losses) / count,
            "train/grad_norm": sum(norms) / count,
            "train/updates": float(self.updates),
            "time/logprobs_s": prepared.seconds,
            "time/update_s": time.monotonic() - started,
        }
        return Learned(spent, found)

    def imitate(self, lessons: Sequence[Lesson], lr: float, language: Language | None) -> Learned:
        """Update the policy on texts, by cross-entropy; with `language` on their contexts too.

        Raises:
            NotFinite: before the weights are touched.
        """
        started = time.monotonic()
        result = imitate(self.model, self._optimizer, self._run, lessons, lr, self._world, language)
        self._follow()
        found = {
            "warmup/loss": result.loss,
            "train/grad_norm": result.grad_norm,
            "time/update_s": time.monotonic() - started,
        }
        return Learned(compute.trained(self.cost, compute.lesson_work(lessons, contexts=language is not None)), found)

    def forget_moments(self) -> None:
        """Begin with fresh moments: those of one loss mislead the first updates by another."""
        self._optimizer.state.clear()

    def weights(self) -> Weights:
        """The policy's weights, whole."""
        weights: dict[str, torch.Tensor] = get_model_state_dict(
            self.model.model, options=StateDictOptions(full_state_dict=True)
        )
        return weights

    def save(self, checkpointer: Checkpointer, record: PolicyRecord[Settings]) -> None:
        """Hand everything that a resume needs to the checkpointer."""
        checkpointer.save(record, self.config, self.model, self._optimizer, average=self._average)

    def asked(self) -> compute.Spent:
        """What rewards spent since it was last called by asking a model."""
        scorers = [scorer for scorer in (self._policy_scorer, self._average_scorer) if scorer is not None]
        return compute.scored(self.cost, [work for scorer in scorers for work in scorer.take_works()])

    def _follow(self) -> None:
        if self._average is not None and self._average_decay is not None:
            follow(self._average, self.model, self._average_decay)

    def _scored(self, batches: list[list[Answer]]) -> tuple[list[list[Answer]], compute.Spent]:
        """The batches with what the loss needs besides: π_old where there are several updates, π_ref with a KL term."""
        run = self._run
        flat = [answer for batch in batches for answer in batch]
        models = []
        old: dict[tuple[int, int], list[float]] = {}
        reference: dict[tuple[int, int], list[float]] = {}
        if flat and (len(batches) > 1 or run.algorithm.importance != "none"):
            old = score(self.model, run, flat, self._world)
            models.append(self.model)
        if flat and self._reference is not None:
            reference = score(self._reference, run, flat, self._world)
            models.append(self._reference)
        works = compute.answer_work(flat, shared_segments(self.model, run, flat))
        spent = compute.scored(self.cost, works * len(models))
        complete = [
            [
                answer.with_logprobs(
                    old.get((answer.group, answer.sample)), reference.get((answer.group, answer.sample))
                )
                for answer in batch
            ]
            for batch in batches
        ]
        return complete, spent
