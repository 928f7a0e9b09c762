"""The loop of RL on answers and of RPT: draw, reward, learn; exact under any interruption.

A step: the engine takes the policy's weights, the processes draw and reward the answers of the step's prompts, the
policy is updated on those groups whose rewards differ. Everything drawn is stored, every step is in metrics.jsonl. What
is asked, how it is rewarded and what is evaluated is the task's.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic

import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from pipeline.errors import BadInput, BuildFailed
from training.checkpoint import (
    Checkpointer,
    complete_checkpoints,
    load_checkpoint,
    read_record,
)
from training.compat import set_timeout
from training.model import build_model, load_model_config, place_model, shape_model
from training.rl.answers import Answer, write_answers
from training.rl.collapse import Collapse, find_collapse
from training.rl.curves import run_points
from training.rl.draw import Drawn, draw, figures
from training.rl.engine import EmbeddedEngine
from training.rl.policy import PolicyModel, PolicyStats
from training.rl.record import TOKENIZER, PolicyRecord, Settings
from training.rl.settings import LoadedPolicyRun, PolicyRun
from training.rl.task import PromptState, Task
from training.rl.tokenizer import load_tokenizer
from training.rl.update import mini_batches, score, stats_figures, update
from training.step import NotFinite, make_optimizer
from training.stopping import Stop
from training.watch import Watcher, duration
from training.world import World


class PolicyTraining(Generic[Settings]):
    """A run that is ready for its next step.

    Args:
        loaded: the run.
        out: its folder.
        world: the group of processes.
        make_task: the task, given the tokenizer.
        kind: of the records that its checkpoints hold.

    Raises:
        BadInput: something cannot work, or the folder's newest checkpoint is of another run.
    """

    def __init__(
        self,
        loaded: LoadedPolicyRun[Settings],
        out: Path,
        world: World,
        make_task: Callable[[Any], Task],
        kind: type[PolicyRecord[Settings]],
    ) -> None:
        run = loaded.run
        self._settings, self._out, self._world, self._kind = run, out, world, kind
        tokenizer = load_tokenizer(loaded)
        if world.is_first:
            tokenizer.save_pretrained(out / TOKENIZER)
        self._task = make_task(tokenizer)
        complete = complete_checkpoints(out)
        checkpoint = complete[-1] if complete else None
        self._record = (
            None if checkpoint is None else _resumed(read_record(checkpoint, kind), run, self._task, checkpoint)
        )
        self._config = load_model_config(run.model, loaded.folder, checkpoint)
        place = place_model(world, run.model, run.parallel.replicas)
        if checkpoint is None:
            self._model = build_model(run.model, self._config, place, run.seed, loaded.folder, PolicyModel)
            self._optimizer = make_optimizer(self._model, run.optimizer)
        else:
            assert self._record is not None
            self._model = shape_model(run.model, self._config, place, PolicyModel)
            self._optimizer = make_optimizer(self._model, run.optimizer)
            load_checkpoint(checkpoint, self._record, self._model, self._optimizer, world)
        self._model.algorithm, self._model.temperature = run.algorithm, run.sampling.temperature
        self._model.stats = PolicyStats()
        self._reference = None
        if run.algorithm.kl_weight:
            self._reference = build_model(run.model, self._config, place, run.seed, loaded.folder, PolicyModel)
            self._reference.requires_grad_(False)
            self._reference.temperature = run.sampling.temperature
        self._engine = EmbeddedEngine(self._config, tokenizer, world.device, run.model.dtype, run.sampling.max_batch)
        self._checkpointer = Checkpointer(out, world, run.checkpoints)
        self._updates = self._record.updates if self._record else 0
        self._state = self._record.prompts if self._record else PromptState()

    def run(self, stop: Stop) -> Path:
        """Steps to the end of the budget or a signal, whichever is first; returns the newest checkpoint."""
        run, first = self._settings, self._record.step if self._record else 0
        with ExitStack() as stack:
            stack.callback(self._checkpointer.close)
            stack.callback(self._engine.close)
            watcher = Watcher(self._out, run, first) if self._world.is_first else None
            if watcher is not None:
                stack.callback(watcher.close)
                watcher.say(
                    f"{run.name}: {'goes on after step ' + str(first) if first else 'begins'}, {run.num_steps} steps"
                )
            self._sync(first)
            if first == 0:
                self._evaluate(0, watcher)
            begun = time.monotonic()
            for step in range(first, run.num_steps):
                found = self._step(step)
                if step == first:
                    set_timeout(run.parallel.timeout_s)
                done = step + 1
                if watcher is not None:
                    watcher.event(done, found)
                    if done % run.watch.every_steps == 0 or done == run.num_steps:
                        pace = (time.monotonic() - begun) / (done - first)
                        watcher.say(_line(run, done, found, pace))
                self._evaluate(done, watcher)
                collapse = self._collapsed(watcher)
                stopping = stop.agreed() or (collapse is not None and run.collapse.stop)
                if stopping or done == run.num_steps or done % run.checkpoints.every_steps == 0:
                    self._checkpointer.save(self._now(done), self._config, self._model, self._optimizer)
                if collapse is not None and run.collapse.stop:
                    self._checkpointer.wait()
                    raise BuildFailed(_explain(collapse, self._out))
                if stopping:
                    break
        dist.barrier()
        return complete_checkpoints(self._out)[-1]

    def _step(self, step: int) -> dict[str, float]:
        """Draw and learn; the figures of the step, the same on every process but for times."""
        run, started = self._settings, time.monotonic()
        drawn = draw(run, self._task, self._state, self._engine, step, self._world)
        generated = time.monotonic()
        found = figures(run, drawn, step) | self._task.figures(drawn.state)
        answers = self._scored(mini_batches(run, drawn.answers, drawn.chosen, run.sampling.max_new_tokens(step)))
        scored = time.monotonic()
        self._model.stats = PolicyStats()
        losses, norms = [], []
        for batch in answers:
            rate = run.lr * min(1.0, (self._updates + 1) / max(1, run.warmup_updates))
            try:
                result = update(self._model, self._optimizer, run, batch, rate, self._world)
            except NotFinite as error:
                raise BuildFailed(
                    f"step {step + 1}: {error}; the newest checkpoint is from before; lower the learning rate, or look "
                    f"at the answers of the step before in {self._out / 'rollouts'}"
                ) from error
            self._updates += 1
            losses.append(result.loss)
            norms.append(result.grad_norm)
        updated = time.monotonic()
        self._sync(step + 1)
        self._state = drawn.state
        if self._world.is_first:
            self._store(step, drawn, answers)
        count = max(1, len(losses))
        found |= stats_figures(self._model.stats, self._world)
        found |= {
            "train/loss": sum(losses) / count,
            "train/grad_norm": sum(norms) / count,
            "train/updates": float(self._updates),
            "time/generate_s": generated - started,
            "time/logprobs_s": scored - generated,
            "time/update_s": updated - scored,
            "time/sync_s": time.monotonic() - updated,
            "speed/generated_tokens_per_s": sum(len(answer.tokens) for answer in drawn.answers) / (generated - started),
        }
        return found

    def _scored(self, batches: list[list[Answer]]) -> list[list[Answer]]:
        """The batches with what the loss needs besides: π_old where there are several updates, π_ref with a KL term."""
        run = self._settings
        flat = [answer for batch in batches for answer in batch]
        needs_old = len(batches) > 1 or run.algorithm.importance != "none"
        old = score(self._model, run, flat, self._world) if needs_old and flat else {}
        reference = score(self._reference, run, flat, self._world) if self._reference is not None and flat else {}
        return [
            [
                answer.with_logprobs(
                    old.get((answer.group, answer.sample)), reference.get((answer.group, answer.sample))
                )
                for answer in batch
            ]
            for batch in batches
        ]

    def _sync(self, version: int) -> None:
        """Hand the policy's weights to the engine."""
        options = StateDictOptions(full_state_dict=True)
        weights = get_model_state_dict(self._model.model, options=options)
        self._engine.update_weights(weights, version)

    def _store(self, step: int, drawn: Drawn, batches: Sequence[Sequence[Answer]]) -> None:
        trained = {(answer.group, answer.sample): answer for batch in batches for answer in batch}
        rows = [trained.get((answer.group, answer.sample), replace(answer, advantage=None)) for answer in drawn.answers]
        write_answers(self._out, step + 1, rows, self._settings.sampling.temperature)

    def _evaluate(self, done: int, watcher: Watcher | None) -> None:
        """The evaluation that is due, if one is; the first process makes it, the others wait."""
        if watcher is not None and (found := self._task.evaluate(done, self._engine, self._out)) is not None:
            watcher.event(done, found.figures)
            watcher.say(f"evaluation after step {done}: {found.words}")
        dist.barrier()

    def _collapsed(self, watcher: Watcher | None) -> Collapse | None:
        """Whether the log so far is one of a collapse; every process gets the answer."""
        found: list[Collapse | None] = [None]
        if watcher is not None:
            points = run_points(self._out, self._task.headline)
            found[0] = find_collapse(points, self._settings.collapse)
            if found[0] is not None and found[0].step == points[-1].step:
                watcher.say(_explain(found[0], self._out))
        dist.broadcast_object_list(found, src=0)
        return found[0]

    def _now(self, done: int) -> PolicyRecord[Settings]:
        return self._kind(
            step=done,
            run=self._settings,
            updates=self._updates,
            prompts=self._state,
            prompts_digest=self._task.digest,
        )


