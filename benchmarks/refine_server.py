"""A stand-in for a model server: `slots` answers at a time, each `delay_s` long, further requests waiting (as in vLLM).

It gives the text between the fence lines back, so the guard accepts, and speaks just enough HTTP/1.1 to cost little.
`GET /stats` tells how many of its slots were busy between the first request and the last answer.
"""

import argparse
import asyncio
import json
import re
import time
from collections import deque
from typing import Any

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_FENCED = re.compile(r"(TEXT-[0-9a-f]{16})\n(.*)\n\1\Z", re.DOTALL)


class Slots:
    """Counts busy slots over time."""

    def __init__(self, slots: int, delay_s: float) -> None:
        self.slots, self.delay_s = slots, delay_s
        self.busy = self.requests = 0
        self.waiting: deque[tuple[Connection, str]] = deque()
        self.busy_s = 0.0
        self.first = self.last = 0.0

    def _count(self) -> None:
        now = time.monotonic()
        if self.first:
            self.busy_s += self.busy * (now - self.last)
        else:
            self.first = now
        self.last = now

    def take(self, connection: "Connection", text: str) -> None:
        """Answer at once if a slot is free, else when one is."""
        self._count()
        self.requests += 1
        if self.busy >= self.slots:
            self.waiting.append((connection, text))
            return
        self.busy += 1
        asyncio.get_running_loop().call_later(self.delay_s, self._answer, connection, text)

    def _answer(self, connection: "Connection", text: str) -> None:
        self._count()
        connection.send(completion(text))
        if self.waiting:
            asyncio.get_running_loop().call_later(self.delay_s, self._answer, *self.waiting.popleft())
        else:
            self.busy -= 1

    def stats(self) -> dict[str, Any]:
        """Requests, seconds from the first to the last event, and the mean share of busy slots in between."""
        wall = self.last - self.first
        share = self.busy_s / wall / self.slots if wall else 0.0
        first = {"first_request_unix_s": time.time() - (time.monotonic() - self.first)} if self.first else {}
        return {"requests": self.requests, "server_wall_s": round(wall, 3), "busy_share": round(share, 4), **first}


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, slots: Slots) -> None:
        self._slots, self._buffer = slots, b""
        self._transport: asyncio.Transport | None = None
        self._close = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take whole requests out of what arrived."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            match = _LENGTH.search(head)
            size = int(match[1]) if match else 0
            if len(self._buffer) < end + 4 + size:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + size], self._buffer[end + 4 + size :]
            self._request(head, body)

    def _request(self, head: bytes, body: bytes) -> None:
        self._close = b"connection: close" in head.lower()
        if head.startswith(b"POST"):
            content = json.loads(body)["messages"][-1]["content"]
            match = _FENCED.search(content)
            if match:
                self._slots.take(self, match[2])
            else:
                self.send(completion("ready"))
        elif head.startswith(b"GET /stats"):
            self.send(json.dumps(self._slots.stats()).encode())
        elif head.startswith(b"GET /reset"):
            self._slots.__init__(self._slots.slots, self._slots.delay_s)  # type: ignore[misc]
            self.send(b"{}")
        else:
            self.send(b'{"object": "list", "data": [{"id": "benchmark", "max_model_len": 16384}]}')

    def send(self, body: bytes) -> None:
        """Send a response with status 200."""
        assert self._transport is not None
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)
        if self._close:
            self._transport.close()


def completion(text: str) -> bytes:
    """A chat completion."""
    tokens = len(text) // 4
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": tokens + 200, "completion_tokens": tokens, "total_tokens": 2 * tokens + 200}
    return json.dumps({"id": "b", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


async def serve(slots: int, delay_s: float) -> None:
    """Serve until killed; the port is printed first."""
    state = Slots(slots, delay_s)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--delay-s", type=float, default=0.2)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.slots, arguments.delay_s))
