"""A table of models beside each other; a column is a task under one protocol, so that unlike numbers never meet."""

from collections.abc import Sequence
from typing import Any


def render_table(evaluations: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row per model and measure, a column per (task, protocol, problems); below, what each column is."""
    columns: list[tuple[str, str, int]] = []
    for evaluation in evaluations:
        for row in evaluation["results"]:
            if (key := _column(row)) not in columns:
                columns.append(key)
    columns.sort()
    names = [f"{task} ({place})" for place, (task, _, _) in enumerate(columns, start=1)]
    lines = ["| model | measure | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(columns)]
    for evaluation in evaluations:
        rows = {_column(row): row for row in evaluation["results"]}
        measures = sorted({measure for row in rows.values() for measure in _measures(row)}, key=_order)
        for measure in measures:
            cells = [_measures(rows[column]).get(measure, "") if column in rows else "" for column in columns]
            lines.append(f"| {evaluation['model']} | {measure} | " + " | ".join(cells) + " |")
    lines.append("")
    shown = {_column(row): row for evaluation in evaluations for row in evaluation["results"]}
    for name, column in zip(names, columns, strict=True):
        row = shown[column]
        part = "" if row["whole"] else ", a part of the benchmark"
        lines.append(f"{name}: {row['problems']} problems{part}; {row['protocol']}; protocol {row['protocol_digest']}")
    lines.append("In brackets: 95 % confidence interval over problems.")
    return "\n".join(lines)


def _column(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["task"], row["protocol_digest"], row["problems"]


def _measures(row: dict[str, Any]) -> dict[str, str]:
    found = {f"pass@{k}": estimate_cell(estimate) for k, estimate in row["pass_at"].items()}
    if row["majority"] is not None:
        found[f"maj@{row['samples']}"] = estimate_cell(row["majority"])
    if row.get("first_token") is not None:
        found["first@1"] = estimate_cell(row["first_token"])
    return found


def estimate_cell(estimate: dict[str, float]) -> str:
    """A share in percent with its interval."""
    return f"{100 * estimate['value']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def _order(measure: str) -> tuple[str, int]:
    kind, _, k = measure.partition("@")
    return {"pass": "0", "maj": "1", "first": "2"}[kind], int(k)
