"""The looks of the sites: templates in `shells/` give the same kind of article another markup and other clutter."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from manifests.sample.article import Article


@dataclass(frozen=True)
class ShownPost:
    """A message of a thread as HTML."""

    author: str
    votes: int
    accepted: bool
    body: str
    comments: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """What a shell needs beside the article: all strings but `url` and `day` are HTML already."""

    title: str
    url: str
    site: str
    body: str
    posts: tuple[ShownPost, ...]
    related: tuple[tuple[str, str], ...]
    random: Random
    day: str


@cache
def _templates() -> Environment:
    # The content is HTML when it arrives (and some of it hostile on purpose), so nothing is escaped here.
    loader = FileSystemLoader(Path(__file__).parent / "shells")
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)


def show(shell: str, article: Article, frame: Frame) -> str:
    """The whole HTML page of `article` in the named shell."""
    return _templates().get_template(f"{shell}.html").render(article=article, frame=frame)
