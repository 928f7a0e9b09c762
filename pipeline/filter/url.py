"""Rules on a URL, applied before a page is parsed: hosts, words, file endings, named lists.

    refuse = compile_rules(UrlRules())
    refuse("https://example.org/algebra")        # None: no rule refuses it
    refuse("https://casino.example.com/")        # "deny_host_words:casino"

The rules see the URL alone: no network, no list of public suffixes. A host in a list stands for itself and for every
host below it. The defaults are short and refuse what is never mathematics; long lists belong in files of your own.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.files import digest
from pipeline.frozen import Frozen

Entries = tuple[str, ...] | str
"""Entries in place, or the path of a UTF-8 text file (`.gz` allowed): one entry a line, `#` begins a comment."""

NAMED_LISTS: dict[str, tuple[str, ...]] = {
    # Sources that MegaMath blocks in its web part because they enter a corpus better from their own dumps.
    "curated_sources": (
        "stackexchange.com",
        "stackoverflow.com",
        "mathoverflow.net",
        "superuser.com",
        "serverfault.com",
        "askubuntu.com",
        "stackapps.com",
        "arxiv.org",
        "github.com",
        "wikipedia.org",
        "ncbi.nlm.nih.gov",
        "gutenberg.org",
        "uspto.gov",
        "courtlistener.com",
        "opensubtitles.org",
        "news.ycombinator.com",
        "youtube.com",
        "youtu.be",
        "philpapers.org",
        "irclogs.ubuntu.com",
        "statmt.org",
    ),
}


class UrlRules(Frozen):
    """Which URLs to refuse. Each list is given in place, or as the path of a text file with one entry a line."""

    allow_hosts: Entries = ()
    """Hosts that no list below refuses (malformed and overlong URLs are refused all the same)."""
    deny_hosts: Entries = ()
    """Hosts to refuse."""
    named_lists: tuple[Literal["curated_sources"], ...] = ()
    """Host lists that mathmill carries; `curated_sources`: those that MegaMath takes from dumps instead of the web."""
    deny_words: Entries = ("porn", "porno", "xxx", "hentai", "milf", "camgirls", "escorts", "viagra", "cialis")
    """Whole words (runs of letters and digits) to refuse, in the host and in the path."""
    deny_host_words: Entries = ("porn", "casino", "sexcam", "xvideo", "livesex", "onlinebet", "jackpot")
    """Words to refuse anywhere in the host, also inside another word; not looked for in the path, where probability
    lessons speak of casinos."""
    deny_endings: Entries = (".css", ".js", ".json", ".ico", ".woff", ".woff2", ".exe", ".apk", ".iso", ".zip", ".gz")
    """Endings of the path's last part, with the dot. No image endings: wikis describe `File:x.svg` in HTML."""
    max_length: int = Field(default=2000, ge=20, le=1 << 16)
    """Longest URL, in characters."""

    @model_validator(mode="after")
    def _endings_have_dots(self) -> "UrlRules":
        for ending in () if isinstance(self.deny_endings, str) else self.deny_endings:
            _check_ending(ending)
        return self

    def digest(self, folder: Path = Path()) -> str:
        """xxh3_128 of the rules with the entries of every file in place of its path: what a fingerprint needs.

        Raises:
            ValueError, OSError: as `compile_rules`.
        """
        lists = {name: sorted(_entries(self, name, folder)) for name in _LISTS}
        named = {name: sorted(NAMED_LISTS[name]) for name in self.named_lists}
        return digest({"lists": lists, "named": named, "max_length": self.max_length})


_LISTS = ("allow_hosts", "deny_hosts", "deny_words", "deny_host_words", "deny_endings")
_URL = re.compile(r"https?://(?:[^/?#\\]*@)?(\[[0-9a-f:.]*\]|[^/?#\\:\[\]]*)(?::\d*)?(?:[/\\]([^?#]*))?(?=[?#]|\Z)")
_WORD = re.compile(r"[^\W_]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}(?=:)")


