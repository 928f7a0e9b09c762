"""The pages that an argument of `mathmill extract` names: a file, a URL, a folder of pages, or a list of both."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import xxhash

from pipeline.errors import BadInput

SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
"""What a page in a folder ends in; a file that is named itself may have any name but a list's."""
LIST = ".txt"
STDIN = Path("/dev/stdin")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LONGEST_NAME = 240  # bytes; file systems allow 255
_SLUG = re.compile(r"[^0-9A-Za-z]+")
_SLUG_LENGTH = 80


@dataclass(frozen=True)
class Source:
    """A page to be: where it is, and what it is called."""

    name: str
    """What names it in the output: the path below the folder, or the URL or path as the list or user gave it."""
    stem: str
    """The relative path of its output without the suffix. It depends on the name alone and belongs to it alone."""
    where: str
    """Where it was named, for messages: `list.txt:3`, or the page itself."""
    path: Path | None
    url: str
    """The address to fetch; of a file, where it came from, "" where nobody says."""


@dataclass(frozen=True)
class Sources:
    """The pages of an argument; `many` for a folder or list, however few it holds."""

    found: list[Source]
    many: bool


def sources(argument: str, url: str = "") -> Sources:
    """The pages of a file, folder, list or URL, in the order of their paths or lines; one that a list repeats once.

    `url` is where a file's page came from. What a line names need not exist: reading it tells.

    Raises:
        BadInput: there is no such file or folder, the folder has no page, the list no line, or `url` is of no use.
    """
    path = Path(argument)
    if _URL.fullmatch(argument):
        many, found = False, [Source(argument, _slug(argument), argument, None, argument)]
    elif argument == "-":
        many, found = False, [Source("-", "stdin", "standard input", STDIN, url)]
    elif path.is_dir():
        many, found = True, _in_folder(path)
    elif not path.exists():
        raise BadInput(f"{argument}: no such file; give an HTML file, a folder, a list (.txt), a URL, or - for stdin")
    elif path.suffix.lower() == LIST:
        many, found = True, _in_list(path)
    else:
        many, found = False, [Source(argument, _shortened(path.name), argument, path, url)]
    if url and (many or not found[0].path):
        raise BadInput(f"--url {url}: says where one file came from; leave it out for a folder, a list or a URL")
    return Sources(found, many)


def _in_folder(folder: Path) -> list[Source]:
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found.append(path)
    if not found:
        raise BadInput(f"{folder}: no page in it; put {', '.join(sorted(SUFFIXES))} files there")
    named = sorted((_printable(path.relative_to(folder).as_posix()), path) for path in found)
    return [Source(name, _shortened(name), f"{folder}/{name}", path, "") for name, path in named]


def _in_list(path: Path) -> list[Source]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 (byte {error.start}); a list has one URL or path per line") from error
    found: dict[str, Source] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name or name.startswith("#") or name in found:
            continue
        url = name if _SCHEME.match(name) else ""
        found[name] = Source(name, _slug(name), f"{path}:{number}", None if url else path.parent / name, url)
    if not found:
        raise BadInput(
            f"{path}: no page in it; write one URL or path per line (a page's own name does not end in {LIST})"
        )
    return list(found.values())


def _printable(name: str) -> str:
    """A file name that is not UTF-8 with its odd bytes written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _shortened(name: str) -> str:
    """A relative path whose last part leaves room for a suffix."""
    folder, slash, last = name.rpartition("/")
    if len(os.fsencode(last)) <= _LONGEST_NAME:
        return name
    return f"{folder}{slash}{_slug(last)}"


def _slug(name: str) -> str:
    """A file name for a URL or path: its words, and a digest that tells it from others of the same words."""
    words = _SLUG.sub("-", re.sub(r"^\w+://", "", name)).strip("-")[:_SLUG_LENGTH].strip("-")
    return f"{words}-{xxhash.xxh3_64_hexdigest(os.fsencode(name))}".lstrip("-")
