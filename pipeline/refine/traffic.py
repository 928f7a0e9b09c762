"""What a running part has done so far, written beside it: for the progress line now, for the report's costs later."""

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

_EVERY_S = 0.5
_FRESH_S = 10.0


@dataclass
class Traffic:
    """Sums over every run of a part, an interrupted one included; `rate` and `verdicts` are of the last one."""

    requests: int = 0
    retries: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wall_s: float = 0.0
    rate: float = 0.0
    """Generated tokens per second."""
    verdicts: dict[str, int] = field(default_factory=dict)
    updated: float = 0.0


class TrafficLog:
    """Keeps `<folder>/<part>.json` up to date."""

    def __init__(self, folder: Path, part: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{part}.json"
        self._before = read(self._path) or Traffic()
        self._started = time.monotonic()
        self._last = 0.0
        self.verdicts: Counter[str] = Counter()

    def update(
        self, requests: int, retries: Counter[str], prompt_tokens: int, completion_tokens: int, *, last: bool = False
    ) -> None:
        """Write, a few times a second at most, what this run has done."""
        now = time.monotonic()
        if now - self._last < _EVERY_S and not last:
            return
        self._last = now
        wall_s = now - self._started
        before = self._before
        value = Traffic(
            requests=before.requests + requests,
            retries=dict(Counter(before.retries) + retries),
            prompt_tokens=before.prompt_tokens + prompt_tokens,
            completion_tokens=before.completion_tokens + completion_tokens,
            wall_s=round(before.wall_s + wall_s, 3),
            rate=completion_tokens / wall_s if wall_s else 0.0,
            verdicts=dict(self.verdicts),
            updated=0.0 if last else time.time(),
        )
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(value), sort_keys=True), encoding="utf-8")
        temporary.replace(self._path)


def read(path: Path) -> Traffic | None:
    """The traffic of a part; None where it has none."""
    if not path.is_file():
        return None
    return Traffic(**json.loads(path.read_text(encoding="utf-8")))


def live_line(folder: Path) -> str:
    """A few words on the parts that run now, and the verdicts of all."""
    found = [value for path in sorted(folder.glob("*.json")) if (value := read(path)) is not None]
    verdicts = sum((Counter(value.verdicts) for value in found), Counter[str]())
    rate = sum(value.rate for value in found if time.time() - value.updated < _FRESH_S)
    if not verdicts:
        return ""
    share = verdicts["accept"] / verdicts.total()
    words = [f"accepted {share:.1%} of {verdicts.total():,}"]
    if any(value.requests for value in found):
        tokens = sum(value.completion_tokens for value in found), sum(value.prompt_tokens for value in found)
        words.append(f"{_short(rate)} tok/s, {_short(tokens[1])} in, {_short(tokens[0])} out")
    return ", ".join(words)


def _short(value: float) -> str:
    for unit in ("", "k", "M", "G"):
        if value < 1000:
            return f"{value:.0f}" if not unit else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} T"
