"""Weights on their way to a server: a folder in Hugging Face format, and what the server must hold once it read it."""

import copy
import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from training.model import DTYPES, restore_buffers
from training.rl.rollout import Weights

_VERSION = re.compile(r"\.?\w+-[0-9a-f]{16}(\.tmp)?")
_EMPTY = hashlib.sha256().hexdigest()
"""What a server tells of a tensor that it keeps in a form of its own."""

State = dict[str, Tensor]


@dataclass(frozen=True)
class Handover:
    """Weights on disk. `label` is a name and a digest of every byte: no other weights ever have it."""

    folder: Path
    label: str
    digests: dict[str, str]
    """sha256 of each tensor's bytes, by name."""


class WeightsFolder:
    """Writes one version after another beneath `folder`, which the server sees too; the one before is removed.

    Args:
        folder: this run's alone.
        config: transformers config of the model.
        dtype: of the files: the server must compute in it.
    """

    def __init__(self, folder: Path, config: Any, dtype: str) -> None:
        self._folder, self._dtype, self._config = folder.resolve(), DTYPES[dtype], copy.deepcopy(config)
        with torch.device("meta"):
            self._model: PreTrainedModel = AutoModelForCausalLM.from_config(
                self._config, dtype=self._dtype, attn_implementation="sdpa"
            )
        self._model.tie_weights()

    @property
    def names(self) -> list[str]:
        """Of the tensors; tied ones once."""
        return [name for name, _ in self._model.named_parameters()]

    def state(self, weights: Weights) -> State:
        """The tensors as they are written, on the CPU."""
        return {name: weights[name].detach().to("cpu", self._dtype).contiguous() for name in self.names}

    def write(self, state: State, name: str) -> Handover:
        """A new folder, whole once it has its name; `name` begins the label."""
        digests = {key: _digest(tensor) for key, tensor in sorted(state.items())}
        all_of_it = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
        label = f"{name}-{all_of_it[:16]}"
        self.clear()
        target = self._folder / label
        temporary = self._folder / f".{label}.tmp"
        with _no_progress_bar():
            self._model.save_pretrained(temporary, state_dict=dict(state))
        temporary.rename(target)
        return Handover(target, label, digests)

    def logprobs(self, state: State, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """log p of tokens behind a prompt, by transformers on the CPU, at temperature 1."""
        model = copy.deepcopy(self._model)  # on the meta device, where it weighs nothing
        for module in model.modules():
            for key, buffer in module.named_buffers(recurse=False):
                setattr(module, key, torch.empty_like(buffer, device="cpu"))
        restore_buffers(model, self._config)
        model.load_state_dict(state, strict=False, assign=True)
        model.tie_weights()
        with torch.no_grad():
            logits = model.eval()(torch.tensor([[*prompt, *tokens]]), use_cache=False).logits[0, len(prompt) - 1 : -1]
        values = torch.log_softmax(logits.double(), -1)
        return [float(values[place, token]) for place, token in enumerate(tokens)]

    def clear(self) -> None:
        """Remove the versions that are there, half written ones too."""
        for path in self._folder.glob("*"):
            if _VERSION.fullmatch(path.name):
                shutil.rmtree(path)


def block_apart(ours: Iterable[str], theirs: Iterable[str]) -> str | None:
    """A numbered block (`model.layers.7`) that is not in both, of tensors by name and by `process:name`."""
    apart = _blocks(ours) ^ _blocks(map(_bare, theirs))
    return min(apart, default=None)


def norms_apart(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Norms that a server lacks, or holds with other bytes.

    Matrices it joins, pads, shards and packs as it likes; norms it keeps, whole, on each of its processes, and it loads
    them from the same files.

    Args:
        ours: sha256 by name.
        theirs: sha256 by `process:name`, several processes or one.
    """
    norms = {name: digest for name, digest in ours.items() if name.endswith(("layernorm.weight", ".norm.weight"))}
    named = [(_bare(name), digest) for name, digest in theirs.items()]
    others = {name for name, digest in named if name in norms and digest not in (norms[name], _EMPTY)}
    return sorted(others | (norms.keys() - {name for name, _ in named}))


def _bare(name: str) -> str:
    return name.rpartition(":")[2]


def _blocks(names: Iterable[str]) -> set[str]:
    """`model.layers.7` of `model.layers.7.mlp.down_proj.weight`."""
    return {match[0] for name in names if (match := re.match(r".*?\.\d+(?=\.)", name))}


def _digest(tensor: Tensor) -> str:
    return hashlib.sha256(memoryview(tensor.view(-1).view(torch.uint8).numpy())).hexdigest()


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """A bar for each step's weights would drown the run's own lines."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
