"""The sub-commands that make and read corpora; each imports what it needs when it runs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.shard.manifest import Manifest

_Corpus = Annotated[Path, typer.Argument(help="A finished corpus folder, or its manifest.json.")]
_Set = Annotated[list[str], typer.Option("--set", metavar="a.b=c", help="Override a recipe field; the value is YAML.")]


def build(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one (`demo`).")],
    out: Annotated[Path | None, typer.Option(help="Output folder. [default: out/NAME]")] = None,
    executor: Annotated[str, typer.Option(help="Where tasks run: local or slurm.")] = "local",
    tasks: Annotated[
        int | None, typer.Option(min=1, help="Tasks of a phase, at a time. [default: the CPUs; the profile's]")
    ] = None,
    profile: Annotated[Path | None, typer.Option(help="Slurm profile, a YAML file (docs/slurm.md).")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Slurm: submit, do not watch.")] = False,
    overrides: _Set = [],  # noqa: B006 - typer reads the default, nothing changes it
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and touch nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="One line per stage: for batch logs.")] = False,
) -> None:
    """Build a corpus from a recipe; run it again to go on after an interruption."""
    from pipeline.config import load_config
    from pipeline.errors import BadInput
    from pipeline.progress import Reporter
    from pipeline.recipe import find_recipe, load_recipe
    from pipeline.slurm.profile import Profile
    from pipeline.summary import render_summary

    if executor not in ("local", "slurm"):
        raise BadInput(f"--executor {executor}: no such executor; use local or slurm")
    if executor == "local" and (profile or detach):
        raise BadInput(f"{'--profile' if profile else '--detach'}: only for Slurm; add --executor slurm")
    if executor == "slurm" and profile is None:
        raise BadInput("--executor slurm: no profile; add --profile FILE (docs/slurm.md)")
    loaded = load_recipe(find_recipe(recipe), tuple(overrides))
    settings = load_config(Profile, profile) if profile is not None else None
    folder = out or Path("out") / loaded.recipe.name
    workers = tasks or (settings.tasks if settings is not None else len(os.sched_getaffinity(0)))
    reporter = Reporter(quiet)
    if plan:
        from pipeline.plan import render_plan

        print(render_plan(loaded, folder, workers, settings))
        return
    manifest: Manifest | None
    if profile is None or settings is None:
        from pipeline.build import build as build_here

        manifest = build_here(loaded, folder, tasks=workers, reporter=reporter)
    else:
        from pipeline.slurm.build import build as build_on_slurm

        manifest = build_on_slurm(loaded, folder, settings, profile, tasks=workers, detach=detach, reporter=reporter)
    if manifest is not None:
        print(render_summary(manifest))


def extract(
    page: Annotated[
        str,
        typer.Argument(metavar="FILE|FOLDER|LIST.txt|URL|-", help="A page, a folder of pages, a list, or - (stdin)."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="A folder (a .md file per page) or a .jsonl file. [default: standard output]")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell each formula's encoding and what was left out.")
    ] = False,
    url: Annotated[str, typer.Option(help="Where the one page came from.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Longest time to fetch a page.")] = 30.0,
    delay: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Pause between pages of a host.")] = 1.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Text of HTML pages, their formulas as LaTeX; for many pages, run it again to go on after an interruption."""
    from contextlib import ExitStack

    from pipeline.extract.batch.reader import Reader
    from pipeline.extract.batch.run import extract_many, extract_one
    from pipeline.extract.batch.sources import sources
    from pipeline.extract.limits import Limits
    from pipeline.progress import Reporter

    pages = sources(page, url)
    with ExitStack() as stack:
        reader = Reader(stack, page_bytes=Limits().page_bytes, timeout_s=timeout, delay_s=delay)
        if out is None and not pages.many:
            print(extract_one(pages.found[0], reader, explained=explain))
        else:
            extract_many(pages.found, out, reader, explained=explain, reporter=Reporter(quiet))


def report(corpus: _Corpus) -> None:
    """Write report.html of a corpus again, and print its path."""
    from pipeline.files import write_text
    from pipeline.report import render_report
    from pipeline.shard.manifest import Manifest

    manifest = Manifest.load(corpus)
    path = manifest.folder / "report.html"
    write_text(path, render_report(manifest, manifest.folder))
    print(path)


