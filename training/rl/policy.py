"""The policy as the trainer holds it: rows of answers in, the weighted sum of their losses out."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.loss import IGNORE, summed_cross_entropy
from training.model import LossModel
from training.prefix.branches import BranchAttention
from training.prefix.keep import Kept
from training.rl.algorithms import Algorithm
from training.rl.logprobs import token_logprobs
from training.rl.losses import log_ratios, masked_importance, reference_kl, truncated_importance
from training.rows import Rows


@dataclass(frozen=True)
class PolicyRows:
    """Answers of one micro-batch, end to end; `rows.labels` are set on answer tokens alone.

    Each has its prompt before it, or sees it by `branches`. The vectors are over those tokens, [answer tokens], in
    their order: `answers` index of the token's answer in this micro-batch; `advantages`; `weights` of the loss;
    `sampler` log μ; `old` log π_old, None when it is the current policy; `reference` log π_ref, None without a KL term.
    """

    rows: Rows
    answers: Tensor
    num_answers: int
    advantages: Tensor
    weights: Tensor
    sampler: Tensor
    old: Tensor | None = None
    reference: Tensor | None = None
    branches: BranchAttention | None = None
    """What stands in for attention within documents."""


@dataclass(frozen=True)
class SpineRows:
    """What prompts of one group share, end to end; labels and weights where something of it is learned itself."""

    rows: Rows


@dataclass
class PolicyStats:
    """Sums over the answer tokens of a step, to be divided by `tokens`."""

    tokens: float = 0.0
    clipped: float = 0.0
    """Tokens whose loss has no gradient, because their ratio left the clip."""
    entropy: float = 0.0
    """In nats, of the temperature's distribution."""
    sampler_kl: float = 0.0
    """k3 of sampler and trainer: how far the engine's probabilities are from the trainer's."""
    sampler_max: float = 0.0
    """Largest |log π_old − log μ|."""
    reference_kl: float = 0.0
    language: float = 0.0
    """Weighted loss of plain rows, not to be divided."""


class PolicyModel(LossModel):
    """The root: policy rows in, weighted sum of token losses out; figures gather in `stats`."""

    hands_out_keys: ClassVar[bool] = True
    algorithm: Algorithm
    temperature: float
    stats: PolicyStats

    def forward(
        self, batch: PolicyRows | SpineRows | Rows, score: float | None = None
    ) -> Tensor | tuple[Tensor, list[tuple[Tensor, ...]]]:
        """Σ weight × (policy loss + kl_weight × KL) over the answer tokens, a scalar, undivided.

        Of plain rows Σ weight × cross entropy; of spine rows the same, and keys and values of every layer, each
        [1, key heads, tokens, dim]. With `score`, a temperature, log π of the labelled tokens at it instead, [labelled
        tokens]: inside the root's forward, where a sharded model has its weights.
        """
        if isinstance(batch, SpineRows):
            keep = Kept()
            hidden = self.hidden(batch.rows, keep=keep)
            learned = batch.rows.weights is not None
            return self._language(hidden, batch.rows) if learned else hidden.new_zeros(()), keep.pairs
        if score is not None:
            return self.logprobs(batch, score, entropy=False)[0]
        if isinstance(batch, Rows):
            return self._language(self.hidden(batch), batch)
        return self._answers(batch)

    def _language(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Σ weight × cross entropy, at temperature 1; the head is computed on learned tokens alone."""
        places = (rows.labels != IGNORE).nonzero()[:, 0]
        weights = None if rows.weights is None else rows.weights[places]
        head = self.model.get_output_embeddings().weight
        loss = summed_cross_entropy(hidden[places], head, rows.labels[places], weights, compiled=self.compiled)
        self.stats.language += float(loss.detach())
        return loss

    def _answers(self, batch: PolicyRows) -> Tensor:
        logprobs, entropy = self.logprobs(batch, self.temperature)
        if not len(logprobs):
            return logprobs.sum()  # a row that fills up: its backward is a call, and nothing more
        wide = logprobs.dtype
        old = logprobs.detach() if batch.old is None else batch.old.to(wide)
        sampler = batch.sampler.to(wide)
        weights = batch.weights.to(wide) * self._importance(batch, old, sampler)
        advantages = batch.advantages.to(wide)
        terms = self.algorithm.terms(logprobs, old, advantages, batch.answers, batch.num_answers)
        if batch.reference is not None:
            kl = reference_kl(logprobs, batch.reference.to(wide), self.algorithm.kl)
            terms = terms + self.algorithm.kl_weight * kl
            self.stats.reference_kl += float(kl.detach().sum())
        self._note(logprobs.detach(), old, sampler, advantages, entropy, batch)
        return (weights * terms).sum()

    def logprobs(self, batch: PolicyRows | Rows, temperature: float, *, entropy: bool = True) -> tuple[Tensor, Tensor]:
        """log π of the labelled tokens, [answer tokens] with gradient, and the entropies there, without.

        Without labels the graph is there all the same, so that a sharded backward reduces what it does elsewhere.
        """
        rows = batch if isinstance(batch, Rows) else batch.rows
        branches = None if isinstance(batch, Rows) else batch.branches
        hidden = self.hidden(rows) if branches is None else self.hidden(rows, instead=branches)
        places = (rows.labels != IGNORE).nonzero()[:, 0]
        head = self.model.get_output_embeddings().weight
        return token_logprobs(hidden[places], head, rows.labels[places], temperature, entropy=entropy)

    def _importance(self, batch: PolicyRows, old: Tensor, sampler: Tensor) -> Tensor:
        settings = self.algorithm
        if settings.importance == "none":
            return torch.ones_like(old)
        low, high = settings.importance_bounds
        if settings.importance == "truncated":
            return truncated_importance(old, sampler, high)
        return masked_importance(old, sampler, batch.answers, batch.num_answers, low, high, settings.importance_level)

    def _note(
        self,
        logprobs: Tensor,
        old: Tensor,
        sampler: Tensor,
        advantages: Tensor,
        entropy: Tensor,
        batch: PolicyRows,
    ) -> None:
        stats, settings = self.stats, self.algorithm
        stats.tokens += len(logprobs)
        stats.entropy += float(entropy.sum())
        gap = (old - sampler).detach().double()
        stats.sampler_kl += float((torch.expm1(gap) - gap).sum())
        stats.sampler_max = max(stats.sampler_max, float(gap.abs().max()))
        if settings.term == "clipped":
            ratio = torch.exp(log_ratios(logprobs, old, batch.answers, batch.num_answers, settings.level))
            beyond = ((ratio > 1 + settings.clip_high) & (advantages > 0)) | (
                (ratio < 1 - settings.clip_low) & (advantages < 0)
            )
            stats.clipped += float(beyond.sum())
