"""Documents wherever they stand: a corpus, the folder of a stage, Parquet or JSON lines, here or elsewhere."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

from pipeline.errors import BadInput
from pipeline.extract.limits import Limits
from pipeline.extract.page import TextInput
from pipeline.files import read_json
from pipeline.inputs import InputFile, input_files
from pipeline.recipe import Input, LoadedRecipe, Recipe
from pipeline.remote import Found, Store
from pipeline.remote.settings import RemoteSettings
from pipeline.texts.documents import Texts
from pipeline.texts.open import open_rows

UNKNOWN = "unknown"
_ROWS_A_STEP = 512
_NO_RECIPE = "documents"
_PLACE = re.compile(rf"^{_NO_RECIPE}: inputs\.\d+\.path: ")

T = TypeVar("T")


class Page(NamedTuple):
    """A document. `source` is its host, else the stem of its file; what is not known of its origin is `unknown`."""

    id: str
    url: str | None
    source: str
    year: str
    crawl: str
    text: str


class Unread(NamedTuple):
    """A row that gives no document, and why."""

    reason: str


def page_files(paths: list[str]) -> list[InputFile]:
    """The files behind what a command line names: corpora, folders of stages, files, addresses as in recipes.

    Raises:
        BadInput: something is not there, or holds no documents.
    """
    entries = [Input(path=entry) for path in paths for entry in _entries(path)]
    recipe = Recipe(name="documents", inputs=tuple(entries))
    try:
        files = input_files(LoadedRecipe(recipe, Path(_NO_RECIPE)))
    except BadInput as error:
        raise BadInput(_PLACE.sub("", str(error))) from error
    for file in files:
        if file.columns is None:
            raise BadInput(f"{file.location}: {file.kind}, not documents; build it first, and name the corpus")
    return files


def _entries(path: str) -> list[str]:
    """The folder of a stage stands for the documents that its parts wrote."""
    folder = Path(path).expanduser()
    if not (folder / "done.json").is_file():
        if (folder / "parts").is_dir():
            raise BadInput(f"{path}: a stage that is not done; let its build go on first")
        return [path]
    records = read_json(folder / "done.json")["records"]
    return [str(folder / record["outputs"]["data"]["path"]) for record in records if record["outputs"]["data"]["rows"]]


def read_all(files: Iterable[InputFile], on_progress: Callable[[int], None]) -> Iterator[Page | Unread]:
    """Every row of some files, as `read_pages`; `on_progress` is told the bytes behind which they are."""
    before = 0
    for file in files:
        yield from read_pages(file, lambda done, before=before: on_progress(before + done))  # type: ignore[misc]
        before += file.bytes
        on_progress(before)


def read_pages(file: InputFile, on_progress: Callable[[int], None] = lambda done: None) -> Iterator[Page | Unread]:
    """Every row of a file in order, as a document or as why it is none; `on_progress` is told the bytes read of it.

    Raises:
        BadInput: the file itself cannot be read.
    """
    assert file.columns is not None
    limits = Limits()
    with closing(_open(file)) as opened:
        rows = open_rows(file.kind, opened, file.columns, limits, whole=False)
        texts = Texts(rows, file.name, file.columns, None, limits)
        for number, item in enumerate(texts):
            if number % _ROWS_A_STEP == 0:
                on_progress(item.done)
            if item.reason is not None or not isinstance(item.page, TextInput):
                yield Unread(item.reason or "no_text")
                continue
            columns = item.columns()
            date = columns.get("date")
            yield Page(
                id=item.identity["id"],
                url=item.identity["url"],
                source=columns.get("host") or Path(file.name).name.partition(".")[0],
                year=str(date.year) if date is not None else UNKNOWN,
                crawl=columns.get("crawl") or UNKNOWN,
                text=item.page.text,
            )
        if (info := texts.info())["status"] not in {"ok", "empty"}:
            raise BadInput(f"{file.location}: {info['status']}: {info['error']}; take it out, or mend it")


def batches(items: Iterable[T], rows: int) -> Iterator[list[T]]:
    """Some at a time, until there are no more."""
    rest = iter(items)
    while batch := list(islice(rest, rows)):
        yield batch


def _open(file: InputFile) -> BinaryIO:
    if file.remote is None:
        return open(file.location, "rb")
    return cast(BinaryIO, Store(RemoteSettings()).open(Found(file.remote.uri, file.remote.size, file.remote.tag)))
