"""vLLM's HTTP API as far as rollouts need it. What changes from one vLLM to the next is in this file alone.

Tokens go in and come out (`/inference/v1/generate`): nothing is tokenized anew, and each answer tells which weights
drew which of its tokens. Weights are read from a folder (`/collective_rpc`, `reload_weights`) while nothing runs.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pipeline.errors import BadInput, BuildFailed
from pipeline.serving.client import NoAnswer, Refused, ServerClient, ServerGone, encoded
from training.rl.handover import Handover, block_apart, norms_apart
from training.rl.rollout import Sampling, StopReason

OLDEST = (0, 32)
"""The first vLLM whose answers tell the version of their weights."""
_GENERATE = "/inference/v1/generate"
_MISSING = {
    "/version": "give the address of a vLLM server, without /v1",
    _GENERATE: "start the server with --enable-scale-out",
}
"""What to do where the server does not know a path."""
_FAILED = {
    "/collective_rpc": "engine.weights_folder must be a folder that the server sees by the same path, and its model "
    "that of the run; start it anew",
}
"""What to do where it fails at one."""
_LOADING = "loading"
_Object = dict[str, Any]
PROBE_TEXT = "Let $x^2 + 1 = 0$; then x = \\pm i. Wörter, 数学, 3.14159.\n"
_PROBE_TEMPERATURE = 2.0
_TOP = 20


@dataclass(frozen=True)
class Sample:
    """What the server drew; `labels` are those of the weights that drew it, oldest token first."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    stop_reason: StopReason
    labels: tuple[str, ...]


