"""Training on answers that share prefixes: time and memory beside plain packing, and beside sharing within groups.

    python -m benchmarks.shared_prefix [--repeats 1] [--lengths 1024 4096]

16 positions of a document with 8 answers of 128 tokens each (random tokens, GRPO), an instruction of 100 tokens before
the document and 8 tokens behind what is seen of it; forward and backward of a tiny model in float32 on one thread, or,
where there is a GPU, of Llama-3.2-1B's shape in bfloat16. Three sides, in turn:

- naive: every answer behind its own prompt, packed end to end, documents apart;
- groups: each position's prompt once for its 8 answers;
- tree: the document once for all positions.

Times are CPU seconds, or seconds until a GPU is done, medians, with a position's 8 answers to a micro-batch on every
side. Beside the ratios to naive stand two bounds computed for this very model: that of tokens, and that of FLOP (linear
layers at every token, attention at every key that is seen, the head at answer tokens alone, on every side).

Memory is the most that tensors held at one time beyond weights and gradients, counted operation by operation, with 8
answers to a micro-batch, and with all 128. Naive micro-batches of more than 100,000 tokens are not run: they hold what
the largest smaller one does, in proportion to their tokens. Ends with 1 when the tree is below 0.8 of its FLOP bound or
holds more than half of naive's memory at 128 answers.
"""

import argparse
import statistics
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.environment import RESULTS, environment
from benchmarks.gpu_midtrain import SHAPES
from pipeline.files import write_json
from training.flops import Cost, Work, work_behind
from training.model import build_model, load_model_config, place_model
from training.rl.algorithms import Algorithm
from training.rl.answers import Answer, policy_rows
from training.rl.policy import PolicyModel, PolicyStats
from training.rl.prefix import passes
from training.rl.prefix.plan import Group, Segment, find_segments, work
from training.rl.prefix.rows import group_rows
from training.run import ModelSettings
from training.step import backward
from training.world import World, join_world

POSITIONS, SAMPLES, ANSWER, INSTRUCTION, TAIL, VOCAB = 16, 8, 128, 100, 8, 512
"""Tokens are drawn from the first `VOCAB`, which is the tiny model's whole vocabulary."""
CONFIG = {
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
FLOOR, CEILING, LARGEST = 0.8, 0.5, 100_000


def make_answers(length: int) -> list[Answer]:
    """Answers at evenly spread positions of a document of `length` tokens."""
    generator = torch.Generator().manual_seed(0)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(VOCAB, (count,), generator=generator).tolist())

    before, tail = tokens(INSTRUCTION + length), tokens(TAIL)
    answers = []
    for group in range(POSITIONS):
        seen = INSTRUCTION + length * (group + 1) // POSITIONS
        for sample in range(SAMPLES):
            answers.append(
                Answer(
                    prompt=group,
                    group=group,
                    sample=sample,
                    prompt_tokens=before[:seen] + tail,
                    tokens=tokens(ANSWER),
                    sampler=(-6.0,) * ANSWER,
                    stop_reason="length",
                    weights_version=0,
                    question="",
                    gold="",
                    response="",
                    reward=0.0,
                    correct=False,
                    status="ok",
                    advantage=1.0 if sample % 2 else -1.0,
                    weight=1 / (POSITIONS * SAMPLES * ANSWER),
                    segment=0,
                    prefix_length=seen,
                )
            )
    return answers


SIDES = ("naive", "groups", "tree")


@dataclass(frozen=True)
class Load:
    """Micro-batches of one side: forward and backward of each, and its tokens."""

    runs: tuple[Callable[[], object], ...]
    tokens: tuple[int, ...]

    def run(self) -> None:
        """All of them."""
        for run in self.runs:
            run()


def make_loads(model: PolicyModel, answers: Sequence[Answer], size: int) -> dict[str, Load]:
    """By side; a micro-batch has `size` answers, of one position or of all."""
    device = next(model.parameters()).device
    one = torch.ones((), dtype=torch.float64, device=device)
    parts = [answers[first : first + size] for first in range(0, len(answers), size)]
    naive = Load(
        tuple(partial(lambda part: backward(model, [policy_rows(part, device)], one), part) for part in parts),
        tuple(sum(answer.length - 1 for answer in part) for part in parts),
    )

    def shared(segments: Sequence[Segment]) -> Load:
        plans = _plans(segments, size < len(answers))
        return Load(
            tuple(
                partial(lambda plan: passes.backward(model, [group_rows(plan, device)], one), plan) for plan in plans
            ),
            tuple(sum(segment.num_tokens for segment in plan.segments) for plan in plans),
        )

    return {"naive": naive, "groups": shared(_groups(answers)), "tree": shared(find_segments(answers))}


def make_works(answers: Sequence[Answer]) -> dict[str, Work]:
    """What each side computes."""
    naive = [work_behind(0, answer.length - 1, len(answer.tokens)) for answer in answers]
    works = {"naive": naive, "groups": work(_groups(answers)), "tree": work(find_segments(answers))}
    return {side: sum(parts, Work()) for side, parts in works.items()}


