"""What an RPT run would do, told before it starts."""

from pathlib import Path

from training.rl.plan import render_policy_plan
from training.rl.tokenizer import load_tokenizer
from training.rpt.evaluation import open_held_out
from training.rpt.settings import LoadedRptRun
from training.rpt.setup import open_ground
from training.rpt.train import RptRecord


def render_plan(loaded: LoadedRptRun, out: Path) -> str:
    """The plan as text; reads tokens, positions and configs, writes nothing.

    Raises:
        BadInput: what would be refused at the start.
    """
    run, tokenizer = loaded.run, load_tokenizer(loaded)
    ground = open_ground(loaded, tokenizer)
    evaluation = open_held_out(loaded, tokenizer, ground.encoder, ground.documents, ground.measured)
    count, together = len(ground.positions), run.positions.selection.together
    passes = run.num_steps * run.prompts_per_step / count
    windows = ground.questions.windows
    asked = [
        f"  tokens     {ground.documents.manifest.totals.tokens:,} in {ground.documents.documents:,} documents",
        f"  positions  {count:,} to train on, {len(ground.held_out):,} held out; {passes:.2g} passes, "
        f"{together} of a document together",
        f"  context    at most {windows.limit:,} tokens, longer ones in windows from multiples of {windows.hop:,}",
        f"  objective  {run.objective.kind}",
    ]
    if run.warmup is not None:
        asked.append(f"  warm-up    the first {run.warmup.steps} steps, learning rate {run.warmup.lr:g}")
    if evaluation is not None:
        asked.append(f"  evaluation {evaluation}")
    return render_policy_plan(loaded, out, RptRecord, asked, run.max_prompt_tokens)
