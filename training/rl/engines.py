"""The engine that a run names."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from training.rl.engine import EmbeddedEngine
from training.rl.graphs import CudaGraphs
from training.rl.rollout import RolloutEngine
from training.rl.settings import EmbeddedSettings, LoadedPolicyRun, PolicyRun
from training.world import World


def open_engine(
    loaded: LoadedPolicyRun[PolicyRun], out: Path, config: Any, tokenizer: Any, longest_prompt: int, world: World
) -> RolloutEngine:
    """The engine of a run, ready for weights; every process has to call it.

    Args:
        loaded: the run.
        out: its folder.
        config: transformers config of the policy.
        tokenizer: of the policy.
        longest_prompt: in tokens.
        world: the group of processes.

    Raises:
        BadInput: the engine cannot decode this model, or no rollouts can come from the server that is named.
        BuildFailed: the server is not there.
    """
    run, settings = loaded.run, loaded.run.engine
    if isinstance(settings, EmbeddedSettings):
        if settings.cuda_graphs and world.device.type != "cuda":
            raise BadInput(
                f"{loaded.path}: engine.cuda_graphs: true needs a GPU, and this is {world.device}; leave it out"
            )
        recorder = CudaGraphs() if settings.cuda_graphs else None
        return EmbeddedEngine(config, tokenizer, world.device, run.model.dtype, run.sampling.max_batch, recorder)
    if find_spec("aiohttp") is None:
        raise BadInput(f"{loaded.path}: engine.kind: served needs aiohttp; pip install 'mathmill[rl]'")
    from training.rl.served import ServedEngine  # only who asks a server needs an HTTP client

    folder = out / "weights" if settings.weights_folder is None else loaded.resolve(settings.weights_folder) / run.name
    longest = longest_prompt + run.sampling.longest
    return ServedEngine(settings, folder, config, tokenizer, run.model.dtype, longest, world)
