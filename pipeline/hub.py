"""Data sets of the Hugging Face Hub: which files one has, at which commit."""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.errors import BadInput
from pipeline.remote import RefusedError
from pipeline.remote.retry import with_retries
from pipeline.remote.settings import RemoteSettings

HUB = "hub:"
FILES = "hf://datasets/"
"""What the address of a file of a data set begins with."""
_TRIES = 4  # who has no network shall hear so within seconds
_SOURCE = re.compile(r"(?:hub:)?(?P<name>[^@:]+)(?:@(?P<revision>[^:]+))?(?::(?P<pattern>.+))?")
Result = TypeVar("Result")


@dataclass(frozen=True)
class HubFiles:
    """A data set at a commit, and (path, bytes) of the files that were asked for, by path."""

    name: str
    commit: str
    files: tuple[tuple[str, int], ...]

    def address(self, path: str) -> str:
        """Where a file of this commit is read."""
        return f"{FILES}{self.name}@{self.commit}/{path}"


def find_hub(
    source: str,
    readable: re.Pattern[str],
    settings: RemoteSettings | None = None,
    config: str | None = None,
    split: str | None = None,
) -> HubFiles:
    """The files of `hub:OWNER/NAME[@REVISION][:GLOB]` whose names are `readable`; the revision is main by default.

    With a configuration or a split, those files of it (as its card says, or as `datasets` takes them by their names).

    Raises:
        BadInput: there is no such data set, revision, configuration or split, or it has no such file.
        RemoteError: the Hub does not answer.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    match = _SOURCE.fullmatch(source)
    if match is None:
        raise BadInput(f"{source}: not of the form hub:OWNER/NAME[@REVISION][:GLOB]; correct it")
    name, revision, pattern = match["name"], match["revision"], match["pattern"]
    try:
        info = _ask(lambda: HfApi().dataset_info(name, revision=revision, files_metadata=True), source, settings)
    except HFValidationError as error:
        raise BadInput(f"{source}: {' '.join(str(error).split())[:200]}; correct the name") from error
    found = sorted((file.rfilename, file.size or 0) for file in info.siblings or [])
    chosen = [
        (path, size)
        for path, size in found
        if readable.search(path) and (pattern is None or fnmatch.fnmatchcase(path, pattern))
    ]
    commit = str(info.sha)
    if config is not None or split is not None:
        wanted = _of_split(source, name, commit, config, split, settings)
        chosen = [(path, size) for path, size in chosen if path in wanted]
    if not chosen:
        what = pattern or " or ".join(filter(None, (config, split))) or "Parquet or JSON lines"
        raise BadInput(f"{source}: none of its {len(found)} files is {what}; correct the glob")
    return HubFiles(name, commit, tuple(chosen))


def _of_split(
    source: str, name: str, commit: str, config: str | None, split: str | None, settings: RemoteSettings | None
) -> set[str]:
    """The paths of the files of a configuration, or of one split of it."""
    try:
        from datasets import load_dataset_builder
    except ImportError as error:
        raise BadInput(f"{source}: config and split need datasets: {error}; pip install 'mathmill[hub]'") from error
    try:
        builder = _ask(lambda: load_dataset_builder(name, config, revision=commit), source, settings)
    except ValueError as error:  # its words name the configurations that there are
        raise BadInput(f"{source}: config: {' '.join(str(error).split())[:300]}; correct config") from error
    files: dict[str, list[str]] = builder.config.data_files or {}
    if split is not None and split not in files:
        raise BadInput(f"{source}: split: {split!r}: there are {', '.join(map(str, files))}; correct split")
    chosen = [files[split]] if split is not None else files.values()
    return {path.partition(f"@{commit}/")[2] for paths in chosen for path in paths}


def _ask(action: Callable[[], Result], source: str, settings: RemoteSettings | None) -> Result:
    settings = settings or RemoteSettings()
    try:
        return with_retries(action, source, settings.model_copy(update={"tries": min(settings.tries, _TRIES)}))
    except (FileNotFoundError, RefusedError) as error:
        mend = "correct name and revision, or log in (hf auth login)"
        raise BadInput(f"{source}: the Hub knows no such data set, or shows it to others; {mend}") from error