def compile_rules(rules: UrlRules, folder: Path = Path()) -> Callable[[str], str | None]:
    """A function from a URL to the rule that refuses it, or None.

    The rule is a short text: the field's name, or for a named list the list's, a colon and the entry that matched
    (`deny_hosts:example.com`); or `length`, `scheme:ftp`, `host` (none, or no valid one). The function never raises,
    whatever the string, and takes a few microseconds.

    Args:
        rules: the rules.
        folder: where relative paths of list files start.

    Raises:
        ValueError: an entry that cannot be meant, with the list's name and the entry; a file in another form.
        OSError: a list file cannot be read.
    """
    allowed = frozenset(_hosts(rules, "allow_hosts", folder))
    denied: dict[str, str] = {host: name for name in reversed(rules.named_lists) for host in NAMED_LISTS[name]}
    denied |= dict.fromkeys(_hosts(rules, "deny_hosts", folder), "deny_hosts")
    words = frozenset(word.lower() for word in _entries(rules, "deny_words", folder))
    for word in words:
        if not _WORD.fullmatch(word):
            raise ValueError(f"deny_words: {word!r} is not one word of letters and digits; split it")
    # The longest first, so that the answer does not depend on the order of a list.
    parts = sorted((part.lower() for part in _entries(rules, "deny_host_words", folder)), key=lambda p: (-len(p), p))
    if "" in parts:
        raise ValueError("deny_host_words: '' matches every host; remove it")
    host_word = re.compile("|".join(map(re.escape, parts))).search if parts else None
    endings = frozenset(_check_ending(ending).lower() for ending in _entries(rules, "deny_endings", folder))
    max_length = rules.max_length

    def refuse(url: str) -> str | None:
        if len(url) > max_length:
            return "length"
        url = url.strip().lower()
        match = _URL.match(url)
        if match is None:
            scheme = _SCHEME.match(url)
            return f"scheme:{scheme[0]}" if scheme and scheme[0] not in ("http", "https") else "host"
        host, path = match.groups("")
        if not host.isascii() or host[-1:] == ".":
            host = _plain_host(host)
        if not host or " " in host:
            return "host"
        rule = None
        suffix = host
        while suffix:
            if suffix in allowed:
                return None
            if rule is None and suffix in denied:
                rule = f"{denied[suffix]}:{suffix}"
            suffix = suffix.partition(".")[2]
        if rule is not None:
            return rule
        if host_word is not None and (found := host_word(host)):
            return f"deny_host_words:{found[0]}"
        if not words.isdisjoint(found_words := _WORD.findall(f"{host}/{path}")):
            return f"deny_words:{next(word for word in found_words if word in words)}"
        dot = path.rfind(".")
        if dot >= 0 and path[dot:] in endings:
            return f"deny_endings:{path[dot:]}"
        return None

    return refuse


def _entries(rules: UrlRules, name: str, folder: Path) -> Iterable[str]:
    value: Entries = getattr(rules, name)
    if not isinstance(value, str):
        return value
    path = folder / Path(value).expanduser()
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{name}: {path} is not gzip: {error}; compress it again, or name it .txt") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: {path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def _hosts(rules: UrlRules, name: str, folder: Path) -> Iterator[str]:
    for entry in _entries(rules, name, folder):
        host = _plain_host(entry.strip().lower().removeprefix("*.").lstrip("."))
        if not host or any(character in "/:@* " for character in host):
            raise ValueError(f"{name}: {entry!r} is not a host name; write it without scheme, port and path")
        yield host


def _plain_host(host: str) -> str:
    """A host as it is compared: in ASCII (`xn--`), without the root's dot."""
    host = host.rstrip(".")
    if not host.isascii():
        try:
            return host[:253].encode("idna").decode("ascii")
        except UnicodeError:  # not a name that the domain system could hold; compared as it stands
            return host
    return host


def _check_ending(ending: str) -> str:
    if not re.fullmatch(r"\.[^./?#\s]+", ending):
        raise ValueError(f"deny_endings: {ending!r} is not an ending such as '.css'; write one dot and what follows")
    return ending
