"""The input files of a recipe: what they are called, how large they are, and whether they changed."""

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from pipeline.errors import BadInput
from pipeline.files import digest
from pipeline.hub import FILES, HUB, find_hub
from pipeline.kinds import FOLDERS, KINDS, TEXTS, kind_of
from pipeline.path_lists import is_path_list, listed
from pipeline.recipe import Input, LoadedRecipe
from pipeline.remote import Found, RefusedError, Store, is_remote
from pipeline.shard.manifest import Manifest
from pipeline.texts.columns import Columns

_MIB = 1 << 20
UNREADABLE = (PermissionError, FileNotFoundError, IsADirectoryError)
"""What opening a file that is not ours to read raises. Other errors are the machine's, and pass."""
VERSION = 1
"""Raised by hand whenever another document can be read from HTML files or rows of text: their parts carry it."""
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class InputFile:
    """An input: `name` is what documents and lists call it; `identity` changes when name, size or content do, and for
    rows of text when they are to be read otherwise.

    `location` is an absolute path or an address; `remote` is what its server says of the latter. `columns` is set for
    Parquet and JSON lines.
    """

    name: str
    location: str
    bytes: int
    identity: str
    kind: str = "warc"
    remote: Found | None = None
    columns: Columns | None = None


def input_files(loaded: LoadedRecipe) -> list[InputFile]:
    """Every input file of the recipe once, ordered by name.

    A file that cannot be opened is listed all the same: the extract stage records it with its reason.

    Raises:
        BadInput: an entry matches nothing, is of an unknown kind, lies outside `input_root`, or two files share a name.
        RemoteError: another machine does not answer, or not as it should.
    """
    store = Store(loaded.recipe.remote)
    files: dict[str, InputFile] = {}
    for index, entry in enumerate(loaded.recipe.inputs):
        where = f"{loaded.path}: inputs.{index}.path: {entry.path!r}"
        for file in _files(loaded, entry, store, where):
            other = files.setdefault(file.name, file)
            if not _same(file.location, other.location):
                both = f"{file.location} and {other.location}"
                raise BadInput(f"{where}: {both} would both be called {file.name}; set input_root")
            if file.identity != other.identity:
                raise BadInput(f"{where}: {file.name} is read as two kinds or with two sets of columns; name it once")
    return [file for _, file in sorted(files.items())]


def _same(location: str, other: str) -> bool:
    return location == other or (
        not is_remote(location) and not is_remote(other) and Path(location).resolve() == Path(other).resolve()
    )


def _files(loaded: LoadedRecipe, entry: Input, store: Store, where: str) -> Iterable[InputFile]:
    naming = _Naming(loaded, entry, where)
    if entry.kind == "hub" or (entry.kind is None and entry.path.startswith(HUB)):
        found = find_hub(entry.path, TEXTS, loaded.recipe.remote, entry.config, entry.split)
        return [
            naming.remote(found.address(path), Found(found.address(path), size, None), kind_of(path) or "jsonl")
            for path, size in found.files
        ]
    if entry.path.startswith(FILES):
        raise BadInput(f"{where}: nobody pins what this address holds; write hub:OWNER/NAME")
    if is_path_list(entry):
        return _listed(loaded, entry, store, naming)
    if is_remote(entry.path):
        return [
            naming.remote(file.uri, file, naming.kind(file.uri.partition("?")[0]))
            for file in _find(entry, store, where)
        ]
    fixed, paths = _expand(loaded, entry, where)
    return [naming.local(path, fixed, naming.kind(path.name)) for path in paths]


def _listed(loaded: LoadedRecipe, entry: Input, store: Store, naming: "_Naming") -> Iterable[InputFile]:
    """The files of a path list; those of no known suffix are WARC, as in the lists of crawls."""
    locations = listed(loaded, entry, store, naming.where)
    addresses = [location for location in locations if is_remote(location)]
    found = dict(zip(addresses, store.infos(addresses), strict=True))
    base = loaded.resolve(entry.base) if entry.base is not None and not is_remote(entry.base) else Path("/")
    for location in locations:
        kind = kind_of(location) or "warc"
        if location in found:
            yield naming.remote(location, found[location], kind)
        else:
            yield naming.local(Path(location), base, kind)


