"""When a completion ends at a stop string, seen token by token without decoding the text each time."""

from collections.abc import Sequence
from typing import Any


class StopStrings:
    """Looks for stop strings in growing completions.

    Only a token that brings a stop string's last character can complete it; the text is decoded at those alone.

    Args:
        tokenizer: its `decode` makes the text.
        stops: the strings; none: nothing ever ends.
    """

    def __init__(self, tokenizer: Any, stops: tuple[str, ...]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self._lasts = {stop[-1] for stop in stops if stop}
        # A token has a character at least, but for characters of several byte tokens.
        self._tail = max(map(len, stops), default=0) + 8
        self._may_end: dict[int, bool] = {}

    def ends(self, tokens: Sequence[int]) -> bool:
        """Whether the newest token completes a stop string."""
        if not self._stops or not self._candidate(tokens[-1]):
            return False
        text = self._tokenizer.decode(tokens[-self._tail :], skip_special_tokens=True)
        return any(stop in text for stop in self._stops)

    def before(self, text: str) -> str:
        """The text up to the first stop string."""
        return text[: min((text.find(stop) for stop in self._stops if stop in text), default=len(text))]

    def _candidate(self, token: int) -> bool:
        known = self._may_end.get(token)
        if known is None:
            text = self._tokenizer.decode([token], skip_special_tokens=True)
            # By itself a token may lose its leading space, and bytes of a character are not readable.
            hidden = not text or "\ufffd" in text or any(last.isspace() for last in self._lasts)
            known = hidden or not self._lasts.isdisjoint(text)
            self._may_end[token] = known
        return known
