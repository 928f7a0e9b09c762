"""The input files of a recipe: what they are called, how large they are, and whether they changed."""

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import xxhash

from pipeline.errors import BadInput
from pipeline.files import digest
from pipeline.path_lists import is_path_list, listed
from pipeline.recipe import Input, LoadedRecipe
from pipeline.remote import Found, RefusedError, Store, is_remote

_MIB = 1 << 20
_READ = ".warc, .warc.gz, .warc.zst, .arc or .arc.gz"
_WARC = re.compile(r"\.w?arc(\.gz|\.zst)?$", re.IGNORECASE)
UNREADABLE = (PermissionError, FileNotFoundError, IsADirectoryError)
"""What opening a file that is not ours to read raises. Other errors are the machine's, and pass."""
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class InputFile:
    """An input: `name` goes into `warc_file`; `identity` changes when name, size or content do.

    `location` is an absolute path or an address; `remote` is what its server says of the latter.
    """

    name: str
    location: str
    bytes: int
    identity: str
    remote: Found | None = None


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
    return [file for _, file in sorted(files.items())]


def _same(location: str, other: str) -> bool:
    return location == other or (
        not is_remote(location) and not is_remote(other) and Path(location).resolve() == Path(other).resolve()
    )


def _files(loaded: LoadedRecipe, entry: Input, store: Store, where: str) -> Iterable[InputFile]:
    if is_path_list(entry):
        locations = listed(loaded, entry, store, where)
        addresses = [location for location in locations if is_remote(location)]
        found = dict(zip(addresses, store.infos(addresses), strict=True))
        base = loaded.resolve(entry.base) if entry.base is not None and not is_remote(entry.base) else Path("/")
        return [
            _remote_file(loaded, location, found[location])
            if location in found
            else _local_file(loaded, Path(location), base, where)
            for location in locations
        ]
    if is_remote(entry.path):
        return [_remote_file(loaded, found.uri, found) for found in _find(entry, store, where)]
    fixed, paths = _expand(loaded, entry, where)
    return [_local_file(loaded, path, fixed, where) for path in paths]


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
        matches = [path for path in fixed.rglob("*") if _WARC.search(path.name) and not path.is_dir()]
        mend = f"put {_READ} files there"
    else:
        fixed = Path(pattern).parent
        matches = [Path(pattern)] if Path(pattern).exists() or Path(pattern).is_symlink() else []
        mend = "correct the path"
    if not matches:
        raise BadInput(f"{where}: matches no file; {mend}")
    _check_suffixes(entry, (path.name for path in matches), where)
    return fixed, sorted(matches)


def _find(entry: Input, store: Store, where: str) -> list[Found]:
    """The remote files that an entry matches."""
    folder, wild = entry.path.endswith("/"), _WILDCARD.search(entry.path)
    if entry.path.startswith(("http://", "https://")) and (folder or "*" in entry.path):
        raise BadInput(f"{where}: web servers do not list their files; name each file, or give a path list")
    try:
        if folder:
            found = [file for file in store.find(entry.path) if _WARC.search(file.uri)]
        else:
            found = store.find(entry.path) if wild else [store.info(entry.path)]
    except FileNotFoundError:
        found = []
    except RefusedError as error:
        raise BadInput(f"{where}: {error}") from error
    if not found:
        mend = f"put {_READ} files there" if folder else "correct the address"
        raise BadInput(f"{where}: matches no file; {mend}")
    _check_suffixes(entry, (file.uri.partition("?")[0] for file in found), where)
    return found


def _check_suffixes(entry: Input, names: Iterable[str], where: str) -> None:
    for name in names:
        if entry.kind is None and not _WARC.search(name):
            name = name.rpartition("/")[2]
            raise BadInput(f"{where}: {name} is not a kind that mathmill reads by suffix; add `kind: warc`")


def _local_file(loaded: LoadedRecipe, path: Path, fixed: Path, where: str) -> InputFile:
    given = loaded.recipe.input_root
    root = fixed if given is None else Path(given) if is_remote(given) else loaded.resolve(given)
    try:
        name = path.relative_to(root).as_posix()
    except ValueError:
        root_named = given if given is not None and is_remote(given) else root
        raise BadInput(f"{where}: {path} is outside input_root {root_named}; set input_root to hold it") from None
    hasher = xxhash.xxh3_128()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            hasher.update(file.read(_MIB))
            if size > _MIB:
                file.seek(max(_MIB, size - _MIB))
                hasher.update(file.read(_MIB))
    except UNREADABLE:
        return InputFile(name, str(path), 0, digest([name, None]))
    return InputFile(name, str(path), size, digest([name, size, hasher.hexdigest()]))


def _remote_file(loaded: LoadedRecipe, uri: str, found: Found | None) -> InputFile:
    """Named by its whole address, or from a remote `input_root` on where that holds it."""
    root = loaded.recipe.input_root
    name = uri.removeprefix(root.rstrip("/") + "/") if root is not None else uri
    if found is None:
        return InputFile(name, uri, 0, digest([name, None]), Found(uri, None, None))
    return InputFile(name, uri, found.size or 0, digest([name, found.size, found.tag]), found)
