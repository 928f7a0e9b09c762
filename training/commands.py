"""The sub-commands beside `mathmill train`; each imports what it needs when it runs (`build --help` loads no torch)."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from training.train_commands import Overrides


def tokenize(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="A finished corpus; or Parquet and JSONL files, folders, globs; or hub:OWNER/NAME[@REVISION][:GLOB].",
        ),
    ],
    tokenizer: Annotated[
        str, typer.Option(help="A bundled tokenizer, a tokenizer.json or its folder, or a Hub name (NAME[@REVISION]).")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the token shards.")],
    format_: Annotated[
        str, typer.Option("--format", help="How rows become documents: text, qa, chat or cot.")
    ] = "text",
    fields: Annotated[
        list[str], typer.Option("--field", metavar="FIELD=COLUMN", help="Read a field of the format from this column.")
    ] = [],  # noqa: B006 - typer reads the default, nothing changes it
    train_on: Annotated[
        str, typer.Option(help="What is learned in qa, chat and cot: answers (the rest is masked), or all.")
    ] = "answers",
    eos: Annotated[str | None, typer.Option(help="Token that ends documents. [default: the tokenizer's]")] = None,
    tasks: Annotated[int | None, typer.Option(min=1, help="Processes at a time. [default: the CPUs]")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and touch nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Make token shards of a corpus or data set; run it again to go on after an interruption."""
    from pipeline.progress import Reporter
    from training.tokenize.run import plan_job, render_plan
    from training.tokenize.run import tokenize as run_tokenize

    workers = tasks or len(os.sched_getaffinity(0))
    job = plan_job(tuple(sources), tokenizer, out, format_, tuple(fields), train_on, eos)
    if plan:
        print(render_plan(job, workers))
        return
    manifest = run_tokenize(job, workers, Reporter(quiet))
    totals = manifest.totals
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in manifest.dropped.items())
    print(
        f"{manifest.name}: {totals.documents:,} documents, {totals.tokens:,} tokens, {totals.trained:,} trained, "
        f"in {len(manifest.shards)} shards" + (f"; rows left out: {dropped}" if dropped else "")
    )


