"""Path lists: what Common Crawl publishes for each snapshot (`warc.paths.gz`), an entry a line."""

import gzip
import re
import zlib

from pipeline.errors import BadInput
from pipeline.recipe import Input, LoadedRecipe
from pipeline.remote import RefusedError, Store, is_remote

_CRAWL = re.compile(r"CC-MAIN-\d{4}(?:-\d{2,4})*")
_LIST = re.compile(r"\.paths(\.gz)?$", re.IGNORECASE)


def is_path_list(entry: Input) -> bool:
    """Whether an input names other files instead of being one."""
    return entry.kind == "paths" or (
        entry.kind is None and bool(_LIST.search(entry.path) or _CRAWL.fullmatch(entry.path))
    )


def listed(loaded: LoadedRecipe, entry: Input, store: Store, where: str) -> list[str]:
    """The files of a path list's range, in its order: addresses, or absolute local paths.

    Raises:
        BadInput: the list is not there, is none, or has nothing in the range.
    """
    base = entry.base if entry.base is not None else loaded.recipe.remote.common_crawl
    root = base.rstrip("/") + "/" if is_remote(base) else f"{loaded.resolve(base)}/"
    address = f"{root}crawl-data/{entry.path}/warc.paths.gz" if _CRAWL.fullmatch(entry.path) else entry.path
    lines = _lines(loaded, address, store, where)
    end = None if entry.count is None else entry.first + entry.count
    chosen = lines[entry.first : end]
    if not chosen:
        raise BadInput(f"{where}: first {entry.first}: the list has {len(lines)} entries; lower first")
    return [line if is_remote(line) or line.startswith("/") else root + line for line in chosen]


def _lines(loaded: LoadedRecipe, address: str, store: Store, where: str) -> list[str]:
    try:
        data = store.read(address) if is_remote(address) else loaded.resolve(address).read_bytes()
        text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadInput(f"{where}: {error.strerror}: {address}; correct the path") from error
    except RefusedError as error:
        raise BadInput(f"{where}: {error}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"{where}: not a path list: {error}; give a text file with a path a line, or its .gz") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
