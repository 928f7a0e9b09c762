"""The embedded engine: decodes with the trainer's own weights, in the same process, on CPU or one GPU.

Prompts are computed once for all their samples, and what prompts begin with alike once for all of them; a finished
completion gives its slot to the next request. What is drawn depends on (seed, step, prompt, sample, position) and the
weights alone, so it is the same in any batch and on any rank.
"""

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from training.attention import check_config, check_model
from training.model import DTYPES, check_context, check_vocabulary, restore_buffers, widen_norms
from training.rl import decode
from training.rl.choose import choose
from training.rl.decode import Decode, KeyValueStore, Prefill
from training.rl.graphs import RecordedSteps, Recorder
from training.rl.noise import uniforms
from training.rl.prefix.common import common_tokens
from training.rl.rollout import Completion, Request, Sampling, StopReason, Weights, end_tokens
from training.rl.stops import StopStrings


@dataclass
class _Running:
    """A completion on its way; `place` is its request's."""

    place: int
    request: Request
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class EmbeddedEngine:
    """A `RolloutEngine` in this process.

    Args:
        config: transformers config of the model; what document attention refuses is refused here too.
        tokenizer: a transformers tokenizer: its EOS ends a completion, its `decode` makes the text.
        device: where it runs.
        dtype: of weights and keys: bfloat16, float32 or float64.
        max_batch: completions at a time, which bounds the memory of keys and values.
        recorder: records decoding steps, which then compute every slot, busy or not; None: they run as they are.

    Raises:
        BadInput: a model that the engine cannot decode.
    """

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        device: torch.device | str = "cpu",
        dtype: str = "float32",
        max_batch: int = 64,
        recorder: Recorder | None = None,
    ) -> None:
        self._config = config = copy.deepcopy(config)  # a model writes its attention into it; the trainer's has another
        check_config(config)
        self._tokenizer, self._device, self._max_batch = tokenizer, torch.device(device), max_batch
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=DTYPES[dtype], attn_implementation=decode.NAME)
        check_model(model)
        if dtype == "float64":
            widen_norms(model)
        self._model: PreTrainedModel = model.to_empty(device=self._device)
        self._model.tie_weights()
        restore_buffers(self._model, config)
        self._model.eval().requires_grad_(False)
        self._recorder = recorder
        self._version = -1
        self._ends = end_tokens(config, tokenizer)

    def update_weights(self, weights: Weights, version: int) -> None:
        """Copy weights in, cast to the engine's type.

        Raises:
            ValueError: a parameter of the model is missing, or has another shape.
        """
        for name, parameter in self._model.named_parameters():
            if name not in weights:
                raise ValueError(f"weights lack {name}")
            if weights[name].shape != parameter.shape:
                raise ValueError(f"{name}: shape {tuple(weights[name].shape)}, not {tuple(parameter.shape)}")
            with torch.no_grad():  # the weights may be a trainer's, with gradients
                parameter.copy_(weights[name])
        self._version = version

    def close(self) -> None:
        """Let go of the weights."""
        self._model.to_empty(device="meta")
        self._version = -1

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """A completion per request, in order.

        Raises:
            ValueError: no weights yet.
            BadInput: a prompt has tokens that the model has not, or leaves no room in its context.
        """
        if self._version < 0:
            raise ValueError("no weights yet; call update_weights first")
        prompts = {request.tokens for request in requests}
        longest = max(map(len, prompts), default=0)
        check_vocabulary(self._config, max((max(tokens) for tokens in prompts), default=0))
        check_context(self._config, longest, sampling.max_new_tokens)
        done: dict[int, Completion] = {}
        # In the order of their tokens, each prompt begins like the one before it as far as like any before it. So every
        # beginning is computed once, and the samples of a prompt follow each other.
        waiting = deque(sorted(range(len(requests)), key=lambda place: (requests[place].tokens, place)))
        slots = min(self._max_batch, len(requests))
        store = KeyValueStore(slots, longest + sampling.max_new_tokens)
        recorded = None if self._recorder is None else RecordedSteps(store, self._logits, self._recorder, self._device)
        running: dict[int, _Running] = {}
        prompt: tuple[int, ...] = ()
        stops = StopStrings(self._tokenizer, sampling.stop)
        while waiting or running:
            free = [slot for slot in range(slots) if slot not in running]
            if waiting and free:
                prompt = self._admit(requests, waiting, free, store, prompt, running, sampling, step)
            else:
                active = sorted(running)
                logits = self._advance(store, active, running, recorded)
                self._draw(logits, [running[slot] for slot in active], sampling, step)
            for slot, item in list(running.items()):
                if (reason := self._stop_reason(item, sampling, stops)) is not None:
                    done[item.place] = self._completion(item, reason, stops)
                    del running[slot]
                    if on_progress is not None:
                        on_progress(len(done))
        return [done[place] for place in range(len(requests))]

    def _admit(
        self,
        requests: Sequence[Request],
        waiting: deque[int],
        free: list[int],
        store: KeyValueStore,
        before: tuple[int, ...],
        running: dict[int, _Running],
        sampling: Sampling,
        step: int,
    ) -> tuple[int, ...]:
        """Start one prompt, computed behind what it shares with the one `before`, with as many samples as fit."""
        tokens = requests[waiting[0]].tokens
        group: list[_Running] = []
        while waiting and len(group) < len(free) and requests[waiting[0]].tokens == tokens:
            place = waiting.popleft()
            group.append(_Running(place, requests[place]))
        taken = free[: len(group)]
        start = min(common_tokens(before, tokens), len(tokens) - 1)  # the last token's logits are wanted
        ids = torch.tensor([tokens[start:]], device=self._device)
        places = torch.arange(start, len(tokens), device=self._device)
        logits = self._logits(ids, places[None], Prefill(store, start, len(places)))
        store.hand_out(taken, len(tokens))
        self._draw(logits[-1:].expand(len(group), -1), group, sampling, step)
        running.update(zip(taken, group, strict=True))
        return tokens

    def _advance(
        self, store: KeyValueStore, active: list[int], running: dict[int, _Running], recorded: RecordedSteps | None
    ) -> Tensor:
        """Logits [n, vocabulary] behind the newest token of each active slot."""
        # Mostly busy slots are computed all: to pick some would copy their keys. A free one holds nothing to spoil.
        whole = recorded is not None or 2 * len(active) > store.slots
        slots = list(range(store.slots)) if whole else active
        tokens, positions = [0] * len(slots), [0] * len(slots)
        for index, slot in enumerate(slots):
            if (item := running.get(slot)) is not None:
                tokens[index], positions[index] = item.tokens[-1], len(item.request.tokens) + len(item.tokens) - 1
        if recorded is not None:
            logits = recorded(tokens, positions)
        else:
            place = torch.tensor(positions, device=self._device)
            purpose = Decode(store, torch.tensor(slots, device=self._device), place, max(positions) + 1)
            logits = self._logits(torch.tensor([tokens], device=self._device), place[None], purpose)
        return logits if slots == active else logits[active]

    def _logits(self, ids: Tensor, positions: Tensor, purpose: Prefill | Decode) -> Tensor:
        output = self._model.base_model(input_ids=ids, position_ids=positions, use_cache=False, rollout=purpose)
        hidden = output.last_hidden_state[0]
        if isinstance(purpose, Prefill):
            hidden = hidden[-1:]
        logits: Tensor = self._model.get_output_embeddings()(hidden)
        return logits.double() if logits.dtype == torch.float64 else logits.float()

    def _draw(self, logits: Tensor, items: list[_Running], sampling: Sampling, step: int) -> None:
        """Append a token and its log-prob to each item, by the inverse of the cumulative distribution."""
        noise = None
        if sampling.temperature > 0:
            prompts = np.array([item.request.prompt for item in items], dtype=np.int64)
            samples = np.array([item.request.sample for item in items], dtype=np.int64)
            positions = np.array([len(item.tokens) for item in items], dtype=np.int64)
            noise = torch.from_numpy(uniforms(sampling.seed, step, prompts, samples, positions)).to(logits.device)
        tokens, chosen = choose(logits, sampling.temperature, noise)
        for item, token, logprob in zip(items, tokens.tolist(), chosen.tolist(), strict=True):
            item.tokens.append(token)
            item.logprobs.append(logprob)

    def _stop_reason(self, item: _Running, sampling: Sampling, stops: StopStrings) -> StopReason | None:
        if item.tokens[-1] in self._ends:
            return "stop"
        if stops.ends(item.tokens):
            return "stop_string"
        return "length" if len(item.tokens) >= sampling.max_new_tokens else None

    def _completion(self, item: _Running, reason: StopReason, stops: StopStrings) -> Completion:
        text = self._tokenizer.decode(item.tokens, skip_special_tokens=True)
        if reason == "stop_string":
            text = stops.before(text)
        return Completion(tuple(item.tokens), tuple(item.logprobs), reason, text, self._version)
