"""A server that speaks vLLM's protocol as far as rollouts need it, on a tiny model, in a thread or a process.

The log-probs are true: behind it is the embedded engine on the weights that it was told to read. Its draws are not: the
same request gets another answer each time, as of a server whose batches differ.
"""

import asyncio
import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from support.thread_server import ThreadServer

Body = dict[str, Any]


@dataclass
class Faults:
    """What goes wrong, changed by a test at any time. A hook gets the number of the draw, from 0."""

    draw: Callable[[int], str | None] = lambda number: None
    """`503`, `cut` (the connection), `half` (an answer), `abort`, `label:X` (of other weights), `hang`; None: right."""
    called: Callable[[str, int], None] = lambda path, count: None
    """Gets every request's path, and how many there were of it before."""
    version: str = "0.32.0"
    mode: str = "processed_logprobs"
    missing: frozenset[str] = frozenset()
    """Paths that are not known."""
    foreign: bool = False
    """Another vocabulary."""
    deaf: bool = False
    """Weights are not read, and nothing is said of it."""
    keeps: str | None = None
    """A tensor that it holds, and does not compute with: it keeps the one of before."""
    holds: int = 0
    """So often its prefix cache cannot be flushed, since something holds blocks."""
    blind: bool = False
    """The folder of the weights is not there, as on another node."""


