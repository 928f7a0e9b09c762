"""What is tokenised: a corpus of ours, local Parquet and JSONL files, or a Hub data set, as parts of bounded size."""

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from pipeline.hub import HUB, find_hub
from pipeline.shard.manifest import Manifest

PART_BYTES = 256 << 20
"""Uncompressed Parquet bytes of a part to aim at; a part is whole row groups."""
_READABLE = re.compile(r"\.(parquet|jsonl(\.gz|\.zst)?)$")
_SUFFIXES = ".parquet, .jsonl, .jsonl.gz or .jsonl.zst"


class Part(Frozen):
    """The unit of work and of completion: a file, or some of a Parquet file's row groups.

    `file` is relative to the source's location; `path` is where it is read, null for a file of the Hub. `first_row` is
    the part's first row in the file.
    """

    number: int
    file: str
    file_number: int
    """The file's place in the source's list of files."""
    path: str | None
    bytes: int
    identity: str
    """Changes when the file does."""
    digest: str | None = None
    """xxh3_128 that the file must have; null when no manifest says."""
    groups: tuple[int, ...] | None = None
    """Row groups; null for the whole file."""
    first_row: int = 0


@dataclass(frozen=True)
class _File:
    """A file of a source, before it is cut into parts; the fields are those of Part."""

    name: str
    path: Path | None
    bytes: int
    identity: str
    digest: str | None = None


@dataclass(frozen=True)
class Found:
    """A source and its parts, in the order of the documents."""

    kind: Literal["corpus", "files", "hub"]
    name: str
    location: str
    """Absolute path of the folder that files are relative to, or Hub name."""
    revision: str | None
    manifest_xxh3_128: str | None
    parts: tuple[Part, ...]


def find_source(sources: tuple[str, ...]) -> Found:
    """What the arguments of `mathmill tokenize` mean.

    One finished corpus (folder or manifest.json), one `hub:OWNER/NAME[@REVISION][:GLOB]`, or any number of local files,
    folders and globs.

    Raises:
        BadInput: there is no such source, or it holds nothing readable.
    """
    first = sources[0]
    if first.startswith(HUB) or _is_corpus(Path(first)):
        if len(sources) > 1:
            raise BadInput(f"{sources[1]}: a corpus or Hub data set is tokenised alone; give it a command of its own")
        return _hub(first) if first.startswith(HUB) else _corpus(Path(first))
    return _files(sources)


def _is_corpus(path: Path) -> bool:
    return path.name == "manifest.json" or (path / "manifest.json").is_file()


def _corpus(path: Path) -> Found:
    from pipeline.files import digest

    manifest = Manifest.load(path)
    if problems := manifest.verify():
        raise BadInput(f"{path}: {problems[0]}; restore the file, or build the corpus again")
    files = [
        _File(shard.path, manifest.folder.absolute() / shard.path, shard.bytes, shard.xxh3_128, shard.xxh3_128)
        for shard in manifest.shards
    ]
    identity = digest(manifest.model_dump(mode="json", exclude={"created"}))
    return Found("corpus", manifest.name, str(manifest.folder.absolute()), None, identity, _parts(files))


def _files(sources: tuple[str, ...]) -> Found:
    paths = sorted({path for source in sources for path in _expand(source)})
    folders = {path.parent for path in paths}
    root = Path(os.path.commonpath(folders))
    files = []
    for path in paths:
        status = path.stat()
        stamp = f"{status.st_size}:{status.st_mtime_ns}"
        files.append(_File(path.relative_to(root).as_posix(), path, status.st_size, stamp))
    name = paths[0].name.partition(".")[0] if len(paths) == 1 else root.name
    return Found("files", name, str(root), None, None, _parts(files))


def _parts(files: list[_File]) -> tuple[Part, ...]:
    """The files in order, large Parquet ones as several parts."""
    parts: list[Part] = []
    for number, file in enumerate(files):
        pieces: Iterator[tuple[tuple[int, ...] | None, int, int]] = iter([(None, 0, file.bytes)])
        if file.path is not None and file.path.suffix == ".parquet":
            pieces = _row_groups(file.path)
        for groups, row, size in pieces:
            parts.append(
                Part(
                    number=len(parts),
                    file=file.name,
                    file_number=number,
                    path=str(file.path) if file.path is not None else None,
                    bytes=size,
                    identity=file.identity,
                    digest=file.digest,
                    groups=groups,
                    first_row=row,
                )
            )
    return tuple(parts)


def _expand(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        found = [file for file in path.rglob("*") if _READABLE.search(file.name) and file.is_file()]
    elif path.is_file():
        found = [path]
    else:
        found = [Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file()]
    if not found:
        raise BadInput(f"{source}: no such corpus, file or folder with {_SUFFIXES}; for a Hub data set write hub:NAME")
    for file in found:
        if not _READABLE.search(file.name):
            raise BadInput(f"{file}: not a kind that is read; give {_SUFFIXES}")
    return [file.absolute() for file in found]


def _row_groups(path: Path) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Consecutive row groups of about `PART_BYTES`: their numbers, the first row, the bytes."""
    try:
        metadata = pq.read_metadata(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not Parquet: {error}; replace the file") from error
    groups: list[int] = []
    row = rows = size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        groups.append(number)
        rows += group.num_rows
        size += group.total_byte_size
        if size >= PART_BYTES:
            yield tuple(groups), row, size
            groups, row, rows, size = [], row + rows, 0, 0
    if groups or not metadata.num_row_groups:
        yield tuple(groups), row, size


def _hub(source: str) -> Found:
    found = find_hub(source, _READABLE)
    parts = _parts([_File(path, None, size, found.commit) for path, size in found.files])
    return Found("hub", found.name.rpartition("/")[2], found.name, found.commit, None, parts)
