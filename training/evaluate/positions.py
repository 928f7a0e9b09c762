"""Next-token accuracy of a model on a position folder: `mathmill evaluate MODEL --positions DIR`."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.progress import Reporter
from training.evaluate.next_token import AccuracySettings, Asker, evaluate_next_token
from training.evaluate.results import TaskResult
from training.rl.rollout import RolloutEngine
from training.rpt.encoding import Encoder
from training.rpt.objectives.next_token import NextToken, NextTokenSettings
from training.rpt.positions import open_positions
from training.rpt.questions import Questions
from training.rpt.selection import select
from training.rpt.templates import load_rpt_template


class PositionSettings(AccuracySettings):
    """Which positions, what to ask, what to draw and how to count."""

    template: str = "rpt-v0"
    """Of reasoning: shipped RPT template or template file."""
    max_prompt_tokens: int = Field(default=4096, ge=1)
    """Longest prompt; of a longer context both modes see the same window."""


def evaluate_positions(
    model: str,
    engine: RolloutEngine,
    tokenizer: Any,
    folder: Path,
    settings: PositionSettings,
    out: Path,
    reporter: Reporter,
) -> list[TaskResult]:
    """Evaluate a model on measured positions.

    Args:
        model: its name in results.
        engine: holds the weights.
        tokenizer: of the model, which has to be that of the positions.
        folder: from `mathmill positions`.
        settings: of the evaluation.
        out: folder of responses and results; complete parts there of the same evaluation are not drawn again.
        reporter: shows progress.

    Raises:
        BadInput: no such positions or template, another tokenizer, or no position is left.
    """
    measured = open_positions(folder)
    documents, encoder = measured.open_tokens(), Encoder(tokenizer)
    encoder.check(documents, model)
    template = load_rpt_template(settings.template)
    objective = NextToken(NextTokenSettings(template=settings.template), template, encoder)
    questions = Questions(documents, encoder.token_bytes, objective, settings.max_prompt_tokens, None)
    asker = Asker(questions.ask, objective, encoder.token_bytes, tokenizer, template.name)
    positions = settings.first(select(settings.selection, documents, encoder.token_bytes, measured))
    reporter.line(f"{folder}: {settings.describe(positions)}")
    return [
        result
        for mode in settings.modes
        for result in evaluate_next_token(
            model, engine, asker, positions, settings.protocol(mode), settings.bands, out, reporter
        )
    ]
