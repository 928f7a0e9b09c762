"""The loop of RL on answers and of RPT: draw, reward, learn; exact under any interruption.

A step: the engine takes the policy's weights, the processes draw and reward the answers of the step's prompts, the
policy is updated on those groups whose rewards differ. Everything drawn is stored, every step is in metrics.jsonl. What
is asked, how it is rewarded and what is evaluated is the task's.
"""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic

import torch.distributed as dist

from pipeline.errors import BadInput, BuildFailed
from training.best import better, write_best
from training.checkpoint import Checkpointer, complete_checkpoints, read_record, step_folder
from training.compat import set_timeout
from training.rl.collapse import Collapse, find_collapse
from training.rl.compute import Spent
from training.rl.curves import run_points
from training.rl.draw import Drawn, draw, figures
from training.rl.engines import open_engine
from training.rl.learner import Learner
from training.rl.lessons import write_lessons
from training.rl.record import TOKENIZER, PolicyRecord, Settings
from training.rl.replay import Origin, store, stored
from training.rl.samples import write_samples
from training.rl.settings import LoadedPolicyRun, PolicyRun
from training.rl.spread import lead
from training.rl.task import PromptState, Task, WarmUp
from training.rl.tokenizer import load_tokenizer
from training.step import NotFinite
from training.stopping import Stop
from training.watch import Watcher, beginning, duration
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
        self._model = None if run.model.path is None else loaded.resolve(run.model.path)
        tokenizer = load_tokenizer(loaded)
        if world.is_first:
            tokenizer.save_pretrained(out / TOKENIZER)
        self._task = make_task(tokenizer)
        complete = complete_checkpoints(out)
        self._record = (
            None if not complete else _resumed(read_record(complete[-1], kind), run, self._task, complete[-1])
        )
        checkpoint = None if self._record is None else (complete[-1], self._record)
        self._learner = Learner(loaded, checkpoint, self._task.average_decay, world)
        self._engine = open_engine(loaded, out, self._learner.config, tokenizer, self._task.longest_prompt, world)
        self._checkpointer = Checkpointer(out, world, run.checkpoints, self._completed)
        self._best = self._record.best if self._record else None
        self._spent = self._record.spent if self._record else Spent()
        self._state = self._record.prompts if self._record else PromptState()

    def run(self, stop: Stop) -> Path:
        """Steps to the end of the budget, a signal, or a collapse that ends the run, whichever is first.

        Returns:
            The newest checkpoint, or the best one of a run that collapsed and is told to return to it.

        Raises:
            BuildFailed: the run collapsed, and is told to stop or has no checkpoint to return to.
        """
        run, done = self._settings, self._record.step if self._record else 0
        with ExitStack() as stack:
            stack.callback(self._checkpointer.close)
            stack.callback(self._engine.close)
            watcher = Watcher(self._out, run, done) if self._world.is_first else None
            if watcher is not None:
                stack.callback(watcher.close)
                watcher.say(f"{run.name}: {beginning(done, run.num_steps)}")
            collapse = self._collapsed(watcher) if done else None
            self._sync(done)
            if done == 0:
                self._evaluate(0, watcher)
            first, begun, stopping = done, time.monotonic(), collapse is not None
            while done < run.num_steps and not stopping:
                found = self._step(done)
                if done == first:
                    set_timeout(run.parallel.timeout_s)
                done += 1
                if watcher is not None:
                    watcher.event(done, found)
                    if done % run.watch.every_steps == 0 or done == run.num_steps:
                        pace = (time.monotonic() - begun) / (done - first)
                        watcher.say(_line(run, done, found, pace))
                improved = self._evaluate(done, watcher) and run.keep_best
                collapse = self._collapsed(watcher)
                stopping = stop.agreed() or collapse is not None
                if stopping or improved or done == run.num_steps or done % run.checkpoints.every_steps == 0:
                    self._learner.save(self._checkpointer, self._now(done))
        dist.barrier()
        return self._result(collapse)

    def _result(self, collapse: Collapse | None) -> Path:
        """The checkpoint that a run ends with; says which was best."""
        best, run = self._best, self._settings
        checkpoint = step_folder(self._out, best.step) if best is not None and best.step and run.keep_best else None
        place = checkpoint if checkpoint is not None else "the model that the run began with"
        named = "" if best is None else f"best {best.figure} {best.value:.1%} after step {best.step}: {place}"
        if collapse is None:
            result = complete_checkpoints(self._out)[-1]
        elif run.collapse.action == "return" and checkpoint is not None:
            result = checkpoint
        else:
            advice = named or f"take the checkpoint in {self._out} nearest to that step"
            raise BuildFailed(f"{collapse.describe()}; {advice}; to go on all the same, set collapse.action to none")
        if named and self._world.is_first:
            print(named, file=sys.stderr, flush=True)
        return result

    def _step(self, step: int) -> dict[str, float]:
        """One step; its figures, the same on every process but for times."""
        warmup = self._task.warmup
        if warmup is not None and step == warmup.steps:
            self._learner.forget_moments()
        try:
            if warmup is not None and step < warmup.steps:
                return self._imitate(warmup, step)
            return self._draw_and_learn(step)
        except NotFinite as error:
            raise BuildFailed(
                f"step {step + 1}: {error}; the newest checkpoint is from before; lower the learning rate, or look "
                f"at the answers of the step before in {self._out / 'rollouts'}"
            ) from error

    def _draw_and_learn(self, step: int) -> dict[str, float]:
        run, started = self._settings, time.monotonic()
        origin = Origin.of(self._out, self._now(step), self._model)
        replayed = stored(origin, self._world)
        drawn = self._draw(step) if replayed is None else replayed
        generated = time.monotonic()
        prepared = self._learner.prepare(drawn.answers, drawn.chosen, step)
        if replayed is None and self._world.is_first:
            store(origin, drawn, prepared.batches, run.sampling.temperature)
        if self._world.is_first and run.samples.number:
            text = write_samples(self._out, step + 1, drawn.answers, run.samples.number)
            if run.samples.log_every_steps is not None and (step + 1) % run.samples.log_every_steps == 0:
                print(text, file=sys.stderr, flush=True)
        learned = self._learner.learn(prepared, self._task.language)
        updated = time.monotonic()
        self._sync(step + 1)
        self._state = drawn.state
        self._spent += drawn.asked + learned.spent
        return {
            **figures(run, drawn, step),
            **self._task.figures(drawn.state),
            **learned.figures,
            **self._spent.figures(),
            **_pace(drawn, generated - started, replayed=replayed is not None),
            "time/sync_s": time.monotonic() - updated,
        }

    def _draw(self, step: int) -> Drawn:
        drawn = draw(self._settings, self._task, self._state, self._engine, self._learner.scorers, step, self._world)
        return replace(drawn, asked=self._learner.asked())

    def _imitate(self, warmup: WarmUp, step: int) -> dict[str, float]:
        lessons, state = warmup.take(self._state)
        if self._world.is_first:
            write_lessons(self._out, step + 1, lessons)
        learned = self._learner.imitate(lessons, warmup.lr, self._task.language)
        self._sync(step + 1)
        self._state = state
        self._spent += learned.spent
        return {**learned.figures, **self._spent.figures()}

    def _sync(self, version: int) -> None:
        """Hand the policy's weights to the engine."""
        self._engine.update_weights(self._learner.weights(), version)

    def _evaluate(self, done: int, watcher: Watcher | None) -> bool:
        """Make the evaluation that is due, if one is; whether it is the best so far."""
        found = lead(self._engine, self._world, lambda engine: self._task.evaluate(done, engine, self._out))
        if found is None:
            return False
        if watcher is not None:
            watcher.event(done, found.figures)
            watcher.say(f"evaluation after step {done}: {found.words}")
        before, value = self._best, found.figures.get(self._task.headline)
        if value is not None:
            self._best = better(before, done, self._task.headline, value)
        return self._best is not before

    def _collapsed(self, watcher: Watcher | None) -> Collapse | None:
        """The collapse that the log so far shows, if the run is told to end then; every process gets the answer."""
        points = self._world.on_first(lambda: run_points(self._out, self._task.headline))
        found = find_collapse(points, self._settings.collapse)
        if watcher is not None and found is not None and found.step == points[-1].step:
            watcher.say(found.describe())
        return None if self._settings.collapse.action == "none" else found

    def _completed(self, record: PolicyRecord[Settings]) -> None:
        """Name the best checkpoint once it is there."""
        if record.best is not None and record.kept_step is not None:
            write_best(self._out, record.best)

    def _now(self, done: int) -> PolicyRecord[Settings]:
        return self._kind(
            step=done,
            run=self._settings,
            updates=self._learner.updates,
            spent=self._spent,
            prompts=self._state,
            prompts_digest=self._task.digest,
            best=self._best,
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


def _pace(drawn: Drawn, seconds: float, *, replayed: bool) -> dict[str, float]:
    """How long the answers took; those of an interrupted run were drawn before, in a time that is not known."""
    if replayed:
        return {"time/replay_s": seconds}
    tokens = sum(len(answer.tokens) for answer in drawn.answers)
    return {"time/generate_s": seconds, "speed/generated_tokens_per_s": tokens / seconds}


def _line(run: PolicyRun, done: int, found: dict[str, float], pace: float) -> str:
    width = len(str(run.num_steps))
    begin, left = f"step {done:{width}d}/{run.num_steps}", f"left {duration(pace * (run.num_steps - done))}"
    if "warmup/loss" in found:
        return f"{begin}  warm-up loss {found['warmup/loss']:.4f}  grad {found['train/grad_norm']:.3g}  {left}"
    return "  ".join(
        [
            begin,
            f"reward {found['rollout/reward']:+.3f}",
            f"right {found['rollout/accuracy']:.1%}",
            f"length {found['rollout/length']:.0f}",
            f"at limit {found['rollout/at_limit']:.0%}",
            f"entropy {found['policy/entropy']:.2f}",
            f"clip {found['policy/clip_share']:.1%}",
            f"grad {found['train/grad_norm']:.3g}",
            "replayed" if "time/replay_s" in found else f"{found['speed/generated_tokens_per_s']:,.0f} tok/s drawn",
            left,
        ]
    )
