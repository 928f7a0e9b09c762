"""What the extract stage reads, whatever the input is: a page or a text with its identity, or why it is left out."""

import base64
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import xxhash

from pipeline.extract.page import PageInput, TextInput


class Origin(NamedTuple):
    """Where a document came from that is not in a WARC: the input file, and its row there (null: the whole file)."""

    file: str
    row: int | None


@dataclass(slots=True)
class Item:
    """A record of an input, read but not yet analysed."""

    identity: dict[str, Any]
    """`id`, `url`, `warc_file` and `warc_offset`, as `dropped/` tells them."""
    page: PageInput | TextInput | None
    """What is analysed; None where `reason` says why there is nothing."""
    columns: Callable[[], dict[str, Any]]
    """What the document says beside its identity and the analysis; asked for when it is kept."""
    url: str | None
    """What the URL rules judge; None where they have no say: a text need not have an address."""
    done: int
    """Bytes of the input behind which it stands, for the progress."""
    reason: str | None = None
    value: str | None = None
    origin: Origin | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    """Further scores that its source gives; a classifier of the recipe of the same name has the last word."""


class Reader(ABC):
    """An input while it is read: its items in order, then what befell the file itself."""

    @abstractmethod
    def __iter__(self) -> Iterator[Item]:
        """Every record begun."""

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """`status`, `xxh3_128` and `error` of the file, once all items are read."""


def sha1_digest(payload: bytes) -> str:
    """`sha1:` and BASE32, as WARC-Payload-Digest is written."""
    return f"sha1:{base64.b32encode(hashlib.sha1(payload, usedforsecurity=False).digest()).decode('ascii')}"


def content_id(url: str, date: datetime | None, payload_digest: str) -> str:
    """The id of a document that brings none: xxh3_128 of URL, date and payload digest."""
    return xxhash.xxh3_128_hexdigest("\n".join((url, date.isoformat() if date else "", payload_digest)))


def host_of(url: str) -> str | None:
    """The lower-case host of a URL, without port; None when it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
