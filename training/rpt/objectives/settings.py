"""Which objective a run has: its settings by kind, and the objective that they make."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from training.rpt.encoding import Encoder
from training.rpt.objectives.information_gain import InformationGain, InformationGainSettings
from training.rpt.objectives.next_token import NextToken, NextTokenSettings
from training.rpt.objectives.objective import Objective
from training.rpt.templates import load_rpt_template

ObjectiveSettings = Annotated[NextTokenSettings | InformationGainSettings, Field(discriminator="kind")]


def make_objective(settings: ObjectiveSettings, encoder: Encoder, folder: Path) -> Objective:
    """The objective that the settings describe.

    Args:
        settings: of the run.
        encoder: of the run's tokenizer.
        folder: of the run file, where relative paths start.

    Raises:
        BadInput: its template cannot be read, or the tokenizer cannot say it.
    """
    path = folder / Path(settings.template).expanduser()
    template = load_rpt_template(str(path) if path.is_file() else settings.template)
    if isinstance(settings, NextTokenSettings):
        return NextToken(settings, template, encoder)
    return InformationGain(settings, template, encoder)
