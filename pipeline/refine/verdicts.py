"""The side file of the refine stage: a row for each document, with its verdict, its original text and its scores."""

import pyarrow as pa

from pipeline.refine.outcome import Outcome

_NAMED = pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64())]))
_SCORES = pa.list_(pa.struct([("name", pa.string()), ("before", pa.float32()), ("after", pa.float32())]))

VERDICTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("raised", pa.list_(pa.string())),
        pa.field("values", _NAMED),
        pa.field("attempts", pa.int32()),
        pa.field("parts", pa.int32()),
        pa.field("written", pa.int32()),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64()),
        pa.field("scores", _SCORES),
        pa.field("original", pa.string()),
        pa.field("refused", pa.string()),
    ]
)
"""`action` is accept, keep_original or drop; `reasons` are of the last try, `raised` of any. `written` counts the
documents that took its place. `original` is its text where that was replaced, `refused` the rewrite that the guard
refused last. `scores` holds classifiers' scores of the text before and after, of replaced texts."""


def verdict_row(id_: str, original: str, outcome: Outcome, scores: dict[str, tuple[float, float]]) -> dict[str, object]:
    """The row of a document."""
    accepted = outcome.action == "accept"
    return {
        "id": id_,
        "action": outcome.action,
        "reasons": list(outcome.reasons),
        "raised": list(outcome.raised),
        "values": [{"name": name, "value": float(value)} for name, value in outcome.values],
        "attempts": outcome.attempts,
        "parts": outcome.parts,
        "written": len(outcome.texts) if accepted else int(outcome.action == "keep_original"),
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "scores": [{"name": name, "before": before, "after": after} for name, (before, after) in scores.items()],
        "original": original if accepted and outcome.texts != (original,) else None,
        "refused": outcome.refused,
    }
