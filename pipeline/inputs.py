"""The input files of a recipe: what they are called, how large they are, and whether they changed."""

import glob
import re
from dataclasses import dataclass
from pathlib import Path

import xxhash

from pipeline.errors import BadInput
from pipeline.files import digest
from pipeline.recipe import Input, LoadedRecipe

_MIB = 1 << 20
_WARC = re.compile(r"\.w?arc(\.gz|\.zst)?$", re.IGNORECASE)
UNREADABLE = (PermissionError, FileNotFoundError, IsADirectoryError)
"""What opening a file that is not ours to read raises. Other errors are the machine's, and pass."""
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class InputFile:
    """An input: `name` goes into `warc_file`; `identity` changes when name, size or an end of the file do."""

    name: str
    path: Path
    bytes: int
    identity: str


def input_files(loaded: LoadedRecipe) -> list[InputFile]:
    """Every input file of the recipe once, ordered by name.

    A file that cannot be opened is listed all the same: the extract stage records it with its reason.

    Raises:
        BadInput: an entry matches nothing, is of an unknown kind, lies outside `input_root`, or two files share a name.
    """
    paths: dict[str, Path] = {}
    for index, entry in enumerate(loaded.recipe.inputs):
        where = f"{loaded.path}: inputs.{index}.path: {entry.path!r}"
        root, matches = _expand(loaded, entry, where)
        for path in matches:
            try:
                name = path.relative_to(root).as_posix()
            except ValueError:
                raise BadInput(f"{where}: {path} is outside input_root {root}; set input_root to hold it") from None
            if paths.setdefault(name, path).resolve() != path.resolve():
                raise BadInput(f"{where}: {path} and {paths[name]} would both be called {name}; set input_root")
    return [_identify(name, path) for name, path in sorted(paths.items())]


def _expand(loaded: LoadedRecipe, entry: Input, where: str) -> tuple[Path, list[Path]]:
    """The entry's root folder and the files it matches, sorted."""
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
        mend = "put .warc, .warc.gz, .warc.zst, .arc or .arc.gz files there"
    else:
        fixed = Path(pattern).parent
        matches = [Path(pattern)] if Path(pattern).exists() or Path(pattern).is_symlink() else []
        mend = "correct the path"
    if not matches:
        raise BadInput(f"{where}: matches no file; {mend}")
    for path in matches:
        if entry.kind is None and not _WARC.search(path.name):
            raise BadInput(f"{where}: {path.name} is not a kind that mathmill reads by suffix; add `kind: warc`")
    root = loaded.resolve(loaded.recipe.input_root) if loaded.recipe.input_root is not None else fixed
    return root, sorted(matches)


def _identify(name: str, path: Path) -> InputFile:
    hasher = xxhash.xxh3_128()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            hasher.update(file.read(_MIB))
            if size > _MIB:
                file.seek(max(_MIB, size - _MIB))
                hasher.update(file.read(_MIB))
    except UNREADABLE:
        return InputFile(name, path, 0, digest([name, None]))
    return InputFile(name, path, size, digest([name, size, hasher.hexdigest()]))