@dataclass
class RolloutServer(ThreadServer):
    """Use it with `with`. `calls` counts requests by path, `draws` those for answers."""

    config: Any
    tokenizer: Any
    max_model_len: int = 128
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    repeat: bool = False
    """The same request gets the same answer."""

    def __post_init__(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from training.rl.engine import EmbeddedEngine

        self.calls: Counter[str] = Counter()
        self.draws = self.busy = self.most_busy = 0
        self.bodies: list[Body] = []
        self.log: list[str] = []
        self._engine = EmbeddedEngine(self.config, self.tokenizer, dtype="float64")
        with torch.random.fork_rng():
            torch.manual_seed(99)
            # Here alone: transformers sets the type of all threads while it makes a model.
            self._model = AutoModelForCausalLM.from_config(self.config, dtype=torch.float64).eval()
        self._first = {name: parameter.detach().clone() for name, parameter in self._model.named_parameters()}
        self.restart()

    def restart(self) -> None:
        """Begin anew with the first weights, as a server does that its supervisor started again."""
        self._hold(self._first)
        self.label, self.paused = "default", False

    def _hold(self, weights: dict[str, Any]) -> None:
        kept = {self.faults.keeps: self._weights[self.faults.keeps]} if self.faults.keeps else {}
        self._weights = weights
        self._engine.update_weights({**weights, **kept}, 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.faults.called(path, self.calls[path])
        self.calls[path] += 1
        body = await request.json() if request.method == "POST" else {}
        handlers: dict[str, Callable[[Body], Body]] = {
            "/version": lambda body: {"version": self.faults.version},
            "/v1/models": lambda body: {"data": [{"id": "tiny", "max_model_len": self.max_model_len}]},
            "/tokenize": self._tokenize,
            "/weight_info": lambda body: {"weight_version": self.label},
            "/pause": lambda body: self._pause(True),
            "/resume": lambda body: self._pause(False),
            "/collective_rpc": self._reload,
            "/reset_prefix_cache": self._flush,
            "/weight_checker": self._digests,
            "/update_weight_version": self._name,
        }
        if path in self.faults.missing:
            return web.json_response({"detail": "Not Found"}, status=404)
        if path == "/inference/v1/generate":
            return await self._generate(request, body)
        if path not in handlers:
            return web.json_response({"detail": "Not Found"}, status=404)
        if path in ("/pause", "/collective_rpc", "/reset_prefix_cache", "/update_weight_version", "/resume"):
            self.log.append(path.removeprefix("/"))
        try:
            return web.json_response(handlers[path](body))
        except (OSError, ValueError) as error:
            return web.json_response({"error": {"message": f"Worker failed with error '{error}'"}}, status=500)

    def _tokenize(self, body: Body) -> Body:
        tokens = self.tokenizer.encode(body["prompt"], add_special_tokens=body["add_special_tokens"])
        return {"tokens": [token + 1 for token in tokens] if self.faults.foreign else tokens}

    def _pause(self, paused: bool) -> Body:
        self.paused = paused
        return {"status": "paused" if paused else "resumed"}

    def _reload(self, body: Body) -> Body:
        from safetensors.torch import load_file

        assert body["method"] == "reload_weights"
        folder = Path("/nowhere" if self.faults.blind else body["kwargs"]["weights_path"])
        weights = load_file(folder / "model.safetensors")
        if not self.faults.deaf:
            self._hold(weights)
        return {"results": [None]}

    def _flush(self, body: Body) -> Body:
        self.faults.holds -= 1
        return {"success": self.paused and self.faults.holds < 0}

    def _digests(self, body: Body) -> Body:
        assert body == {"action": "checksum"}
        return {
            "checksums": {
                f"dp0:pp0:pcp0:tp0:{name}": hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
                for name, tensor in self._weights.items()
            }
        }

    def _name(self, body: Body) -> Body:
        self.label = body["new_version"]
        return {"success": True}

    async def _generate(self, request: web.Request, body: Body) -> web.StreamResponse:
        number, self.draws = self.draws, self.draws + 1
        self.bodies.append(body)
        fault = self.faults.draw(number)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(0.001)
            if fault == "503":
                return web.json_response({"error": {"message": "busy"}}, status=503)
            if fault == "cut":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            if fault == "hang":
                await asyncio.Event().wait()
            while self.paused:
                await asyncio.sleep(0.001)
            if len(body["token_ids"]) + body["sampling_params"]["max_tokens"] > self.max_model_len:
                return web.json_response({"error": {"message": "longer than the maximum model length"}}, status=400)
            answer = self._draw(body, 0 if self.repeat else number)
        finally:
            self.busy -= 1
        choice = answer["choices"][0]
        if fault == "half":
            choice["token_ids"] = choice["token_ids"][:-1]
        if fault == "abort":
            choice["finish_reason"] = "abort"
        if fault is not None and fault.startswith("label:"):
            choice["weight_versions"][0]["version"] = fault.removeprefix("label:")
        return web.json_response(answer)

    def _draw(self, body: Body, number: int) -> Body:
        from training.rl.rollout import Request, Sampling

        settings = body["sampling_params"]
        assert (settings["top_p"], settings["top_k"]) == (1.0, 0)
        sampling = Sampling(
            temperature=settings["temperature"],
            max_new_tokens=settings["max_tokens"],
            stop=tuple(settings["stop"]),
            seed=settings["seed"] % 2**31,
        )
        (drawn,) = self._engine.generate([Request(tuple(body["token_ids"]), 0)], sampling, number)
        logprobs = drawn.logprobs
        content = [
            {"token_id": token, "logprob": logprob, "rank": 1, "top_logprobs": []}
            for token, logprob in zip(drawn.tokens, logprobs, strict=True)
        ]
        if settings["logprobs"]:
            content[0]["top_logprobs"] = self._top(body["token_ids"], sampling.temperature, settings["logprobs"])
        stop = sampling.stop[0] if drawn.stop_reason == "stop_string" else None
        return {
            "choices": [
                {
                    "token_ids": list(drawn.tokens),
                    "logprobs": {"content": content},
                    "finish_reason": "length" if drawn.stop_reason == "length" else "stop",
                    "stop_reason": stop,
                    "weight_versions": [{"version": self.label, "start": 0, "end": len(drawn.tokens)}],
                }
            ]
        }

    def _top(self, tokens: list[int], temperature: float, count: int) -> list[Body]:
        """The likeliest candidates for the next token."""
        import torch

        self._model.load_state_dict(self._weights, strict=False)
        with torch.no_grad():
            logits = self._model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        values = torch.log_softmax(logits if self.faults.mode == "raw_logprobs" else logits / temperature, -1)
        top = values.topk(count)
        return [
            {"token_id": token, "logprob": value, "rank": place + 1}
            for place, (token, value) in enumerate(zip(top.indices.tolist(), top.values.tolist(), strict=True))
        ]


def main(config: str, tokenizer: str, port: str) -> None:
    """A server in a process of its own, until it is killed."""
    from transformers import AutoConfig, AutoTokenizer

    values = json.loads(config)
    loaded = AutoConfig.for_model(values.pop("model_type"), **values)
    with RolloutServer(loaded, AutoTokenizer.from_pretrained(tokenizer), port=int(port)) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
