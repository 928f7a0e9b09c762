r"""How a response carries its prediction: in a `\boxed{}`, or between two markers; read and written on bytes.

A prediction is any bytes: newlines, backslashes, braces that do not balance, spaces at either end. Nothing is escaped,
nothing is stripped.
"""

import re
from typing import Literal

from pydantic import Field, model_validator

from pipeline.frozen import Frozen

_BOX = b"\\boxed{"
_BRACE = re.compile(rb"[{}]")
_BEHIND_A_BOX = b" \t\r\n$.*"


class Carrier(Frozen):
    """Where the prediction stands in a response."""

    form: Literal["boxed", "marked"] = "boxed"
    r"""`boxed`: in the last `\boxed{}` (RPT, arXiv 2506.08007); `marked`: between `open` and `close`."""
    before: str = ""
    """What a response begins with, before its thought: `<think>` where the prompt does not end in it."""
    after: str | None = None
    """What ends the thought, `</think>` say: the prediction stands behind the last of these, and without one there is
    none. Null: thoughts have no end tag, and the whole response is looked through."""
    open: str = Field(default="<next>", min_length=1)
    """Marker before a prediction (`marked`)."""
    close: str = Field(default="</next>", min_length=1)
    """Marker behind it (`marked`)."""

    @model_validator(mode="after")
    def _tells_apart(self) -> "Carrier":
        if self.after == "":
            raise ValueError("after is empty; name the tag that ends a thought, or null for none")
        if self.form == "marked" and self.open in self.close:
            raise ValueError(f"close {self.close!r} holds open {self.open!r}; take markers that can be told apart")
        return self

    def parse(self, response: bytes) -> bytes | None:
        r"""The prediction in a response, byte for byte; None where there is none.

        Looked for behind the last `after`. `marked`: what stands between the last `open` and the first `close` behind
        it. `boxed`: the last box that is not inside another one. It ends at the last closing brace of the response if
        nothing but white space and `$`, `.`, `*` stands behind that, so that a response that ends with its box can
        carry any braces (`\boxed{}{}` is `}{`); otherwise at the brace that balances its opening one; where none does,
        at the last one that there is. A backslash before a brace changes nothing.
        """
        if self.after is not None:
            _, tag, response = response.rpartition(self.after.encode())
            if not tag:
                return None
        if self.form == "marked":
            _, marker, rest = response.rpartition(self.open.encode())
            prediction, end, _ = rest.partition(self.close.encode())
            return prediction if marker and end else None
        return _boxed(response)

    def wrap(self, thought: str, prediction: bytes | str) -> str:
        """A response that says `prediction` after `thought`: what `parse` reads back.

        Raises:
            ValueError: this carrier cannot carry it: it is no UTF-8, or holds the carrier's own markers.
        """
        sent = prediction.encode() if isinstance(prediction, str) else prediction
        try:
            text = sent.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"prediction {sent!r} is no text: byte {error.start} is half a character") from error
        start, end = (self.open, self.close) if self.form == "marked" else (_BOX.decode(), "}")
        response = f"{self.before}{thought}{self.after or ''}\n{start}{text}{end}"
        if self.parse(response.encode()) != sent:
            raise ValueError(f"prediction {sent!r} after thought {thought[-80:]!r} would be read as another one")
        return response


def _boxed(text: bytes) -> bytes | None:
    """What stands in the last outermost box that is closed at all."""
    last = text.rfind(b"}")
    closing = _closing(text)
    found: tuple[int, int | None] | None = None
    place = text.find(_BOX)
    while 0 <= place <= last - len(_BOX):
        start = place + len(_BOX)
        end = closing.get(start - 1)
        found = start, end
        place = text.find(_BOX, start if end is None else end)
    if found is None:
        return None
    start, end = found
    ends_here = end is None or not text[last + 1 :].strip(_BEHIND_A_BOX)
    return text[start : last if ends_here else end]


def _closing(text: bytes) -> dict[int, int]:
    """By place of an opening brace, the place of the one that balances it."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace[0] == b"{":
            opened.append(brace.start())
        elif opened:
            found[opened.pop()] = brace.start()
    return found
