"""Mid-training on one GPU: tokens/s, TFLOP/s, MFU, peak memory and a profile, beside plain transformers.

    python -m benchmarks.gpu_midtrain                    Llama-3.2-1B and 3B shapes, under ten minutes
    python -m benchmarks.gpu_midtrain --shapes tiny      the same program on a CPU, seconds

Random weights, synthetic documents (log-normal, mean 1,000 tokens) packed into rows of 4,096 with document masks, no
network. Needs torch, transformers, numpy and pydantic alone: it runs from a bare clone on a GPU machine. Each
measurement is a process of its own, so that none sees another's memory; one that does not fit tries a smaller
micro-batch. The peer is transformers' own model under autocast, with its own packing by position_ids, its own loss and
the same optimizer. Ends with 1 when a target is not reached on a GPU.
"""

import argparse
import json
import math
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "gpu-midtrain.json"
MEAN_DOCUMENT = 1000
_OUT_OF_MEMORY = 17
_DEADLINE_S = 170

_LLAMA = {
    "model_type": "llama",
    "vocab_size": 128_256,
    "intermediate_size": 8192,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}


@dataclass(frozen=True)
class Shape:
    """A model, how it is run, and what it must reach."""

    config: dict[str, Any]
    context: int
    tokens_per_step: int
    attempts: tuple[tuple[int, bool], ...]
    """Micro-batch and activation checkpointing to try, in order, until one fits."""
    target: float | None = None
    """Tokens per second on one H100 or H200."""


