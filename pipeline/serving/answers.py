"""What a model answered, and the key under which the cache keeps it."""

from typing import Any

import xxhash

from pipeline.files import canonical
from pipeline.frozen import Frozen


class Answer(Frozen):
    """An answer as it is kept. `error` is set, and `text` empty, where the server refused this very request or failed
    at it again and again while it answered others; that is an answer too, since asking again would not help.
    """

    text: str
    finish_reason: str
    """As the server says (`stop`, `length`, …), or `error`."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None


class Request(Frozen):
    """One question to the model, and what it was about. Everything here shapes the answer: its digest is the key."""

    document: str
    """xxh3_128 of the document's whole text."""
    part: str
    """Which part of the document: `0`, or `2.1` for the second half of the third."""
    messages: str
    """xxh3_128 of the chat messages: prompt, headings and text of the part."""
    prompt: str
    """Name, version and digest of the prompt."""
    model: str
    revision: str | None
    sampling: dict[str, Any]
    """Every sampling field of the request, its seed and `max_tokens` included."""

    @property
    def key(self) -> bytes:
        """16 bytes that name the request."""
        return xxhash.xxh3_128_digest(canonical(self.__dict__))