def _groups(answers: Sequence[Answer]) -> list[Segment]:
    return find_segments([replace(a, segment=a.group, prefix_length=len(a.prompt_tokens) - 1) for a in answers])


def _plans(segments: Sequence[Segment], apart: bool) -> list[Group]:
    """A group for each segment with a pass for each branch, or one group with one pass for all."""
    if apart:
        return [Group((segment,), tuple(((0, branch),) for branch in segment.branches)) for segment in segments]
    every = tuple((place, branch) for place, segment in enumerate(segments) for branch in segment.branches)
    return [Group(tuple(segments), (every,))]


class PeakBytes(TorchDispatchMode):  # type: ignore[misc]
    """Counts bytes of the tensors that are made, as long as they are there; `peak` is the most at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known = weakref.WeakSet[Any]()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        taken = {id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                if id(storage) not in taken and storage not in self._known:
                    self._known.add(storage)
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self._gone, storage.nbytes())
        return made

    def _gone(self, size: int) -> None:
        self.now -= size


def peak_bytes(load: Load) -> int:
    """Of the largest micro-batch, the last one."""
    with PeakBytes() as counted:
        load.runs[-1]()
    peak: int = counted.peak
    return peak


def model_settings(world: World) -> ModelSettings:
    """What is trained on this device."""
    if world.device.type == "cuda":
        return ModelSettings(config=SHAPES["1b"].config, dtype="bfloat16", activation_checkpointing=False)
    return ModelSettings(config=CONFIG, dtype="float32")


def clock(world: World) -> float:
    """CPU seconds of this process, or seconds when the GPU has done what it was given."""
    if world.device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def measure(world: World, length: int, repeats: int) -> dict[str, Any]:
    """Times, memory, ratios and bounds at one length of document."""
    settings = model_settings(world)
    config = load_model_config(settings, Path("."))
    model = build_model(settings, config, place_model(world, settings, 1), 0, Path("."), PolicyModel)
    model.algorithm, model.temperature, model.stats = Algorithm(name="grpo"), 1.0, PolicyStats()
    cost, unit = Cost.of(model.model, config), "wall_s" if world.device.type == "cuda" else "cpu_s"
    answers = make_answers(length)
    works = make_works(answers)
    flops = {side: 3 * cost.forward(total) for side, total in works.items()}
    loads = make_loads(model, answers, SAMPLES)
    loads["groups"].runs[0]()  # warm, and gradients are there from now on
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side in SIDES:
            started = clock(world)
            loads[side].run()
            times[side].append(clock(world) - started)
    seconds = {side: statistics.median(values) for side, values in times.items()}
    memory = {side: peak_bytes(loads[side]) for side in SIDES}
    whole_loads = make_loads(model, answers, len(answers))
    whole_memory = {side: peak_bytes(whole_loads[side]) for side in ("groups", "tree")}
    tokens = whole_loads["naive"].tokens[0]
    if measured := tokens <= LARGEST:
        whole_memory["naive"] = peak_bytes(whole_loads["naive"])
    else:
        whole_memory["naive"] = memory["naive"] * tokens // loads["naive"].tokens[-1]
    speedups = {side: seconds["naive"] / seconds[side] for side in SIDES}
    bounds = {side: flops["naive"] / flops[side] for side in SIDES}
    return {
        "document_tokens": length,
        unit: {side: round(seconds[side], 2) for side in SIDES},
        f"gflop_per_{unit}": {side: round(flops[side] / seconds[side] / 1e9, 1) for side in SIDES},
        "times_naive": {side: round(speedups[side], 2) for side in SIDES},
        "flop_bound": {side: round(bounds[side], 2) for side in SIDES},
        "token_bound": {side: round(works["naive"].tokens / works[side].tokens, 2) for side in SIDES},
        "of_flop_bound": {side: round(speedups[side] / bounds[side], 3) for side in SIDES},
        "peak_mib_8_answers": {side: round(memory[side] / 2**20, 1) for side in SIDES},
        "peak_mib_128_answers": {side: round(whole_memory[side] / 2**20, 1) for side in SIDES},
        "naive_128_answers_measured": measured,
    }


def main() -> int:
    """Measure, print, write results/shared-prefix.json; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    with join_world() as world:
        for length in options.lengths:
            results.append(measure(world, length, options.repeats))
            for key, values in results[-1].items():
                sides = values.items() if isinstance(values, dict) else [("", values)]
                print(f"{key:28} " + "  ".join(f"{side} {value:>9}" for side, value in sides), flush=True)
        config, gpu = model_settings(world).config, world.device.type == "cuda"
    about = environment(("torch", "transformers")) | ({"device": torch.cuda.get_device_name()} if gpu else {})
    name = "shared-prefix-gpu.json" if gpu else "shared-prefix.json"
    write_json(options.results / name, {"environment": about, "config": config, "lengths": results})
    slow = any(result["of_flop_bound"]["tree"] < FLOOR for result in results)
    large = any(
        result[f"peak_mib_{count}_answers"]["tree"] > CEILING * result["peak_mib_128_answers"]["naive"]
        for result in results
        for count in (8, 128)
    )
    return int(slow or large)


if __name__ == "__main__":
    raise SystemExit(main())
