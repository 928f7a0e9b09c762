"""The extract stage: input files to documents, in one pass over each record."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from typing import Any, BinaryIO

import xxhash

from pipeline.document import DROPPED, ORIGINS, SCHEMA
from pipeline.errors import BadInput
from pipeline.extract.captures import Captures
from pipeline.extract.fence import Fence
from pipeline.extract.html import VERSION as HTML_VERSION
from pipeline.extract.items import Item, Reader
from pipeline.extract.page import AnalyserSettings, PageInput, TextInput
from pipeline.extract.writer import Writer
from pipeline.files import digest
from pipeline.filter.url import compile_rules
from pipeline.inputs import UNREADABLE, InputFile, input_files
from pipeline.recipe import LoadedRecipe
from pipeline.remote import Found, Store
from pipeline.scores import Scorer, further_models
from pipeline.stage import Part, PartRecord, Phase, Stage, Workspace, libraries
from pipeline.texts.columns import Columns
from pipeline.texts.documents import Texts
from pipeline.texts.open import check_columns, open_rows
from pipeline.texts.pages import Pages

_LIBRARIES = ("brotli", "fastwarc", "fasttext-numpy2-wheel", "resiliparse", "selectolax", "zstandard")
_FILES = {"language_model", "math_model", "classifiers", "urls"}
"""Settings that name files, which go by their digests."""
_BATCH_PAGES = 64
_BATCH_BYTES = 4 << 20
_BUNDLE_FILES = 256


class ExtractStage(Stage):
    """URL rules, extraction, language and scores; texts need no extraction."""

    name = "extract"
    version = 1

    def identity(self) -> dict[str, Any]:
        """Settings, models and the libraries that read and parse; not the list of inputs."""
        settings = self.recipe.extract
        return {
            "settings": settings.model_dump(mode="json", exclude=_FILES),
            "crawl": self.recipe.crawl,
            "html": HTML_VERSION,
            **_digests(self.loaded),
            "libraries": libraries(*_LIBRARIES),
        }

    def phases(self) -> list[Phase]:
        """One phase over all inputs, whatever their kind."""
        return [Phase("pages", self._parts, self._extract)]

    @cached_property
    def inputs(self) -> list[InputFile]:
        """The input files of the recipe.

        Raises:
            BadInput: there are none, or none that the recipe's columns fit.
        """
        files = input_files(self.loaded)
        check_columns(files)
        return files

    @cached_property
    def _fence(self) -> Fence:
        """Lives as long as the task: its start is the dear part of a small file."""
        return Fence(_analyser_settings(self.loaded))

    def close(self) -> None:
        """End the child that analyses pages, if one was started."""
        if "_fence" in self.__dict__:
            self._fence.close()

    def _parts(self) -> list[Part]:
        """A part per file; HTML files, which are many and small, share one."""
        bundles = bundled([file for file in self.inputs if file.kind == "html"])
        return [*(_part(file) for file in self.inputs if file.kind != "html"), *bundles]

    def _extract(self, part: Part, workspace: Workspace) -> PartRecord:
        kind = part.data["kind"]
        with ExitStack() as stack:
            schemas = {"data": SCHEMA, "dropped": DROPPED} | ({} if kind == "warc" else {"origins": ORIGINS})
            files = {name: stack.enter_context(workspace.parquet(name, schema)) for name, schema in schemas.items()}
            writer = Writer(files["data"], files["dropped"], files.get("origins"))
            with ExitStack() as opened:
                try:
                    reader = self._reader(part, opened)
                except UNREADABLE as error:
                    info: dict[str, Any] = {"status": "unreadable", "xxh3_128": None, "error": error.strerror}
                else:
                    info = self._read(reader, writer, workspace)
            for file in info.get("files", ()):
                file["documents"] = writer.kept[file["file"]]
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=writer.tally.ledger(),
            outputs={name: file.output for name, file in files.items()},
            nondeterministic=tuple(writer.nondeterministic),
            info={"bytes": part.bytes, **info},
        )

    def _reader(self, part: Part, stack: ExitStack) -> Reader:
        """What reads a part's file or files; `stack` closes them. Raises OSError."""
        settings, crawl = self.recipe.extract.limits, self.recipe.crawl
        kind = part.data["kind"]
        if kind == "html":
            return Pages(part.data["files"], self.open_file, crawl, settings.page_bytes)
        file = stack.enter_context(self.open_file(part.data))
        if kind == "warc":
            return Captures(file, part.label, crawl, settings.page_bytes)
        columns = Columns.model_validate(part.data["columns"], strict=False)
        rows = open_rows(kind, file, columns, settings, whole=part.data["remote"] is None)
        return Texts(rows, part.label, columns, crawl, settings)

    def open_file(self, data: dict[str, Any]) -> BinaryIO:
        """An input file by its `location` and `remote`, wherever it is.

        Raises:
            OSError: it cannot be opened.
        """
        if data["remote"] is None:
            return open(data["location"], "rb")
        return io.BufferedReader(self._store.open(Found(**data["remote"])), 1 << 20)

    @cached_property
    def _store(self) -> Store:
        return Store(self.recipe.remote)

    @cached_property
    def _refuses(self) -> Callable[[str], str | None]:
        return compile_rules(self.recipe.extract.urls, self.loaded.path.parent)

    def _read(self, reader: Reader, writer: Writer, workspace: Workspace) -> dict[str, Any]:
        """Every item to the writer, pages through the fence; returns what to note of the file."""
        for batch in self._batches(reader, writer):
            for (item, _), result in zip(batch, self._fence.analyse([page for _, page in batch]), strict=True):
                writer.result(item, result)
            writer.flush()
            workspace.progress(batch[-1][0].done)
        writer.flush()
        return reader.info()

    def _batches(self, reader: Reader, writer: Writer) -> Iterator[list[tuple[Item, PageInput | TextInput]]]:
        """What is to be analysed, in batches; the rest goes to the writer as dropped. Order is that of the input."""
        batch: list[tuple[Item, PageInput | TextInput]] = []
        size = 0
        for item in reader:
            page = item.page
            if page is None:
                assert item.reason is not None
                writer.drop(item, item.reason, item.value)
                continue
            if item.url is not None and (rule := self._refuses(item.url)) is not None:
                writer.drop(item, "url", rule)
                continue
            batch.append((item, page))
            size += page.weight
            if len(batch) >= _BATCH_PAGES or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _part(file: InputFile) -> Part:
    data: dict[str, Any] = {"kind": file.kind, **_place(file)}
    if file.columns is not None:
        data["columns"] = file.columns.model_dump(mode="json")
    return Part(name=file.identity, label=file.name, bytes=file.bytes, data=data)