class Vllm:
    """A server, asked through an open client whose URL has no /v1."""

    def __init__(self, client: ServerClient) -> None:
        self._client = client

    async def check(self, tokenizer: Any, longest: int, names: list[str]) -> None:
        """See that rollouts can come from here.

        Args:
            tokenizer: the policy's.
            longest: tokens of the longest prompt and answer.
            names: of the policy's tensors.

        Raises:
            BadInput: another kind of server, too old, without the endpoints, of another vocabulary or model or a
                shorter context, or whose log-probs are not those of the temperature.
        """
        version = str((await self._ask("/version"))["version"])
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if numbers < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise BadInput(f"engine.url: {self._client.url}: vLLM {version}; {oldest} or newer is needed")
        await self.label()
        context = int((await self._ask("/v1/models"))["data"][0]["max_model_len"])
        if context < longest:
            raise BadInput(
                f"engine.url: {self._client.url}: its context is {context} tokens, prompts and answers have up to "
                f"{longest}; start it with --max-model-len {longest}, or shorten sampling.lengths"
            )
        ours = tokenizer.encode(PROBE_TEXT, add_special_tokens=False)
        theirs = (await self._ask("/tokenize", {"prompt": PROBE_TEXT, "add_special_tokens": False}))["tokens"]
        if ours != theirs:
            raise BadInput(
                f"engine.url: {self._client.url}: another vocabulary: a sentence is {theirs[:8]}… there, and "
                f"{ours[:8]}… to the run's tokenizer; start it on the run's model"
            )
        if (apart := block_apart(names, await self._digests())) is not None:
            raise BadInput(
                f"engine.url: {self._client.url}: another model: {apart} is not in both; start it on the run's model"
            )
        await self._ask("/resume", {})  # a run that was killed while it handed weights over left it paused
        await self._check_temperature(ours[:8])

    async def label(self) -> str:
        """The label of the weights that the server holds."""
        return str((await self._ask("/weight_info"))["weight_version"])

    async def load(self, handover: Handover) -> None:
        """Take weights; what runs is aborted, and what was kept of earlier weights is gone.

        Raises:
            BuildFailed: the server cannot read them, or does not hold them afterwards.
        """
        await self._ask("/pause?mode=abort", {})
        await self._ask("/update_weight_version", {"new_version": _LOADING})
        await self._ask(
            "/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": str(handover.folder)}}
        )
        await self._ask("/reset_prefix_cache", {}, _read_flushed)
        if found := norms_apart(handover.digests, await self._digests()):
            raise BuildFailed(
                f"{self._client.url}: the server does not hold the weights of {handover.folder}: {found[0]} is another "
                f"({len(found)} in all); start it anew on the run's model, with --dtype as the run's model.dtype"
            )
        await self._ask("/update_weight_version", {"new_version": handover.label})
        await self._ask("/resume", {})

    async def _digests(self) -> dict[str, str]:
        """sha256 of each tensor on each process of the server."""
        found: dict[str, str] = (await self._ask("/weight_checker", {"action": "checksum"}))["checksums"]
        return found

    async def draw(self, tokens: tuple[int, ...], sampling: Sampling, seed: int, ends: list[int]) -> Sample:
        """One answer to a prompt.

        Args:
            tokens: of the prompt.
            sampling: how; its own seed is not asked.
            seed: of this answer.
            ends: tokens that end an answer.

        Raises:
            BuildFailed: the server refuses the request, or fails at it again and again.
        """
        body = encoded(_request(tokens, sampling, seed, ends, top=0))
        try:
            return await self._client.ask(_GENERATE, body, _read_sample)
        except Refused as refusal:
            raise BuildFailed(f"{self._client.url}: refuses a prompt of {len(tokens)} tokens: {refusal}") from refusal

    async def _check_temperature(self, tokens: list[int]) -> None:
        """The gap between two candidates' log-probs halves at temperature 2, if the temperature is in them."""
        gaps = []
        for temperature in (1.0, _PROBE_TEMPERATURE):
            sampling = Sampling(temperature=temperature, max_new_tokens=1)
            body = _request(tuple(tokens), sampling, 0, [], top=_TOP)
            top = (await self._ask(_GENERATE, body))["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            values = sorted((float(entry["logprob"]) for entry in top if entry["rank"] <= _TOP), reverse=True)
            gaps.append(values[0] - values[-1])
        expected = gaps[0] / _PROBE_TEMPERATURE
        if abs(gaps[1] - expected) > abs(gaps[1] - gaps[0]):
            raise BadInput(
                f"engine.url: {self._client.url}: its log-probs are those of temperature 1, whatever is asked; start "
                "it with --logprobs-mode processed_logprobs"
            )

    async def _ask(
        self, path: str, body: dict[str, Any] | None = None, read: Callable[[bytes], Awaitable[_Object]] | None = None
    ) -> _Object:
        """A JSON object by GET, or by POST of a body."""
        try:
            return await self._client.ask(path, None if body is None else encoded(body), read or _read_object)
        except ServerGone as error:
            if error.status is None:
                raise
            mend = _MISSING.get(path, "start it with VLLM_SERVER_DEV_MODE=1 in its environment")
            raise BadInput(f"engine.url: {self._client.url}: it says {error.status} to {path}; {mend}") from error
        except Refused as error:
            mend = _FAILED.get(path, "look at its log")
            raise BuildFailed(f"{self._client.url}: it fails at {path} ({error}); {mend}") from error


def _request(tokens: tuple[int, ...], sampling: Sampling, seed: int, ends: list[int], top: int) -> dict[str, Any]:
    return {
        "token_ids": tokens,
        "sampling_params": {
            "temperature": sampling.temperature,
            "top_p": 1.0,
            "top_k": 0,
            "seed": seed,
            "max_tokens": sampling.max_new_tokens,
            "stop": sampling.stop,
            "stop_token_ids": ends,
            "skip_special_tokens": True,
            "logprobs": top,
        },
    }


async def _read_object(content: bytes) -> _Object:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise NoAnswer from error
    if not isinstance(value, dict):
        raise NoAnswer
    return value


async def _read_flushed(content: bytes) -> _Object:
    """The prefix cache is not flushed while something holds its blocks; that may pass."""
    value = await _read_object(content)
    if value.get("success") is not True:
        raise NoAnswer
    return value


async def _read_sample(content: bytes) -> Sample:
    """A whole answer: every token with its own log-prob and label; anything less is asked for again."""
    try:
        choice = json.loads(content)["choices"][0]
        tokens = tuple(int(token) for token in choice["token_ids"])
        entries = choice["logprobs"]["content"]
        logprobs = tuple(float(entry["logprob"]) for entry in entries)
        spans = choice["weight_versions"]
        whole = (
            tokens
            and tokens == tuple(entry["token_id"] for entry in entries)
            and all(map(math.isfinite, logprobs))
            and (spans[0]["start"], spans[-1]["end"]) == (0, len(tokens))
        )
        reason = _stop_reason(choice["finish_reason"], choice["stop_reason"])
        labels = tuple(str(span["version"]) for span in spans)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NoAnswer from error
    if not whole or reason is None:
        raise NoAnswer
    return Sample(tokens, logprobs, reason, labels)


def _stop_reason(finish: str, stop: int | str | None) -> StopReason | None:
    """None: it was aborted."""
    if finish == "stop":
        return "stop_string" if isinstance(stop, str) else "stop"
    return "length" if finish == "length" else None
