"""Which objective a run has: its settings by kind, and the objective that they make."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.frozen import Frozen
from training.rpt.encoding import Encoder
from training.rpt.objectives.information_gain import InformationGain, InformationGainSettings
from training.rpt.objectives.masked import Masked, MaskedSettings
from training.rpt.objectives.mixture import Mixture
from training.rpt.objectives.next_segment import NextSegment, NextSegmentSettings
from training.rpt.objectives.next_token import NextToken, NextTokenSettings
from training.rpt.objectives.objective import Objective
from training.rpt.templates import load_rpt_template

OneObjective = NextTokenSettings | InformationGainSettings | NextSegmentSettings | MaskedSettings


class WeightedObjective(Frozen):
    """One objective of a mixture."""

    weight: float = Field(gt=0)
    """Its share of the positions, relative to the others'."""
    objective: OneObjective = Field(discriminator="kind")
    """What it asks."""


class MixtureSettings(Frozen):
    """Several objectives by weight."""

    kind: Literal["mixture"] = "mixture"
    """Which objective this is."""
    parts: tuple[WeightedObjective, ...] = Field(min_length=2)
    """The objectives. RLPT's next segments + λ × middle segments have the weights 1 and λ."""
    seed: int = Field(default=0, ge=0)
    """Of the choice at each position."""

    @model_validator(mode="after")
    def _one_average(self) -> "MixtureSettings":
        decays = {part.objective.decay for part in self.parts if isinstance(part.objective, InformationGainSettings)}
        if len(decays) > 1:
            raise ValueError(f"decays {sorted(decays)} of one moving average; give all parts the same")
        return self


ObjectiveSettings = Annotated[OneObjective | MixtureSettings, Field(discriminator="kind")]


def make_objective(settings: ObjectiveSettings, encoder: Encoder, folder: Path) -> Objective:
    """The objective that the settings describe.

    Args:
        settings: of the run.
        encoder: of the run's tokenizer.
        folder: of the run file, where relative paths start.

    Raises:
        BadInput: a template cannot be read, the tokenizer cannot say it, or a judge's key is not there.
    """
    if isinstance(settings, MixtureSettings):
        parts = [(part.weight, make_objective(part.objective, encoder, folder)) for part in settings.parts]
        return Mixture(parts, settings.seed)
    path = folder / Path(settings.template).expanduser()
    template = load_rpt_template(str(path) if path.is_file() else settings.template)
    match settings:
        case NextTokenSettings():
            return NextToken(settings, template, encoder)
        case InformationGainSettings():
            return InformationGain(settings, template, encoder)
        case NextSegmentSettings():
            return NextSegment(settings, template, encoder)
        case MaskedSettings():
            return Masked(settings, template, encoder)
