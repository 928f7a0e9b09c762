"""`--plan`: what a run would take, in memory, time and data, without taking any of it."""

from pathlib import Path

import torch

from pipeline.errors import BadInput
from training.data import MixtureData, open_mixture
from training.flops import DEVICES, Device, find_device, flops_per_token, matmul_parameters
from training.memory import Memory, estimate_memory
from training.mixture import load_mixture
from training.model import load_model_config, meta_model
from training.run import LoadedRun
from training.watch import duration, short

ASSUMED_MFU = 0.4
"""Part of the peak that the forecast of time assumes."""


def render_forecast(loaded: LoadedRun, out: Path, num_devices: int | None, device: str | None) -> str:
    """A page for the terminal.

    Args:
        loaded: the run.
        out: its folder.
        num_devices: processes, one per device; None: the GPUs of this machine, or one process.
        device: name of a known device; None: this machine's.

    Raises:
        BadInput: the run cannot work, an unknown device, or too little memory, with the figures.
    """
    run = loaded.run
    known = _device(device)
    size = num_devices or max(1, torch.cuda.device_count())
    length = load_mixture(loaded.mixture(run.mixture)).mixture.sequence_length
    config = load_model_config(run.model, loaded.folder)
    model = meta_model(run.model, config)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    if size % run.parallel.replicas:
        raise BadInput(f"parallel.replicas: {run.parallel.replicas}: does not divide {size} processes; take a divisor")
    memory = estimate_memory(run, config, num_parameters, length, size // run.parallel.replicas)
    tokens = run.num_tokens(length)
    flops = flops_per_token(matmul_parameters(model, config), config, length)
    lines = [
        f"{run.name} → {out}",
        f"budget   {run.num_steps:,} steps × {run.sequences_per_step:,} × {length:,} = {short(tokens)} tokens",
        f"model    {config.model_type}, {short(num_parameters)} parameters, {run.model.dtype}",
        *_data_lines(loaded, run.num_steps * run.sequences_per_step),
        f"memory   {memory.total / 2**30:.1f} GiB per process on {size}: {_parts(memory)}",
        f"work     {flops * tokens:.3g} FLOP, {flops * tokens / run.num_steps:.3g} per step",
    ]
    if known is None:
        lines.append(f"time     unknown here; name a device: --device {'|'.join(other.name for other in DEVICES)}")
        return "\n".join(lines)
    seconds = flops * tokens / (known.peak_flops * ASSUMED_MFU * size)
    lines.append(
        f"time     step {duration(seconds / run.num_steps)}, run {seconds / 86400:.2f} days on {size} × {known.name} at"
        f" {ASSUMED_MFU:.0%} of {known.peak_flops / 1e12:.0f} TFLOP/s"
    )
    if memory.total > known.memory_gib * 2**30:
        raise BadInput(
            f"run {run.name}: about {memory.total / 2**30:.1f} GiB per process are needed, a {known.name} has"
            f" {known.memory_gib:g} GiB; take more devices, parallel.micro_batch below {run.parallel.micro_batch},"
            " model.activation_checkpointing: true, or a smaller model"
        )
    return "\n".join(lines)


def _device(name: str | None) -> Device | None:
    if name is None:
        return find_device(torch.cuda.get_device_name()) if torch.cuda.is_available() else None
    device = find_device(name)
    if device is None:
        raise BadInput(f"--device {name}: not known; take one of {', '.join(other.name for other in DEVICES)}")
    return device


def _data_lines(loaded: LoadedRun, num_sequences: int) -> list[str]:
    """Passes over each component; where tokens are still to be made, that."""
    try:
        data: MixtureData = open_mixture(loaded.mixture(loaded.run.mixture), verify=False)
        data.check_budget(num_sequences)
    except BadInput as error:
        return [f"data     not ready: {error}"]
    passes = "  ".join(f"{name} {count:.2f}" for name, count in data.passes(num_sequences).items())
    return [f"data     passes: {passes}"]


def _parts(memory: Memory) -> str:
    parts = ("weights", "optimizer", "gradients", "gathered", "activations", "logits")
    return ", ".join(f"{name} {getattr(memory, name) / 2**30:.2f}" for name in parts)