def positions(
    source: Annotated[
        str, typer.Argument(metavar="TOKENS|CORPUS|RUN", help="Token shards; a corpus; or a run's stored answers.")
    ],
    proxy: Annotated[
        str, typer.Option(metavar="MODEL", help="A model's folder, a checkpoint RUN/step-NNNNNNN, or a Hub name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the positions.")],
    floor: Annotated[float, typer.Option(min=0, help="Least entropy of a stored position, in nats.")] = 0.5,
    context: Annotated[
        int | None, typer.Option(help="Tokens that the proxy sees at once. [default: as many as it takes]")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float64. [default: by device]")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and touch nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Measure how hard each position of documents is for a proxy model; run it again to go on after an interruption."""
    from pipeline.progress import Reporter
    from training.rpt.command import run_positions

    reporter = Reporter(quiet)
    manifest = run_positions(
        source, proxy, out, floor=floor, context=context, dtype=dtype, plan=plan, reporter=reporter
    )
    if manifest is not None:
        print(manifest.describe())


def report(
    target: Annotated[
        Path, typer.Argument(metavar="CORPUS|POSITIONS", help="A finished corpus, or a position folder.")
    ],
) -> None:
    """Write report.html of a corpus or a position folder again, and print its path."""
    from training.rpt.positions import MANIFEST, open_positions

    if target.name != MANIFEST and not (target / MANIFEST).is_file():
        import pipeline.commands

        pipeline.commands.report(target)
        return
    from training.rpt.report import write_page

    print(write_page(open_positions(target)))


def trace(
    target: Annotated[Path, typer.Argument(metavar="CORPUS|RUN", help="A finished corpus; or a run's file or folder.")],
    key: Annotated[str | None, typer.Argument(metavar="[ID|URL]", help="Of a corpus: a document id or URL.")] = None,
    step: Annotated[
        int | None, typer.Option(min=0, help="Of a run: the step, from 0, to tell the documents of.")
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default, nothing changes it
) -> None:
    """Tell where a document came from and what each stage decided; or which documents a training step read."""
    from pipeline.errors import BadInput

    if (key is None) == (step is None):
        raise BadInput(f"trace {target}: give a document id or URL of a corpus, or --step N of a run")
    if step is None:
        import pipeline.commands

        assert key is not None
        pipeline.commands.trace(target, key)
        return
    from training.trace import is_rpt_run, open_run, trace_step

    if is_rpt_run(target):
        from training.rpt.trace import trace_rpt_step

        for place in trace_rpt_step(target, step, tuple(overrides)):
            print(place)
        return
    data, sequences_per_step = open_run(str(target), tuple(overrides))
    for segment in trace_step(data, step, sequences_per_step):
        print(segment)


def verify(
    target: Annotated[
        str,
        typer.Argument(
            metavar="CORPUS|TOKENS|POSITIONS",
            help="A corpus, token or position folder; hf://datasets/OWNER/NAME[@REVISION], a published corpus.",
        ),
    ],
    full: Annotated[bool, typer.Option("--full", help="Check the digest of every byte, not only sizes.")] = False,
) -> None:
    """Check that a corpus, or a folder of token shards or positions, is whole; exit code 1 names what is not."""
    from pipeline.errors import BuildFailed
    from training.rpt.positions import PositionManifest
    from training.tokens import TokenManifest

    kinds: tuple[type[TokenManifest | PositionManifest], ...] = (TokenManifest, PositionManifest)
    path = Path(target)
    kind = next((kind for kind in kinds if path.name == kind.FILE or (path / kind.FILE).is_file()), None)
    if kind is None:
        import pipeline.commands

        pipeline.commands.verify(target, full)
        return
    manifest = kind.load(target)
    if problems := manifest.verify(full):
        raise BuildFailed("\n".join(problems))
    print(f"{manifest.describe()}; whole ({'sizes and digests' if full else 'sizes'})")


def evaluate(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Checkpoints in Hugging Face format.")],
    tasks: Annotated[str, typer.Option(help="Tasks, comma-separated: gsm8k,math500 or task files.")] = "",
    positions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of tasks: measured positions, for next-token accuracy.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="JSONL file, or folder of them. [default: the Hub]")] = None,
    out: Annotated[Path, typer.Option(help="Folder; each model has its own in it.")] = Path("out/evaluate"),
    beside: Annotated[list[Path], typer.Option(help="Folder of an earlier evaluation to show beside.")] = [],  # noqa: B006
    batch: Annotated[int, typer.Option(min=1, help="Responses at a time.")] = 64,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float64. [default: by device]")] = None,
    overrides: Annotated[
        list[str],
        typer.Option("--set", metavar="a=b", help="A setting: template=dialogue, samples=8, temperature=1 ..."),
    ] = [],  # noqa: B006 - typer reads the default, nothing changes it
) -> None:
    """Score models on benchmarks or positions; every response is kept, and the same command goes on from there."""
    from functools import partial

    from pipeline.config import validate
    from pipeline.errors import BadInput
    from pipeline.progress import Reporter
    from training.evaluate.evaluate import evaluate as run_evaluation
    from training.evaluate.evaluate import prepare
    from training.evaluate.model import open_model
    from training.evaluate.positions import PositionSettings, evaluate_positions
    from training.evaluate.protocol import EvaluationSettings
    from training.evaluate.results import claim, load_results
    from training.evaluate.table import render_table

    names = [name for name in tasks.split(",") if name]
    if bool(names) == (positions is not None):
        raise BadInput("give either --tasks, to answer questions, or --positions, to predict next tokens")
    of_tasks = validate(EvaluationSettings, "--set", {}, tuple(overrides)) if names else None
    of_positions = validate(PositionSettings, "--set", {}, tuple(overrides)) if positions else None
    folders = [out / Path(model).name for model in models]
    if twice := next((folder for place, folder in enumerate(folders) if folder in folders[:place]), None):
        raise BadInput(f"two models are called {twice.name}; evaluate one of them with another --out, and see --beside")
    before = [load_results(folder) for folder in beside]
    if of_tasks is not None:
        prepare(names, of_tasks, data)  # refused before a model is loaded
    reporter = Reporter(quiet=False)
    for model, folder in zip(models, folders, strict=True):
        engine, tokenizer = open_model(model, dtype, batch, partial(claim, folder))
        name = Path(model).name
        if of_tasks is not None:
            run_evaluation(name, engine, tokenizer, names, of_tasks, data, folder, reporter)
        if of_positions is not None and positions is not None:
            evaluate_positions(name, engine, tokenizer, positions, of_positions, folder, reporter)
        engine.close()
    print(render_table([*before, *(load_results(folder) for folder in folders)]))


def branch(
    checkpoint: Annotated[Path, typer.Argument(help="A complete checkpoint: RUN/step-NNNNNNN.")],
    mixtures: Annotated[list[str], typer.Argument(metavar="MIXTURE...", help="Mixture files or shipped names.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Budget of each. [default: a tenth of the parent's]")] = None,
    decay: Annotated[str, typer.Option(help="constant, cosine, linear or one_minus_sqrt.")] = "cosine",
    final_ratio: Annotated[float, typer.Option(min=0, max=1, help="The rate's fraction at the end.")] = 0.1,
    out: Annotated[Path | None, typer.Option(help="Folder of the run files. [default: beside the run]")] = None,
) -> None:
    """Write a run for each mixture that goes on from a checkpoint: its rate and optimizer state, other data."""
    from training.branch import make_branches

    for path in make_branches(checkpoint, mixtures, num_steps=steps, decay=decay, final_ratio=final_ratio, folder=out):
        print(f"mathmill train mid {path}")


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A complete checkpoint: RUN/step-NNNNNNN; or RUN: its best one, else its newest.")
    ],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for `from_pretrained`.")],
    dtype: Annotated[str, typer.Option(help="bfloat16 or float32.")] = "bfloat16",
    tokenizer: Annotated[Path | None, typer.Option(help="A tokenizer.json or its folder. [default: found]")] = None,
    sample: Annotated[str | None, typer.Option(metavar="PROMPT", help="Print what the model writes after it.")] = None,
) -> None:
    """Write a checkpoint as a Hugging Face model, read back and compared."""
    from training.best import find_checkpoint
    from training.export import export as run_export
    from training.export import write_sample

    found = find_checkpoint(checkpoint)
    if found != checkpoint:
        print(f"of {checkpoint} its {found.name}", file=sys.stderr)
    print(run_export(found, target, dtype=dtype, tokenizer=tokenizer))
    if sample is not None:
        print(write_sample(target, sample))


