"""From a document to requests: parts within the context of the model, chat messages, sampling, key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import xxhash

from pipeline.refine.prompts import Prompt
from pipeline.refine.settings import RefineSettings
from pipeline.refine.split import Piece, split
from pipeline.serving.answers import Request

_SPARE_TOKENS = 64
_INPUT_SHARE = 0.4
"""Of the context: a part's share. The rest is room for an answer that may be longer, and for counts that differ."""


@dataclass(frozen=True)
class Part:
    """A part of a document; `path` tells it from the others and from the halves of others."""

    path: str
    piece: Piece

    @property
    def as_it_stands(self) -> bool:
        """One block beyond the budget (a huge table, a program): it is not sent, since cutting it would break it."""
        return self.piece.oversized


@dataclass(frozen=True)
class Question:
    """A request: what it is about, the key of that, and its body."""

    request: Request
    key: bytes
    body: dict[str, Any]


class Questions:
    """Makes the requests of documents. `count` gives the tokens of a text, not far below the model's own count."""

    def __init__(
        self, settings: RefineSettings, prompt: Prompt, context_tokens: int, count: Callable[[str], int]
    ) -> None:
        self._settings, self._prompt, self._count = settings, prompt, count
        overhead = _SPARE_TOKENS + sum(count(message["content"]) for message in prompt.messages("", ()))
        self._room = context_tokens - overhead
        self._budget = int(self._room * _INPUT_SHARE)
        self._prompt_name = f"{prompt.name}@{prompt.version}:{prompt.digest}"
        if self._budget < 32:
            raise ValueError(f"context_tokens {context_tokens} leaves no room beside the prompt ({overhead} tokens)")

    def parts(self, text: str) -> list[Part]:
        """The whole text, or its parts where it exceeds the budget."""
        return [Part(str(number), piece) for number, piece in enumerate(self._pieces(text, self._budget))]

    def smaller(self, part: Part) -> list[Part]:
        """Parts of a part of about half the size; itself where it cannot be cut."""
        text = part.piece.text
        pieces = split(text, max(1, self._count(text) // 2), self._count)
        if len(pieces) < 2:
            return [part]
        above = part.piece.heading_path
        return [
            Part(f"{part.path}.{number}", Piece(piece.text, above + piece.heading_path))
            for number, piece in enumerate(pieces)
        ]

    def question(self, document: str, part: Part, attempt: int) -> Question:
        """The request for a part; `document` is the digest of the whole text, `attempt` counts from 1."""
        sampling = self._settings.sampling
        fields = {
            **sampling.extra,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed + attempt - 1,
            "max_tokens": self._answer_tokens(part.piece.text),
        }
        messages = self._prompt.messages(part.piece.text, part.piece.heading_path)
        model = self._settings.model
        assert model is not None
        request = Request.model_construct(
            document=document,
            part=part.path,
            messages=text_digest("\0".join(f"{message['role']}\0{message['content']}" for message in messages)),
            prompt=self._prompt_name,
            model=model,
            revision=self._settings.revision,
            sampling=fields,
        )
        return Question(request, request.key, {"model": model, "messages": messages, **fields})

    def _pieces(self, text: str, budget: int) -> list[Piece]:
        # A token is at least a byte: most pages need no counting.
        if len(text.encode("utf-8", "surrogatepass")) <= budget:
            return [Piece(text)]
        return split(text, budget, self._count)

    def _answer_tokens(self, text: str) -> int:
        size = len(text.encode("utf-8", "surrogatepass"))
        used = size if size <= self._budget else self._count(text)
        return max(1, min(self._room - used, max(self._settings.output_tokens, size // 2)))


def text_digest(text: str) -> str:
    """xxh3_128 of a text."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
