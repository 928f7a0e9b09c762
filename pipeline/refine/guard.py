"""The guard: is a rewrite the same mathematics as its original? Every check has a name and a measured value."""

from pipeline.refine.verdict import GuardSettings, Verdict

__all__ = ["GuardSettings", "Verdict", "check_rewrite"]

STRICT = GuardSettings()
"""The defaults: every formula and every number kept, none new."""

_STOPPED = frozenset({"stop", "eos", "end_turn"})
_SLACK_WORDS = 40


def check_rewrite(
    original: str,
    rewrite: str,
    settings: GuardSettings = STRICT,
    *,
    finish_reason: str = "stop",
    prompt: str = "",
) -> Verdict:
    """Judge a rewrite of a text. Linear in the length of both.

    `finish_reason` is the server's word for why the model stopped; `prompt` holds the instructions that it was given,
    to tell a copy of them (the shipped prompts are always known).
    """
    reasons: list[str] = []
    values: dict[str, float] = {}
    if finish_reason not in _STOPPED:
        reasons.append("finish_reason")
    words, before = len(rewrite.split()), len(original.split())
    values["length"] = words / before if before else float(words > 0)
    if not words and before:
        reasons.append("empty")
    elif not settings.min_length_ratio * before <= words <= settings.max_length_ratio * before + _SLACK_WORDS:
        reasons.append("length")
    return Verdict(not reasons, reasons, settings.action(reasons), values)
