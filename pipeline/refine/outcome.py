"""What becomes of a document in the refine stage."""

from dataclasses import dataclass
from typing import Literal

from pipeline.refine.guard import GuardSettings, Verdict, check_rewrite
from pipeline.refine.prompts import Mode

Action = Literal["accept", "keep_original", "drop"]


@dataclass(frozen=True)
class Outcome:
    """The verdict on a document, and the texts that take its place."""

    action: Action
    texts: tuple[str, ...] = ()
    """Accepted texts: one, or several where a page gives several documents."""
    reasons: tuple[str, ...] = ()
    """Why the last try was refused; empty when it was accepted."""
    raised: tuple[str, ...] = ()
    """Every reason that any try met."""
    values: tuple[tuple[str, float], ...] = ()
    """What the guard measured on the last try."""
    attempts: int = 1
    parts: int = 1
    refused: str | None = None
    """The rewrite that was refused last; None when one was accepted."""
    answers: tuple[bytes, ...] = ()
    """A digest of each answer that it was made of, its key included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


def judge(
    original: str, texts: list[str], mode: Mode, settings: GuardSettings, *, finish_reason: str, prompt: str
) -> tuple[Verdict, list[str]]:
    """The guard's verdict on the texts of one answer, and those that stand.

    A rewrite and a worked solution stand or fall as a whole. Of extracted pairs each is checked alone, and the sound
    ones stand. The thresholds are those of the mode.
    """
    settings = settings.for_mode(mode)
    if mode != "extract_pairs":
        text = "".join(texts)
        return check_rewrite(original, text, settings, finish_reason=finish_reason, prompt=prompt), texts
    if not texts:
        return Verdict(False, ["no_pairs"], "keep_original", {"pairs": 0.0}), []
    verdicts = [check_rewrite(original, text, settings, finish_reason=finish_reason, prompt=prompt) for text in texts]
    sound = [text for text, verdict in zip(texts, verdicts, strict=True) if verdict.accept]
    values = {"pairs": float(len(texts)), "sound_pairs": float(len(sound))}
    if sound:
        return Verdict(True, [], "accept", values), sound
    return verdicts[0], []


def end_of(verdict: Verdict, otherwise: Action) -> Action:
    """The end of a document after its last verdict."""
    if verdict.action == "retry":
        return otherwise
    return verdict.action
