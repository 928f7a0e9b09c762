"""`mathmill classifier`: a classifier of a corpus's pages; each command imports what it needs when it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Make a classifier of pages: annotate, train, calibrate, evaluate, predict.", no_args_is_help=True
)

_Data = Annotated[list[Path], typer.Argument(metavar="DATA.jsonl…", help="Annotations, or lines with text and label.")]
_Held = Annotated[
    list[Path], typer.Argument(metavar="[DATA.jsonl…]", help="Labelled texts. [default: those held out in training]")
]
_Model = Annotated[Path, typer.Argument(help="A .ftz or .bin file that `classifier train` wrote.")]
_NamedModel = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or a bundled model: math.")]
_Set = Annotated[list[str], typer.Option("--set", metavar="a=b", help="Override a setting; the value is YAML.")]


@app.command()
def annotate(
    documents: Annotated[list[str], typer.Argument(help="Corpora, folders of stages, Parquet or JSON lines.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the annotations, the answers and the summary.")],
    settings: Annotated[Path | None, typer.Option(metavar="FILE.yaml", help="Settings (docs/classifiers.md).")] = None,
    overrides: _Set = [],  # noqa: B006 - typer reads the default, nothing changes it
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be asked, and touch nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Let a language model score a sample of documents with a rubric; run it again to go on after an interruption."""
    from pipeline.annotate.pages import page_files
    from pipeline.annotate.run import Annotation
    from pipeline.annotate.settings import AnnotateSettings
    from pipeline.annotate.summary import render_summary
    from pipeline.config import load_config, validate
    from pipeline.progress import Reporter

    if settings is None:
        asked = validate(AnnotateSettings, "--set", {}, tuple(overrides))
    else:
        asked = load_config(AnnotateSettings, settings, tuple(overrides))
    annotation = Annotation(page_files(documents), asked, out, Reporter(quiet))
    if plan:
        print(annotation.plan())
        return
    asked.refuse_missing(str(settings or "--set"))
    print(render_summary(annotation.run()))
    print(out / "annotations.jsonl")


@app.command()
def train(
    data: _Data,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="The .ftz (small) or .bin file to write.")],
    overrides: _Set = [],  # noqa: B006 - typer reads the default, nothing changes it
) -> None:
    """Train on labelled texts; whole sources are held out, and the card beside the model has the figures on them."""
    from classifiers.dataset import read_labelled
    from classifiers.settings import TrainSettings
    from classifiers.train import describe
    from classifiers.train import train as run
    from pipeline.config import validate
    from pipeline.errors import BadInput

    if out.suffix not in {".ftz", ".bin"}:
        raise BadInput(f"--out {out}: ends in neither .ftz (quantised) nor .bin; name it so")
    settings = validate(TrainSettings, "--set", {}, tuple(overrides))
    with _user_errors():
        rows = list(read_labelled(_files(data)))
        out.parent.mkdir(parents=True, exist_ok=True)
        card = run(rows, out, settings, describe(data))
    print(f"{out}: {out.stat().st_size:,} bytes, xxh3_128 {card.xxh3_128}")
    held = sum(card.training["held_out"].values())
    if card.evaluation is None:
        print("no source was held out: none is small enough, or held_out is 0; evaluate it on other texts")
    else:
        print(f"{len(rows) - held:,} texts learnt from, {held:,} held out: AUC {card.evaluation['auc']}")


@app.command()
def calibrate(model: _Model, data: _Held = []) -> None:  # noqa: B006 - as above
    """Fit the scores of a model so that 0.5 is where a page is as likely of either side, and write its card anew."""
    from classifiers.calibrate import calibrate as run
    from classifiers.card import card_path
    from classifiers.dataset import read_labelled

    with _user_errors():
        card = run(model, list(read_labelled(_files(data or [_held_out(model)]))))
    print(f"{card_path(model)}: scale {card.calibration.scale}, offset {card.calibration.offset}")


@app.command()
def evaluate(
    model: _NamedModel,
    data: _Held = [],  # noqa: B006 - as above
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Save the figures, too.")] = None,
) -> None:
    """Print figures by source, and at each threshold: share kept, precision, recall, tokens kept of each year."""
    from classifiers import load_model
    from classifiers.dataset import read_labelled
    from classifiers.evaluate import evaluate_model, report
    from pipeline.files import write_json

    with _user_errors():
        opened = load_model(model)
        evaluation = evaluate_model(opened, list(read_labelled(_files(data or [_held_out(opened.path)]))))
    if out is not None:
        write_json(out, {"model": opened.name, "digest": opened.digest, "label": opened.label, **evaluation.as_json()})
    print(report(evaluation))


@app.command()
def predict(
    model: _NamedModel,
    documents: Annotated[
        list[str], typer.Argument(help="Corpora, folders of stages, Parquet or JSON lines; - is one text on stdin.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for Parquet files of scores by id.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Score documents, and tell what each threshold would keep; run it again to go on after an interruption."""
    import sys

    from classifiers import load_model
    from pipeline.errors import BadInput

    with _user_errors():
        opened = load_model(model)
    if documents == ["-"]:
        print(f"{opened.score([sys.stdin.buffer.read().decode('utf-8', 'replace')])[0]:.4f}")
        return
    if out is None:
        raise BadInput("--out: missing; name the folder for the scores")
    from pipeline.annotate.pages import page_files
    from pipeline.predict import predict as run
    from pipeline.predict import render_kept
    from pipeline.progress import Reporter

    paths = run(opened, page_files(documents), out, Reporter(quiet))
    print(render_kept(paths))
    print(f"{out}: {len(paths):,} files of scores")


@app.command()
def seed(
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The file to write.")],
    pages: Annotated[int, typer.Option(min=1, help="Pages of each label.")] = 3000,
) -> None:
    """Write this project's own labelled pages, of mathematics and of other things: always the same."""
    from classifiers.seed.write import write_pages

    write_pages(out, pages)
    print(f"{out}: {2 * pages:,} pages")


def _files(paths: list[Path]) -> list[Path]:
    """Paths that are files."""
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path}: no such file; give JSON lines with text and label")
    return paths


def _held_out(model: Path) -> Path:
    """The texts that were held out when a model was trained."""
    from classifiers.card import held_out_path

    path = held_out_path(model)
    if not path.is_file():
        raise ValueError(f"{path}: no texts were held out in training; give labelled texts")
    return path


@contextmanager
def _user_errors() -> Iterator[None]:
    """What the classifiers refuse (they know no exit codes) ends the command as bad input."""
    from pipeline.errors import BadInput

    try:
        yield
    except ValueError as error:
        raise BadInput(str(error)) from error
