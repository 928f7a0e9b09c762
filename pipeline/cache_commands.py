"""The sub-commands on answers that a model gave: `mathmill refine-cache merge|export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.serving.cache import AnswerCache

app = typer.Typer(help="Answers of the refine stage: join folders of them, or write them out.", no_args_is_help=True)

_Folder = Annotated[Path, typer.Argument(help="A folder of answers: `cache/refine` of an output folder.")]


@app.command()
def merge(
    into: Annotated[Path, typer.Argument(help="The folder that gets what it lacks; it is made when it is not there.")],
    sources: Annotated[list[Path], typer.Argument(help="Folders to take answers from; they stay as they are.")],
) -> None:
    """Add answers of other builds, so that none is paid for twice; what INTO has already stands."""
    from pipeline.serving.cache import AnswerCache

    added = passed = 0
    opened = [_open(folder) for folder in sources]
    cache = AnswerCache(into)
    for source in opened:
        more, known = cache.add(source.items())
        added, passed = added + more, passed + known
        source.close()
    print(f"{into}: {len(cache):,} answers, {added:,} added, {passed:,} already there")
    cache.close()


@app.command()
def export(cache: _Folder, out: Annotated[Path, typer.Argument(help="A .jsonl file to write.")]) -> None:
    """Write the answers as JSON lines: what each was about (document digest, part, sampling…) and what it says."""
    import json

    from pipeline.files import atomic_path

    source = _open(cache)
    lines = 0
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        for request, answer in source.items():
            if request.document:  # a note on the server is no answer
                file.write(json.dumps(request.model_dump() | answer.model_dump(), ensure_ascii=False) + "\n")
                lines += 1
    source.close()
    print(f"{out}: {lines:,} answers")


def _open(folder: Path) -> "AnswerCache":
    from pipeline.errors import BadInput
    from pipeline.serving.cache import AnswerCache

    cache = AnswerCache(folder)
    if not len(cache):
        raise BadInput(f"{folder}: holds no answers; give the folder cache/refine of an output folder")
    return cache
