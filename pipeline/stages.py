"""The stages in order. A stage can be made once the one before is done: its fingerprint may cover that output."""

from pathlib import Path

from pipeline.dedup.stage import DedupStage
from pipeline.extract.stage import ExtractStage
from pipeline.filter.stage import FilterStage
from pipeline.recipe import LoadedRecipe
from pipeline.shard.stage import ShardStage
from pipeline.stage import Stage

STAGES: tuple[type[Stage], ...] = (ExtractStage, FilterStage, DedupStage, ShardStage)


def make_stage(name: str, loaded: LoadedRecipe, out: Path) -> Stage:
    """The stage called `name`, with those before it; they must be done."""
    stage: Stage | None = None
    for kind in STAGES:
        stage = kind(loaded, out, stage)
        if kind.name == name:
            return stage
    raise AssertionError(f"no stage is called {name}")
