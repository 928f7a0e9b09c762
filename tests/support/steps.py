"""Training steps on every rank of a group, for equality across world sizes, packings and paths."""

from pathlib import Path

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor

from support import tiny
from training.data import open_mixture
from training.evaluation import held_out_losses
from training.model import build_model, load_model_config, place_model
from training.run import OptimizerSettings
from training.step import make_optimizer, train_step
from training.world import World

NUM_ROWS = 5
"""Sequences of a step; not a multiple of 2, so that two ranks have unequal slices."""


def build(world: World, settings, replicas=1, mesh=True):
    config = load_model_config(settings, Path("."))
    place = place_model(world, settings, replicas)
    return build_model(settings, config, place, seed=3, folder=Path("."))


def micro_batches(data, world, micro_batch):
    """This rank's rows, filled up with rows without labels so that every rank makes the same calls."""
    share = -(-NUM_ROWS // world.size)
    first = world.rank * share
    count = min(share, NUM_ROWS - first)
    rows = []
    for start in range(0, share, micro_batch):
        real = max(0, min(micro_batch, count - start))
        rows.append(tiny.rows_of(data, first + start, real) if real else tiny.filler(micro_batch))
    return rows


def trained(data):
    """Labels that count in a step, over all ranks."""
    return int(data[1].sum())


def full(tensor):
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().clone().numpy()


def train(world: World, settings, num_steps=5, micro_batch=1, replicas=1):
    """Losses and norms of the steps, the gradients of the first, and the weights at the end (by name)."""
    torch.manual_seed(100 + world.rank)
    model = build(world, settings, replicas)
    optimizer = make_optimizer(model, OptimizerSettings())
    losses, norms, gradients = [], [], {}
    step = optimizer.step

    def record(*args):
        if not gradients:
            gradients.update({name: full(parameter.grad) for name, parameter in model.model.named_parameters()})
        return step(*args)

    optimizer.step = record
    for index in range(num_steps):
        data = tiny.sequences(NUM_ROWS, seed=index)
        rows = micro_batches(data, world, micro_batch)
        denominator = torch.tensor(float(trained(data)), dtype=torch.float64)
        result = train_step(model, optimizer, rows, denominator=denominator, lr=1e-2, max_grad_norm=0.5)
        losses.append(result.loss)
        norms.append(result.grad_norm)
    return losses, norms, gradients, whole_state(model)


def whole_state(model):
    """All weights by name; everywhere, not on the first rank alone."""
    state = get_model_state_dict(model.model, options=StateDictOptions(full_state_dict=True))
    return {name: value.cpu().numpy() for name, value in state.items()}


def full_weights(world: World, settings):
    return whole_state(build(world, settings))


def held_out(world: World, settings, mixture, num_sequences=5):
    return held_out_losses(build(world, settings), open_mixture(mixture), num_sequences, world)