def bundled(files: list[InputFile]) -> Iterator[Part]:
    """Files as parts of `_BUNDLE_FILES` in the mean, cut behind names that a hash chooses: a file that is added or
    taken away changes its own part alone."""
    bundle: list[InputFile] = []
    for number, file in enumerate(files, 1):
        bundle.append(file)
        if xxhash.xxh3_64_intdigest(file.name) % _BUNDLE_FILES == 0 or number == len(files):
            yield Part(
                name=digest([file.identity for file in bundle]),
                label=bundle[0].name if len(bundle) == 1 else f"{bundle[0].name} … {bundle[-1].name}",
                bytes=sum(file.bytes for file in bundle),
                data={
                    "kind": "html",
                    "files": [{"name": file.name, "bytes": file.bytes, **_place(file)} for file in bundle],
                },
            )
            bundle = []


def _place(file: InputFile) -> dict[str, Any]:
    return {"location": file.location, "remote": asdict(file.remote) if file.remote else None}


def _model_paths(loaded: LoadedRecipe) -> dict[str, Any]:
    settings = loaded.recipe.extract
    language, math = settings.language_model, settings.math_model
    return {
        "language_model": str(loaded.file("extract.language_model", language)) if language is not None else None,
        "math_model": math if math == "math" else str(loaded.file("extract.math_model", math)),
        "classifiers": further_models(loaded),
    }


def _digests(loaded: LoadedRecipe) -> dict[str, Any]:
    """Digests of the files that the settings name: URL lists and models."""
    from classifiers import load_model
    from classifiers.language import load_language_model

    paths = _model_paths(loaded)
    try:
        further = Scorer(paths["classifiers"]).digests
        return {
            "urls": loaded.recipe.extract.urls.digest(loaded.path.parent),
            "language_model": load_language_model(paths["language_model"]).digest,
            "math_model": load_model(paths["math_model"]).digest,
            **({"classifiers": further} if further else {}),
        }
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(f"{loaded.path}: extract: {error}") from error


def _analyser_settings(loaded: LoadedRecipe) -> AnalyserSettings:
    settings = loaded.recipe.extract
    return AnalyserSettings(
        limits=settings.limits,
        min_math_score=settings.min_math_score,
        cpu_limit_s=settings.cpu_limit_s,
        memory_limit_bytes=settings.memory_limit_bytes,
        **_model_paths(loaded),
    )