SHAPES = {
    "1b": Shape(
        _LLAMA | {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "head_dim": 64},
        context=4096,
        tokens_per_step=131_072,
        attempts=((8, False), (4, False), (2, False), (2, True)),
        target=55_000,
    ),
    "3b": Shape(
        _LLAMA | {"hidden_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 24, "head_dim": 128},
        context=4096,
        tokens_per_step=131_072,
        attempts=((4, False), (2, False), (1, False), (4, True), (1, True)),
        target=20_000,
    ),
    "tiny": Shape(
        _LLAMA
        | {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
        | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
        context=256,
        tokens_per_step=1024,
        attempts=((2, False),),
    ),
}
SIDES = ("mathmill", "mathmill, not compiled", "transformers")


def main() -> int:
    """Measure what the command line asks for, print a table, write the result; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default="1b,3b", help=f"of {', '.join(SHAPES)} (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="timed seconds of each measurement (%(default)s)")
    parser.add_argument("--result", type=Path, default=RESULT, help="result file")
    parser.add_argument("--one", nargs=4, metavar=("SIDE", "SHAPE", "MICRO_BATCH", "CHECKPOINTING"), help="internal")
    args = parser.parse_args()
    if args.one:
        return measure_one(args.one[0], args.one[1], int(args.one[2]), args.one[3] == "True", args.seconds)
    figures = {name: {side: measure(side, name, args.seconds) for side in SIDES} for name in args.shapes.split(",")}
    result = {"environment": environment(), "settings": settings(), "figures": figures}
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return report(figures)


def measure(side: str, name: str, seconds: float) -> dict[str, Any]:
    """The figures of the first attempt that fits, or why there are none."""
    for micro_batch, checkpointing in SHAPES[name].attempts:
        one = ["--one", side, name, str(micro_batch), str(checkpointing), "--seconds", str(seconds)]
        command = [sys.executable, "-m", "benchmarks.gpu_midtrain", *one]
        print(f"{name} {side}: micro-batch {micro_batch}{', checkpointing' * checkpointing} …", file=sys.stderr)
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_DEADLINE_S)
        except subprocess.TimeoutExpired:
            return {"failed": f"longer than {_DEADLINE_S} s"}
        if done.returncode == 0:
            figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return figures
        if done.returncode != _OUT_OF_MEMORY:
            return {"failed": done.stderr.splitlines()[-1:] or [f"exit code {done.returncode}"]}
    return {"failed": "out of memory at every micro-batch"}


def measure_one(side: str, name: str, micro_batch: int, checkpointing: bool, seconds: float) -> int:
    """Measure in this process and print one line of JSON."""
    import torch

    from training.world import join_world

    torch.set_float32_matmul_precision("high")
    with join_world() as world:
        try:
            step, checks = _SIDES[side](SHAPES[name], micro_batch, checkpointing, side, world)
            figures = time_steps(step, SHAPES[name], world.device, seconds)
        except torch.OutOfMemoryError:
            return _OUT_OF_MEMORY
    print(json.dumps({"micro_batch": micro_batch, "checkpointing": checkpointing, **figures, "checks": checks}))
    return 0


def make_documents(shape: Shape, num_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Tokens [rows, context + 1], loss mask [rows, context] and document bounds of packed rows."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, shape.config["vocab_size"], (num_rows, shape.context + 1))
    mask = np.ones((num_rows, shape.context), bool)
    bounds = []
    for row in range(num_rows):
        lengths = np.maximum(2, rng.lognormal(math.log(MEAN_DOCUMENT) - 0.5, 1.0, shape.context // 2)).astype(int)
        ends = np.cumsum(lengths)
        inner = ends[ends < shape.context]
        bounds.append(np.array([0, *inner, shape.context], np.int32))
        mask[row, inner - 1] = False
    return tokens, mask, bounds


Step = Callable[[], None]


def _ours(shape: Shape, micro_batch: int, checkpointing: bool, side: str, world: Any) -> tuple[Step, dict[str, Any]]:
    import torch

    from training.model import LossModel, load_model_config, place_model, shape_model
    from training.rows import make_rows
    from training.run import ModelSettings, OptimizerSettings
    from training.step import make_optimizer, train_step

    cuda = world.device.type == "cuda"
    model_settings = ModelSettings(
        config=shape.config,
        dtype="bfloat16" if cuda else "float32",
        activation_checkpointing=checkpointing,
        compile=cuda and side == "mathmill",
    )
    config = load_model_config(model_settings, ROOT)
    model: LossModel = shape_model(model_settings, config, place_model(world, model_settings, 1))
    _draw(model)
    optimizer = make_optimizer(model, OptimizerSettings())
    batches = []
    for index in range(shape.tokens_per_step // (shape.context * micro_batch)):
        batches.append(make_rows(*make_documents(shape, micro_batch, index), world.device))
    trained = sum(rows.num_trained for rows in batches)
    denominator = torch.tensor(float(trained), dtype=torch.float64, device=world.device)

    def step() -> None:
        train_step(model, optimizer, batches, denominator=denominator, lr=1e-5, max_grad_norm=1.0)

    return step, check_isolation(model, shape, world.device)


def check_isolation(model: Any, shape: Shape, device: Any) -> dict[str, Any]:
    """Whether another first document changes the loss of the second (it must not), on the path that is measured."""
    import torch

    from training.rows import make_rows

    tokens, mask, _ = make_documents(shape, 1, 99)
    half = shape.context // 2
    bounds = [np.array([0, half, shape.context], np.int32)]
    mask[:, :half] = False
    other = tokens.copy()
    other[:, :half] = (other[:, :half] + 1) % shape.config["vocab_size"]
    with torch.no_grad():
        losses = [model(make_rows(each, mask, bounds, device)).item() for each in (tokens, other)]
    for module in model.modules():
        if hasattr(module, "reshard"):
            module.reshard()
    return {"isolated": losses[0] == losses[1], "loss_per_token": losses[0] / (shape.context - half)}


def _plain(shape: Shape, micro_batch: int, checkpointing: bool, side: str, world: Any) -> tuple[Step, dict[str, Any]]:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    device = world.device
    config = AutoConfig.for_model(**shape.config)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    if checkpointing:
        model.gradient_checkpointing_enable()
    _draw(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    batches = []
    for index in range(shape.tokens_per_step // (shape.context * micro_batch)):
        tokens, mask, bounds = make_documents(shape, micro_batch, index)
        positions = np.stack([np.arange(shape.context) - np.repeat(b[:-1], np.diff(b)) for b in bounds])
        labels = np.where(mask, tokens[:, 1:], -100)
        batches.append([torch.from_numpy(each).to(device) for each in (tokens[:, :-1], positions, labels)])
    trained = int(sum((labels != -100).sum() for _, _, labels in batches))

    def step() -> None:
        for ids, positions, labels in batches:
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(
                logits.float().view(-1, logits.shape[-1]), labels.view(-1), reduction="sum", ignore_index=-100
            )
            (loss / trained).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, {}


_SIDES: dict[str, Callable[..., tuple[Step, dict[str, Any]]]] = {
    "mathmill": _ours,
    "mathmill, not compiled": _ours,
    "transformers": _plain,
}


def _draw(model: Any) -> None:
    """Initial weights, drawn where they lie."""
    import torch
    from torch.distributed.tensor import DTensor

    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            local = parameter.to_local() if isinstance(parameter, DTensor) else parameter
            if parameter.ndim > 1:
                local.normal_(std=0.02)
            else:
                local.fill_(1.0)


def time_steps(step: Step, shape: Shape, device: Any, seconds: float) -> dict[str, Any]:
    """Warm up, time whole steps for about `seconds`, profile one more."""
    import torch

    from training.flops import find_device, flops_per_token, matmul_parameters
    from training.model import load_model_config, meta_model
    from training.run import ModelSettings

    cuda = device.type == "cuda"
    begun = time.monotonic()
    for _ in range(3):
        step()
    _wait(device)
    warm_s = time.monotonic() - begun
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    begun, steps = time.monotonic(), 0
    while time.monotonic() - begun < seconds or steps == 0:
        step()
        steps += 1
    _wait(device)
    rate = steps * shape.tokens_per_step / (time.monotonic() - begun)
    settings = ModelSettings(config=shape.config)
    config = load_model_config(settings, ROOT)
    num_matmul = matmul_parameters(meta_model(settings, config), config)
    flops = flops_per_token(num_matmul, config, shape.context)
    known = find_device(torch.cuda.get_device_name()) if cuda else None
    return {
        "tokens_per_s": round(rate, 1),
        "tflops": round(rate * flops / 1e12, 4),
        "mfu": None if known is None else round(rate * flops / known.peak_flops, 4),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if cuda else None,
        "steps": steps,
        "warm_up_s": round(warm_s, 1),
        "matmul_parameters": num_matmul,
        "profile": profile(step, device),
    }


def profile(step: Step, device: Any) -> dict[str, Any]:
    """Where one step's device time goes: shares by kind of kernel, the longest kernels, and what the device idles."""
    import torch
    from torch.profiler import ProfilerActivity

    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CUDA] if cuda else [ProfilerActivity.CPU]
    begun = time.monotonic()
    with torch.profiler.profile(activities=activities) as profiler:
        step()
        _wait(device)
    wall_us = (time.monotonic() - begun) * 1e6
    times: dict[str, float] = {}
    for event in profiler.key_averages():
        spent = event.self_device_time_total if cuda else event.self_cpu_time_total
        times[event.key] = times.get(event.key, 0.0) + spent
    busy = sum(times.values())
    kinds: dict[str, float] = {}
    for key, spent in times.items():
        kinds[_kind(key)] = kinds.get(_kind(key), 0.0) + spent
    longest = sorted(times.items(), key=lambda item: -item[1])[:12]
    return {
        "busy_share_of_wall": round(busy / wall_us, 3),
        "shares": {kind: round(spent / busy, 3) for kind, spent in sorted(kinds.items(), key=lambda item: -item[1])},
        "longest": {key[:90]: round(spent / busy, 3) for key, spent in longest},
    }


_KINDS = (
    ("attention", ("flash", "fmha", "attention", "sdpa")),
    ("matmul", ("gemm", "cutlass", "nvjet", "aten::mm", "addmm", "matmul", "cublas")),
    ("optimizer", ("adam",)),
    ("copies", ("memcpy", "memset", "copy")),
    ("communication", ("nccl", "gloo", "all_gather", "reduce_scatter")),
    ("reductions", ("softmax", "reduce", "logsumexp", "norm")),
)


def _kind(kernel: str) -> str:
    name = kernel.lower()
    return next((kind for kind, parts in _KINDS if any(part in name for part in parts)), "element-wise and other")


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()


def environment() -> dict[str, Any]:
    """Versions and devices; asks torch in this process for the device's name only."""
    import torch

    names = ("torch", "transformers", "numpy", "pydantic")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": device,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "command": " ".join(["python -m benchmarks.gpu_midtrain", *sys.argv[1:]]),
    }