def trace(
    corpus: _Corpus,
    key: Annotated[str, typer.Argument(metavar="ID|URL", help="A document id (32 hex digits) or a URL.")],
) -> None:
    """Tell where a document came from and what each stage decided, whether it was kept or dropped."""
    from pipeline.errors import BadInput
    from pipeline.shard.manifest import Manifest
    from pipeline.trace import explain

    manifest = Manifest.load(corpus)
    try:
        print(explain(manifest, key))
    except LookupError as error:
        raise BadInput(f"{error.args[0]}; check the id, or give the URL as captured") from error


def verify(corpus: str, full: bool = False) -> None:
    """Check that a corpus, in a folder or published (`hf://datasets/OWNER/NAME[@REVISION]`), is whole."""
    from pipeline.errors import BuildFailed
    from pipeline.shard.manifest import Manifest

    if corpus.startswith("hf://"):
        from pipeline.publish.verify import verify_published

        found = verify_published(corpus, full)
        manifest, problems = found.manifest, list(found.problems)
        checked = f"{'every byte' if full else 'sizes and the sha256 that the Hub lists'}, commit {found.commit}"
    else:
        manifest = Manifest.load(corpus)
        problems, checked = manifest.verify(full), "sizes and digests" if full else "sizes"
    if problems:
        raise BuildFailed("\n".join(problems))
    print(f"{manifest.name}: {len(manifest.shards)} shards whole ({checked}), {manifest.totals.documents:,} documents")


def copy(
    corpus: _Corpus,
    target: Annotated[str, typer.Argument(metavar="URL|DIR", help="Where to: s3://bucket/folder, or a folder.")],
    stages: Annotated[bool, typer.Option("--stages", help="The documents and drops of every stage too.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Check every byte at the target, not only sizes.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Copy a finished corpus to S3 or a folder, the manifest last; run it again to go on after an interruption."""
    from pipeline.progress import Reporter
    from pipeline.publish.copy import CorpusCopy
    from pipeline.remote import Store
    from pipeline.remote.settings import RemoteSettings
    from pipeline.shard.manifest import Manifest

    copy = CorpusCopy(Manifest.load(corpus), target, Store(RemoteSettings()), stages=stages, full=full)
    with Reporter(quiet).phase("copy", copy.total_bytes, copy.total_bytes - copy.missing_bytes) as on_progress:
        copy.run(on_progress)
    sent, there = len(copy.missing), len(copy.files) - len(copy.missing)
    checked = "sizes and digests" if full else "sizes"
    print(f"{copy.root}: {sent} files sent ({copy.missing_bytes:,} bytes), {there} there before; {checked} checked")


def publish(
    corpus: _Corpus,
    repo: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="The data set repository; made where there is none.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Make the repository a private one.")] = False,
    license: Annotated[
        str | None,
        typer.Option(metavar="ID", help="License, as the Hub names it (odc-by, cc-by-4.0 …). [default: as is]"),
    ] = None,
    revision: Annotated[str, typer.Option(metavar="BRANCH", help="Branch to commit to; made where needed.")] = "main",
    message: Annotated[str | None, typer.Option(help="Of the commits. [default: name and documents]")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be sent, and touch nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for batch logs.")] = False,
) -> None:
    """Publish a finished corpus as a Hugging Face data set; run it again to go on after an interruption."""
    from pipeline.interrupt import Interrupted, leave_at_once, run_aside
    from pipeline.progress import Reporter
    from pipeline.publish.hub import HubRepo
    from pipeline.publish.publication import Publication, render_plan
    from pipeline.shard.manifest import Manifest

    publication = Publication(
        Manifest.load(corpus), HubRepo(repo, revision), private=private, license=license, message=message
    )
    if plan:
        print(render_plan(publication))
        return
    bar = Reporter(quiet).phase("publish", publication.total_bytes, publication.there_bytes)
    try:
        with bar as on_progress:
            published = run_aside(lambda: publication.run(on_progress))
    except Interrupted:
        leave_at_once()  # what was sent stays on the Hub; uploads that are under way would be waited for
    there = len(publication.data) - published.sent
    print(f"{publication.repo.url}: commit {published.commit}")
    print(f"  {published.sent} files of data sent, {there} there before, {published.deleted} of former corpora deleted")
    print(f'  load_dataset("{repo}", revision="{published.commit}")')
    print(f"  mathmill verify hf://datasets/{repo}@{published.commit}")


COMMANDS = (build, extract, copy, publish)
