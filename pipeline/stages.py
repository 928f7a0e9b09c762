"""The stages in order. A stage can be made once the one before is done: its fingerprint may cover that output."""

from pathlib import Path

from pipeline.dedup.stage import DedupStage
from pipeline.extract.stage import ExtractStage
from pipeline.filter.stage import FilterStage
from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.refine.stage import RefineStage
from pipeline.shard.stage import ShardStage
from pipeline.stage import Stage

STAGES: tuple[type[Stage], ...] = (ExtractStage, FilterStage, DedupStage, RefineStage, ShardStage)
"""All stages; a recipe may do without some."""


def stages_of(recipe: Recipe) -> tuple[type[Stage], ...]:
    """The stages that a recipe asks for."""
    return tuple(kind for kind in STAGES if kind.wanted(recipe))


def open_stage(loaded: LoadedRecipe, folders: list[Path]) -> Stage:
    """The last of the stages that stand in `folders`, with those before it."""
    stage: Stage | None = None
    for kind, folder in zip(stages_of(loaded.recipe), folders, strict=False):
        stage = kind(loaded, folder.parent, stage, folder)
    assert stage is not None
    return stage