def settings() -> dict[str, Any]:
    """What is measured."""
    return {"mean_document": MEAN_DOCUMENT, "shapes": {name: asdict(shape) for name, shape in SHAPES.items()}}


def report(figures: dict[str, dict[str, dict[str, Any]]]) -> int:
    """Print a table; 1 when a target is not reached where there is one."""
    code = 0
    for name, sides in figures.items():
        for side, found in sides.items():
            if "failed" in found:
                print(f"{name:5} {side:24} failed: {found['failed']}")
                continue
            mfu = "" if found["mfu"] is None else f"  MFU {found['mfu']:.1%}  {found['peak_memory_gib']} GiB"
            batch = f"micro-batch {found['micro_batch']}"
            speed = f"{found['tokens_per_s']:>10,.0f} tok/s  {found['tflops']:8.2f} TFLOP/s"
            print(f"{name:5} {side:24} {speed}{mfu}  {batch}")
        best = max((found.get("tokens_per_s", 0.0) for side, found in sides.items() if side != "transformers"))
        target = SHAPES[name].target
        if target is not None and best < target:
            print(f"{name}: {best:,.0f} tokens/s, the target is {target:,.0f}")
            code = 1
        if not sides["mathmill"].get("checks", {}).get("isolated", False):
            print(f"{name}: documents are not isolated, or it was not measured")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
