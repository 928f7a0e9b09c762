"""The extract stage: WARC files to documents, in one pass over each record."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import pyarrow as pa
import xxhash

from pipeline.document import DROPPED, SCHEMA, table
from pipeline.errors import BadInput
from pipeline.extract.fence import Fence
from pipeline.extract.html import EXTRACTOR
from pipeline.extract.html import VERSION as HTML_VERSION
from pipeline.extract.page import AnalyserSettings, PageInput, Refused
from pipeline.extract.warc import Capture, WarcFile
from pipeline.files import ParquetFile
from pipeline.filter.url import compile_rules
from pipeline.inputs import UNREADABLE, InputFile, input_files
from pipeline.ledger import Tally
from pipeline.recipe import LoadedRecipe
from pipeline.remote import Found, Store
from pipeline.scores import Scorer, further_models, score_columns
from pipeline.stage import Part, PartRecord, Phase, Stage, Workspace, libraries

_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})", re.IGNORECASE)
_LIBRARIES = ("brotli", "fastwarc", "fasttext-numpy2-wheel", "resiliparse", "selectolax", "zstandard")
_FILES = {"language_model", "math_model", "classifiers", "urls"}
"""Settings that name files, which go by their digests."""
_BATCH_PAGES = 64
_BATCH_BYTES = 4 << 20


class ExtractStage(Stage):
    """URL rules, extraction, language and scores."""

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
        """One phase, a part per input file."""
        return [Phase("pages", self._parts, self._extract)]

    @cached_property
    def _inputs(self) -> list[InputFile]:
        return input_files(self.loaded)

    @cached_property
    def _fence(self) -> Fence:
        """Lives as long as the task: its start is the dear part of a small file."""
        return Fence(_analyser_settings(self.loaded))

    def close(self) -> None:
        """End the child that analyses pages, if one was started."""
        if "_fence" in self.__dict__:
            self._fence.close()

    def _parts(self) -> list[Part]:
        return [
            Part(
                name=file.identity,
                label=file.name,
                bytes=file.bytes,
                data={"location": file.location, "remote": asdict(file.remote) if file.remote else None},
            )
            for file in self._inputs
        ]

    def _extract(self, part: Part, workspace: Workspace) -> PartRecord:
        with workspace.parquet("data", SCHEMA) as data, workspace.parquet("dropped", DROPPED) as dropped:
            writer = _Writer(self.recipe.crawl, part.label, data, dropped)
            with ExitStack() as stack:
                try:
                    file = stack.enter_context(self.open_part(part))
                except UNREADABLE as error:
                    info = {"status": "unreadable", "xxh3_128": None, "error": error.strerror}
                else:
                    info = self._read(WarcFile(file, name=part.label, max_bytes=self._page_bytes), writer, workspace)
        return PartRecord(
            part=part.name,
            label=part.label,
            ledger=writer.tally.ledger(),
            outputs={"data": data.output, "dropped": dropped.output},
            nondeterministic=tuple(writer.nondeterministic),
            info={"bytes": part.bytes, **info},
        )

    def open_part(self, part: Part) -> BinaryIO:
        """The input file of a part, wherever it is.

        Raises:
            OSError: it cannot be opened.
        """
        if part.data["remote"] is None:
            return open(part.data["location"], "rb")
        return cast(BinaryIO, self._store.open(Found(**part.data["remote"])))

    @cached_property
    def _store(self) -> Store:
        return Store(self.recipe.remote)

    @property
    def _page_bytes(self) -> int:
        return self.recipe.extract.limits.page_bytes

    def _read(self, warc: WarcFile, writer: "_Writer", workspace: Workspace) -> dict[str, Any]:
        """Every capture to the writer, pages through the fence; returns what to note of the file."""
        for captures in _pages(warc, writer, self.loaded, workspace):
            pages = [PageInput(capture.payload, capture.url, capture.charset) for capture in captures]
            for capture, result in zip(captures, self._fence.analyse(pages), strict=True):
                writer.result(capture, result)
            writer.flush()
        writer.flush()
        return {"status": warc.status, "xxh3_128": warc.xxh3_128, "error": warc.detail or None}


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


def _pages(warc: WarcFile, writer: "_Writer", loaded: LoadedRecipe, workspace: Workspace) -> Iterator[list[Capture]]:
    """Captures that are pages, in batches; the rest goes to the writer as dropped. Order is that of the file."""
    refuses = compile_rules(loaded.recipe.extract.urls, loaded.path.parent)
    batch: list[Capture] = []
    size = 0
    for capture in warc:
        reason, value = capture.reason, capture.value
        if reason is None and (rule := refuses(capture.url)) is not None:
            reason, value = "url", rule
        if reason is not None:
            writer.drop(capture, reason, value)
            continue
        batch.append(capture)
        size += len(capture.payload)
        if len(batch) >= _BATCH_PAGES or size >= _BATCH_BYTES:
            yield batch
            workspace.progress(capture.offset)
            batch, size = [], 0
    if batch:
        yield batch


def document_id(capture: Capture) -> str:
    """The record id's UUID as 32 hex digits, else xxh3_128 of URL, date and payload digest."""
    match = _UUID.search(capture.record_id or "")
    if match:
        return "".join(match.groups()).lower()
    date = capture.date.isoformat() if capture.date else ""
    return xxhash.xxh3_128_hexdigest("\n".join((capture.url, date, capture.payload_digest)))


class _Writer:
    """Rows of a part, and its tally."""

    def __init__(self, crawl: str | None, warc_file: str, data: ParquetFile, dropped: ParquetFile) -> None:
        self.tally = Tally()
        self.nondeterministic: list[str] = []
        self._crawl, self._warc_file, self._data, self._dropped = crawl, warc_file, data, dropped
        self._documents: list[dict[str, Any]] = []
        self._drops: list[dict[str, Any]] = []

    def drop(self, capture: Capture, reason: str, value: str | None) -> None:
        self.tally.records_in += 1
        self.tally.dropped[reason] += 1
        self._drops.append(
            {
                "id": document_id(capture) if capture.type else None,
                "url": capture.url or None,
                "warc_file": self._warc_file,
                "warc_offset": capture.offset,
                "reason": reason,
                "value": value,
            }
        )
        if len(self._drops) >= 4096:
            self.flush()

    def result(self, capture: Capture, result: Any) -> None:
        if isinstance(result, Refused):
            self.drop(capture, result.reason, result.value)
            if result.nondeterministic:
                self.nondeterministic.append(document_id(capture))
            return
        self.tally.records_in += 1
        self.tally.kept += 1
        self._documents.append(
            {
                "id": document_id(capture),
                "url": capture.url,
                "host": host_of(capture.url),
                "crawl": self._crawl,
                "title": result.title or None,
                "text": result.text,
                "warc_file": self._warc_file,
                "payload_digest": capture.payload_digest or None,
                "language": result.language,
                "extractor": EXTRACTOR,
                "date": _milliseconds(capture.date),
                "warc_offset": capture.offset,
                "warc_length": capture.length,
                "formulas": result.formulas,
                "language_score": result.language_score,
                "math_score": result.math_score,
                **score_columns(result.further),
            }
        )

    def flush(self) -> None:
        self._data.write(table(self._documents))
        self._dropped.write(pa.Table.from_pylist(self._drops, schema=DROPPED))
        self._documents, self._drops = [], []


def host_of(url: str) -> str | None:
    """The lower-case host of a URL, without port; None when it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _milliseconds(date: datetime | None) -> datetime | None:
    return date.replace(microsecond=date.microsecond // 1000 * 1000) if date else None
