"""A recipe to a corpus: the stages in order, each skipped, continued or run, then report, card and manifest."""

from pathlib import Path

from pipeline.corpus import finish_corpus
from pipeline.errors import BuildFailed
from pipeline.local import run_phase
from pipeline.lock import output_lock
from pipeline.progress import Reporter
from pipeline.recipe import LoadedRecipe
from pipeline.shard.manifest import Manifest
from pipeline.shard.tokenizer import load_tokenizer
from pipeline.slurm.submission import refuse_beside_jobs
from pipeline.stage import Stage
from pipeline.stages import stages_of


def build(loaded: LoadedRecipe, out: Path, *, tasks: int, reporter: Reporter) -> Manifest:
    """Build the corpus in `out` and return its manifest. Whatever a former run completed there is kept and not redone.

    Raises:
        BadInput: the recipe's inputs or models are not there, or another build holds `out`.
        BuildFailed: a stage could not finish; the same call goes on behind what is complete.
    """
    first = check(loaded, out)
    with output_lock(out):
        refuse_beside_jobs(out)
        stages: list[Stage] = []
        for kind in stages_of(loaded.recipe):
            stage = kind(loaded, out, stages[-1]) if stages else first
            run_stage(stage, tasks, reporter)
            stages.append(stage)
        return finish_corpus(loaded, out, stages)


def check(loaded: LoadedRecipe, out: Path) -> Stage:
    """Refuse whatever can be refused before anything is written: models, inputs, tokenizer. Returns the first stage,
    which knows its inputs now: to list a whole crawl again would take minutes.

    Raises:
        BadInput: one of them is not there.
    """
    kinds = stages_of(loaded.recipe)
    for kind in kinds:
        kind.check(loaded)
    first = kinds[0](loaded, out, None)
    first.inputs_digest()
    load_tokenizer(loaded)
    return first


def run_stage(stage: Stage, tasks: int, reporter: Reporter) -> None:
    """Bring one stage to its done.json, running only parts that are not committed."""
    if stage.is_done():
        reporter.line(f"{stage.name}: done before, {stage.ledger().in_words()}")
        return
    stage.begin()
    for phase in stage.phases():
        if missing := stage.missing(phase):
            total = sum(part.bytes for part in phase.parts())
            before = total - sum(part.bytes for part in missing)
            with reporter.phase(f"{stage.name}/{phase.name}", total, before, stage.live) as on_progress:
                run_phase(stage, phase, missing, tasks, on_progress)
        if lost := len(stage.missing(phase)):
            raise BuildFailed(f"{stage.name}/{phase.name}: {lost} parts are not complete; run it again")
    stage.finish()
    reporter.line(f"{stage.name}: {stage.ledger().in_words()}")