def _resumed(record: PolicyRecord[Settings], run: Settings, task: Task, folder: Path) -> PolicyRecord[Settings]:
    """The record of a checkpoint that this run may go on from."""
    if record.prompts_digest != task.digest:
        raise BadInput(
            f"{folder}: made with other prompts; restore the run's prompts and template, or take another --out"
        )
    for field in run.FIXED:
        mine, theirs = getattr(run, field), getattr(record.run, field)
        if mine != theirs:
            raise BadInput(
                f"{folder}: made with {field}: {theirs}, the run says {mine}; restore it, or take another --out"
            )
    if record.step > run.num_steps:
        raise BadInput(f"num_steps: {run.num_steps}: {folder} has {record.step} steps already; raise it")
    return record


def _explain(collapse: Collapse, out: Path) -> str:
    return (
        f"the run collapses ({collapse.rule}): accuracy {collapse.accuracy:.1%} at step {collapse.step}, its best was "
        f"{collapse.best:.1%} at step {collapse.best_step}; take the checkpoint in {out} nearest to that step"
    )


def _line(run: PolicyRun, done: int, found: dict[str, float], pace: float) -> str:
    width = len(str(run.num_steps))
    return "  ".join(
        [
            f"step {done:{width}d}/{run.num_steps}",
            f"reward {found['rollout/reward']:+.3f}",
            f"right {found['rollout/accuracy']:.1%}",
            f"length {found['rollout/length']:.0f}",
            f"at limit {found['rollout/at_limit']:.0%}",
            f"entropy {found['policy/entropy']:.2f}",
            f"clip {found['policy/clip_share']:.1%}",
            f"grad {found['train/grad_norm']:.3g}",
            f"{found['speed/generated_tokens_per_s']:,.0f} tok/s drawn",
            f"left {duration(pace * (run.num_steps - done))}",
        ]
    )