def rollouts(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an RL run.")],
    step: Annotated[int | None, typer.Option(min=1, help="Which step. [default: the newest]")] = None,
    number: Annotated[int, typer.Option(min=1, help="How many answers.")] = 4,
    show: Annotated[str, typer.Option(help="mixed (best, worst, then by lot), best, worst or random.")] = "mixed",
    seed: Annotated[int, typer.Option(min=0, help="Of the lot.")] = 0,
    prompt: Annotated[
        int | None, typer.Option(min=0, help="Only answers to this prompt (its row in the file).")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Whole questions and responses, however long.")] = False,
) -> None:
    """Show answers that an RL run drew: question, response, reward, grade, length, end."""
    from typing import get_args

    from pipeline.errors import BadInput
    from training.rl.samples import Show, choose_samples, read_samples, render

    if show not in get_args(Show):
        raise BadInput(f"--show {show}: not a choice; take {', '.join(get_args(Show))}")
    step, samples = read_samples(run, step)
    if prompt is not None and not (samples := [sample for sample in samples if sample.prompt == prompt]):
        raise BadInput(f"--prompt {prompt}: not asked in step {step}; look for it in another step")
    chosen = choose_samples(samples, number, show, seed)  # type: ignore[arg-type]
    print(render(step, samples, chosen, None if full else 2000), end="")


def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or CSV files of published curves.")
    ],
    out: Annotated[Path, typer.Option(help="Picture: .png, .svg or .pdf.")] = Path("runs.png"),
) -> None:
    """Draw what the logs of runs hold, side by side: losses, accuracy, lengths, rewards and more."""
    from training.plot import plot as draw

    print(draw(runs, out))


def scaling(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs with next-token evaluations.")],
    plain: Annotated[bool, typer.Option("--plain", help="Of plain accuracy, not of reasoning.")] = False,
    out: Annotated[Path | None, typer.Option(help="Picture as well: .png, .svg or .pdf.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Fits to resampled positions, for the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    overrides: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="a=b", help="Other bands than the runs' own: disjoint=true, thresholds={hard: 1.5} ..."
        ),
    ] = [],  # noqa: B006 - typer reads the default, nothing changes it
) -> None:
    """Fit P(C) = A / C^α + P* to the accuracies of runs over their compute, with intervals."""
    from pipeline.config import validate
    from training.evaluate.scaling_report import bands_of, draw_curves, fit_run, render_curves
    from training.rpt.selection import Bands

    named = validate(Bands, "--set", {}, tuple(overrides)) if overrides else None
    curves = [
        curve
        for run in runs
        for curve in fit_run(run, "plain" if plain else "reasoning", named or bands_of(run), resamples, seed)
    ]
    print(render_curves(curves))
    if out is not None:
        print(draw_curves(curves, out))


COMMANDS: tuple[Callable[..., Any], ...] = (
    tokenize,
    positions,
    report,
    trace,
    verify,
    branch,
    export,
    rollouts,
    plot,
    scaling,
    evaluate,
)
