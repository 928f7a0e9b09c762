"""An OpenAI-compatible server of the tests' own, in a thread: it can answer badly in every way that the tests need."""

import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiohttp import web

from support.thread_server import ThreadServer

_FENCED = re.compile(r"(?P<fence>TEXT-[0-9a-f]{16})\n(?P<text>.*)\n(?P=fence)\Z", re.DOTALL)


@dataclass(frozen=True)
class Reply:
    """What the server does with a request."""

    text: str = ""
    finish_reason: str = "stop"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as it is instead of a chat completion."""
    delay_s: float = 0.0
    trickle_s: float = 0.0
    """Seconds between the bytes of the body."""
    hang_up: bool = False


Answer = Callable[[str, dict[str, object], int], Reply]
"""(text of the part, body, how often this very body came before) to a reply."""


class ChatServer(ThreadServer):
    """Use it with `with`. `requests` holds the bodies in the order of arrival; a client's probes are only counted."""

    def __init__(
        self, answer: Answer, *, max_model_len: int | None = None, key: str | None = None, port: int = 0
    ) -> None:
        self.answer, self.max_model_len, self.key, self.port = answer, max_model_len, key, port
        self.requests: list[dict[str, object]] = []
        self.probes = 0
        self.busy = self.most_busy = 0
        self.held: Callable[[], bool] = bool
        """While it says so, no answer goes out."""
        self._seen: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", self._health)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        entry: dict[str, object] = {"id": "tests/model"}
        if self.max_model_len is not None:
            entry["max_model_len"] = self.max_model_len
        return web.json_response({"object": "list", "data": [entry]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            given = request.headers.get("Authorization", "")
            return web.json_response({"error": {"message": f"Incorrect API key provided: {given}"}}, status=401)
        body = await request.json()
        match = _FENCED.search(body["messages"][-1]["content"])
        if match is None:
            self.probes += 1
            return web.json_response(_completion("ready", "stop"))
        self.requests.append(body)
        name = json.dumps(body, sort_keys=True)
        before = self._seen.get(name, 0)
        self._seen[name] = before + 1
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            while self.held():
                await asyncio.sleep(0.02)
            return await self._reply(request, self.answer(match["text"], body, before))
        finally:
            self.busy -= 1

    async def _reply(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        await asyncio.sleep(reply.delay_s)
        if reply.hang_up:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        body = reply.body
        if body is None:
            body = json.dumps(_completion(reply.text, reply.finish_reason)).encode()
        if not reply.trickle_s:
            return web.Response(status=reply.status, headers=reply.headers, body=body)
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(request)
        for byte in body:
            await response.write(bytes([byte]))
            await asyncio.sleep(reply.trickle_s)
        return response


def _completion(text: str, finish_reason: str) -> dict[str, object]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 100, "completion_tokens": len(text.split())},
    }


def faithful(text: str) -> str:
    """A rewrite of a lesson of `support.crawl` that keeps everything."""
    return text.replace("In this lesson we study", "This lesson is about").replace("Recall the", "Remember the").strip()


def own_server(folder: Path) -> str:
    """`refine.server.command` of a recipe in `folder`; the file `hold` there holds its answers back."""
    return f"env PYTHONPATH={Path(__file__).parents[1]} {sys.executable} -m support.chat_server {{port}} {folder}"


def own_servers(folder: Path) -> list[psutil.Process]:
    """The running ones of `own_server(folder)`: other tests have theirs."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (words := process.info["cmdline"] or [])[1:3] == ["-m", "support.chat_server"]
        and words[-1] == str(folder)
        and process.status() != "zombie"
    ]


if __name__ == "__main__":  # a model server that a stage starts: `python -m support.chat_server PORT FOLDER`
    with ChatServer(lambda text, body, before: Reply(faithful(text), delay_s=0.02), port=int(sys.argv[1])) as chat:
        chat.held = (Path(sys.argv[2]) / "hold").exists
        print("serving", flush=True)
        threading.Event().wait()