def _expand(loaded: LoadedRecipe, entry: Input, where: str) -> tuple[Path, list[Path]]:
    """The entry's fixed folder and the local files it matches, sorted."""
    pattern = str(loaded.resolve(entry.path))
    wild = _WILDCARD.search(pattern)
    if wild and not Path(pattern).exists():
        fixed = Path(pattern[: wild.start()].rpartition("/")[0] or "/")
        found = [Path(match) for match in glob.glob(pattern, recursive=True)]
        matches = [path for path in found if not path.is_dir()]
        mend = "correct the pattern"
    elif Path(pattern).is_dir():
        fixed = Path(pattern)
        inside = [path for path in fixed.rglob("*") if not path.is_dir()]
        matches = _of_one_kind(inside, [path.name for path in inside], entry.kind)
        if (fixed / "manifest.json").is_file() and any(kind_of(path.name) == "parquet" for path in matches):
            matches = Manifest.load(fixed).shard_paths()  # the stages beside them hold the same documents
        mend = f"put {FOLDERS} files there"
    else:
        fixed = Path(pattern).parent
        matches = [Path(pattern)] if Path(pattern).exists() or Path(pattern).is_symlink() else []
        mend = "correct the path"
    if not matches:
        raise BadInput(f"{where}: matches no file; {mend}")
    return fixed, sorted(matches)


def _find(entry: Input, store: Store, where: str) -> list[Found]:
    """The remote files that an entry matches."""
    folder, wild = entry.path.endswith("/"), _WILDCARD.search(entry.path)
    if entry.path.startswith(("http://", "https://")) and (folder or "*" in entry.path):
        raise BadInput(f"{where}: web servers do not list their files; name each file, or give a path list")
    try:
        if folder:
            inside = list(store.find(entry.path))
            found = _of_one_kind(inside, [file.uri for file in inside], entry.kind)
        else:
            found = store.find(entry.path) if wild else [store.info(entry.path)]
    except FileNotFoundError:
        found = []
    except RefusedError as error:
        raise BadInput(f"{where}: {error}") from error
    if not found:
        mend = f"put {FOLDERS} files there" if folder else "correct the address"
        raise BadInput(f"{where}: matches no file; {mend}")
    return found


def _of_one_kind(files: Sequence[Any], names: Sequence[str], kind: str | None) -> list[Any]:
    """Those files of a folder that are of a kind; of none given, of the first kind that it has any of."""
    kinds = [kind_of(name) for name in names]
    wanted = kind or next((one for one in KINDS if one in kinds), None)
    return [file for file, one in zip(files, kinds, strict=True) if one is not None and one == wanted]


@dataclass(frozen=True)
class _Naming:
    """How the files of an entry are called, and what tells them from others."""

    loaded: LoadedRecipe
    entry: Input
    where: str

    def kind(self, name: str) -> str:
        """What a file is read as."""
        kind = self.entry.kind or kind_of(name)
        if kind is None:
            name = name.rpartition("/")[2]
            raise BadInput(
                f"{self.where}: {name} is not a kind that mathmill reads by suffix; add `kind: warc` "
                "(or html, parquet, jsonl)"
            )
        if self.entry.columns is not None and kind not in ("parquet", "jsonl"):
            raise BadInput(f"{self.where}: {name} is {kind} and has no columns; take out `columns`")
        return kind

    def local(self, path: Path, fixed: Path, kind: str) -> InputFile:
        """Named from `input_root` on, or from the fixed folder of its entry."""
        given = self.loaded.recipe.input_root
        root = fixed if given is None else Path(given) if is_remote(given) else self.loaded.resolve(given)
        try:
            name = path.relative_to(root).as_posix()
        except ValueError:
            root_named = given if given is not None and is_remote(given) else root
            raise BadInput(
                f"{self.where}: {path} is outside input_root {root_named}; set input_root to hold it"
            ) from None
        hasher = xxhash.xxh3_128()
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                hasher.update(file.read(_MIB))
                if size > _MIB:
                    file.seek(max(_MIB, size - _MIB))
                    hasher.update(file.read(_MIB))
        except UNREADABLE:
            return self._file(name, str(path), 0, [None], kind)
        return self._file(name, str(path), size, [size, hasher.hexdigest()], kind)

    def remote(self, uri: str, found: Found | None, kind: str) -> InputFile:
        """Named by its whole address, or from a remote `input_root` on where that holds it."""
        root = self.loaded.recipe.input_root
        name = uri.removeprefix(root.rstrip("/") + "/") if root is not None else uri
        if found is None:
            return self._file(name, uri, 0, [None], kind, Found(uri, None, None))
        return self._file(name, uri, found.size or 0, [found.size, found.tag], kind, found)

    def _file(
        self, name: str, location: str, size: int, marks: list[Any], kind: str, remote: Found | None = None
    ) -> InputFile:
        columns = (self.entry.columns or Columns()) if kind in ("parquet", "jsonl") else None
        read = [] if kind == "warc" else [kind, VERSION, columns.model_dump(mode="json") if columns else None]
        return InputFile(name, location, size, digest([name, *marks, *read]), kind, remote, columns)
