"""The kinds of input files, by their suffixes."""

import re

KINDS = {
    "warc": re.compile(r"\.w?arc(\.gz|\.zst)?$", re.IGNORECASE),
    "parquet": re.compile(r"\.parquet$", re.IGNORECASE),
    "jsonl": re.compile(r"\.(jsonl|ndjson)(\.gz|\.zst)?$", re.IGNORECASE),
    "html": re.compile(r"\.(html?|xhtml)$", re.IGNORECASE),
}
"""In the order in which a folder is searched for them."""
TEXTS = re.compile(rf"(?i:{KINDS['parquet'].pattern}|{KINDS['jsonl'].pattern})")
"""A file of rows of text."""
FOLDERS = "WARC, ARC, Parquet, JSON lines or HTML"
"""What a folder may hold, in words."""


def kind_of(name: str) -> str | None:
    """The kind that a file's suffix says; None for any other."""
    return next((kind for kind, suffix in KINDS.items() if suffix.search(name)), None)
