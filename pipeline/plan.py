"""What a build would do, without doing it."""

from pathlib import Path

from pipeline.attempt import share_out
from pipeline.recipe import LoadedRecipe
from pipeline.stage import Stage
from pipeline.stages import stages_of


def render_plan(loaded: LoadedRecipe, out: Path, tasks: int) -> str:
    """Stages, tasks, input bytes and what is already done, as text. Nothing is written.

    A stage after one that is not done cannot be judged yet: its parts are that one's output.
    """
    lines = [f"{loaded.recipe.name} in {out}, at most {tasks} tasks"]
    previous: Stage | None = None
    kinds = stages_of(loaded.recipe)
    for position, kind in enumerate(kinds):
        stage = kind(loaded, out, previous)
        parts = stage.phases()[0].parts()
        if stage.is_done():
            ledger = stage.ledger()
            lines.append(f"  {stage.name:<8} done: {len(parts)} parts, in {ledger.records_in:,}, kept {ledger.kept:,}")
            previous = stage
            continue
        committed = stage.committed(stage.phases()[0].name, parts)
        missing = [part for part in parts if part.name not in committed]
        lines.append(
            f"  {stage.name:<8} to do: {len(missing)} of {len(parts)} parts, "
            f"{sum(part.bytes for part in missing):,} bytes, {len(share_out(missing, tasks))} tasks"
        )
        lines += [f"  {later.name:<8} to do: after {stage.name}" for later in kinds[position + 1 :]]
        break
    return "\n".join(lines)
