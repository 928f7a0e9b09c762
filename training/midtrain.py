"""Mid-training: a run and a mixture to checkpoints, exact under any interruption and any number of processes."""

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from pipeline.errors import BuildFailed
from training.checkpoint import (
    Checkpointer,
    Record,
    complete_checkpoints,
    load_checkpoint,
    plain_ledger,
    read_record,
)
from training.compat import set_timeout
from training.data import MixtureData, open_mixture
from training.evaluation import held_out_losses
from training.feed import StepData, read_step
from training.flops import Speed
from training.ledger import add
from training.loader import read_ahead
from training.memory import check_memory
from training.model import LossModel, build_model, count_parameters, load_model_config, place_model, shape_model
from training.run import LoadedRun
from training.schedule import learning_rate
from training.session import run_in_folder
from training.start import find_start
from training.step import NotFinite, StepResult, make_optimizer, train_step
from training.stopping import Stop
from training.tokenizer import check_tokenizer
from training.watch import Watcher
from training.world import World, join_world


def train(loaded: LoadedRun, out: Path, *, resume: bool = False) -> Path:
    """Train to the end of the budget; goes on from the newest complete checkpoint in `out`, if there is one.

    Args:
        loaded: the run.
        out: folder of the run.
        resume: refuse to begin anew when there is no checkpoint.

    Returns:
        The last checkpoint.

    Raises:
        BadInput: something cannot work; nothing was trained.
        BuildFailed: loss or gradient is not finite (the batch is saved), or a checkpoint could not be written.
        Interrupted: SIGTERM, SIGINT or SIGUSR1; a checkpoint was written first.
    """
    with join_world() as world:
        return train_in(world, loaded, out, resume=resume)


def train_in(world: World, loaded: LoadedRun, out: Path, *, resume: bool = False) -> Path:
    """`train` in a group of processes that stands already."""
    return run_in_folder(world, out, resume, lambda: _Training(loaded, out, world))


class _Training:
    """A run that is ready for its next step."""

    def __init__(self, loaded: LoadedRun, out: Path, world: World) -> None:
        run = loaded.run
        self._settings, self._out, self._world = run, out, world
        self._data = _open(loaded, run.mixture, world)
        self._held_out = _open(loaded, run.evaluation.mixture, world) if run.evaluation else None
        self._data.check_budget(run.num_steps * run.sequences_per_step)
        self._start = find_start(run, out, self._data, mark=world.is_first)
        self._config = load_model_config(run.model, loaded.folder, self._start.checkpoint)
        check_tokenizer(run.model, self._config, self._data.tokenizer, loaded.folder)
        num_parameters = count_parameters(run.model, self._config)
        check_memory(run, self._config, num_parameters, self._data.sequence_length, world)
        place = place_model(world, run.model, run.parallel.replicas)
        if self._start.checkpoint is None:
            self._model: LossModel = build_model(run.model, self._config, place, run.seed, loaded.folder)
            self._optimizer = make_optimizer(self._model, run.optimizer)
        else:
            self._model = shape_model(run.model, self._config, place)
            self._optimizer = make_optimizer(self._model, run.optimizer)
            load_checkpoint(
                self._start.checkpoint, read_record(self._start.checkpoint), self._model, self._optimizer, world
            )
        self._ledger = self._start.ledger
        self._checkpointer = Checkpointer(out, world, run.checkpoints)

    def run(self, stop: Stop) -> Path:
        """Steps to the end of the budget or a signal, whichever is first; returns the newest checkpoint."""
        run, first = self._settings, self._start.step
        with ExitStack() as stack:
            stack.callback(self._checkpointer.close)
            watcher = Watcher(self._out, run, first) if self._world.is_first else None
            if watcher is not None:
                stack.callback(watcher.close)
                watcher.say(self._start.describe(run))
            steps = read_ahead(self._read, first, run.parallel.loader_threads)
            stack.callback(steps.close)
            speed = Speed(self._model, self._config, self._data.sequence_length, run.sequences_per_step, self._world)
            for step in range(first, run.num_steps):
                begun = time.monotonic()
                now = next(steps)
                waited = time.monotonic() - begun
                lr = self._rate(step)
                result = self._step(step, now, lr)
                self._ledger = add(self._ledger, now.ledger)
                if step == first:
                    set_timeout(run.parallel.timeout_s)
                if watcher is not None:
                    figures = {
                        "train/loss": result.loss,
                        "train/lr": lr,
                        "train/grad_norm": result.grad_norm,
                        "data/wait_s": waited,
                        **speed.figures(time.monotonic() - begun),
                        **{f"seen/{name}": part.seen for name, part in self._ledger.items()},
                    }
                    watcher.step(step + 1, figures)
                self._evaluate(step + 1, watcher)
                stopping = stop.agreed()
                if stopping or step + 1 == run.num_steps or (step + 1) % run.checkpoints.every_steps == 0:
                    record = self._record(step + 1)
                    self._checkpointer.save(record, self._config, self._model, self._optimizer)
                if stopping:
                    break
        dist.barrier()
        return complete_checkpoints(self._out)[-1]

    def _read(self, step: int) -> StepData:
        return read_step(self._data, self._settings, step, self._world)

    def _rate(self, step: int) -> float:
        run, length = self._settings, self._data.sequence_length
        tokens = step * run.sequences_per_step * length
        return learning_rate(run.schedule, self._start.base_lr, tokens, run.num_tokens(length))

    def _step(self, step: int, now: StepData, lr: float) -> StepResult:
        denominator = torch.tensor(max(1, now.trained), dtype=torch.float64, device=self._world.device)
        max_grad_norm = self._settings.optimizer.max_grad_norm
        try:
            return train_step(
                self._model,
                self._optimizer,
                now.micro_batches,
                denominator=denominator,
                lr=lr,
                max_grad_norm=max_grad_norm,
            )
        except NotFinite as error:
            path = self._out / f"not-finite-step-{step + 1:07d}-rank-{self._world.rank}.npz"
            batch = now.batch
            np.savez(path, tokens=batch.tokens, loss_mask=batch.loss_mask, component=batch.component)
            raise BuildFailed(
                f"step {step + 1}: {error}; the batch is in {path}, the newest checkpoint is from before;"
                " look at the batch, or lower the learning rate"
            ) from error

    def _evaluate(self, done: int, watcher: Watcher | None) -> None:
        settings = self._settings.evaluation
        if settings is None or self._held_out is None:
            return
        if done % settings.every_steps == 0 or done == self._settings.num_steps:
            losses = held_out_losses(self._model, self._held_out, settings.num_sequences, self._world)
            if watcher is not None:
                watcher.evaluation(done, losses)

    def _record(self, done: int) -> Record:
        run, length = self._settings, self._data.sequence_length
        tokens = done * run.sequences_per_step * length
        for part in self._ledger.values():
            part.check(length)
        assert sum(part.seen for part in self._ledger.values()) == tokens
        return Record(
            step=done,
            tokens=tokens,
            lr=self._rate(done),
            base_lr=self._start.base_lr,
            order_digest=self._data.order_digest,
            ledger=plain_ledger(self._ledger),
            tokenizer=self._data.tokenizer.model_dump(),
            run=run,
            parent=self._start.parent,
        )


def _open(loaded: LoadedRun, name: str, world: World) -> MixtureData:
    """A mixture, its digests checked by one process of each node while the others wait."""
    data = open_mixture(loaded.mixture(name), verify=world.local_rank == 0)
    dist.barrier()
    return data
