"""A repository of the Hugging Face Hub: what stands in it, and commits to it.

Whatever fails is told in one line; what may pass by itself is tried again by the one rule of `pipeline.remote.retry`.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipeline.errors import BadInput, BuildFailed
from pipeline.remote.retry import ChangedError, RefusedError, RemoteError, describe, status_of, with_retries
from pipeline.remote.settings import RemoteSettings

Result = TypeVar("Result")
Kind = Literal["dataset", "model"]

_ADDRESS = re.compile(
    r"hf://(?P<datasets>datasets/)?(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?(?:/(?P<folder>.*))?"
)
_BLOCK = 16 << 20
"""Bytes of one request when a file is read."""
_TOGETHER = 5
"""Files that are sent at a time."""


@dataclass(frozen=True)
class Listed:
    """A file as the Hub lists it: its git blob, and the sha256 of its bytes where they are an object of their own."""

    size: int
    oid: str
    sha256: str | None


@dataclass(frozen=True)
class State:
    """A branch at one moment; `commit` is null where there is no such branch yet."""

    private: bool
    commit: str | None
    files: dict[str, Listed]


@dataclass(frozen=True)
class Upload:
    """A file to be: its path in the repository, its bytes or where they are, and the sha256 that they must have."""

    path: str
    source: Path | bytes = field(repr=False)
    size: int
    sha256: str | None = None

    @classmethod
    def of(cls, path: str, data: bytes) -> "Upload":
        """A file of these bytes."""
        return cls(path, data, len(data), hashlib.sha256(data).hexdigest())

    def stands(self, listed: Listed | None) -> bool:
        """Whether the Hub has these very bytes."""
        if listed is None or listed.size != self.size:
            return False
        if listed.sha256 is not None:
            return listed.sha256 == self.sha256
        data = self.source if isinstance(self.source, bytes) else self.source.read_bytes()
        return listed.oid == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class HubRepo:
    """A repository at one branch; nothing is asked before a method is called.

    Raises:
        BadInput: the name cannot be one, or huggingface_hub is not installed.
    """

    def __init__(
        self, name: str, revision: str = "main", settings: RemoteSettings | None = None, *, kind: Kind = "dataset"
    ) -> None:
        try:
            from huggingface_hub import HfApi
            from huggingface_hub.utils.tqdm import disable_progress_bars
        except ImportError as error:
            raise BadInput(f"{name}: {error}; pip install 'mathmill[hub]'") from error
        if name.count("/") != 1:
            raise BadInput(f"{name}: not of the form OWNER/NAME; put your user name or organisation before it")
        disable_progress_bars()
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells every try, with signed addresses
        self.name, self.revision, self.kind = name, revision, kind
        self._api = HfApi(library_name="mathmill", library_version=version("mathmill"))
        self._settings = settings or RemoteSettings()
        self._hashed: dict[Path, bytes] = {}

    @classmethod
    def at(cls, address: str, settings: RemoteSettings | None = None) -> tuple["HubRepo", str]:
        """The repository of `hf://[datasets/]OWNER/NAME[@REVISION][/FOLDER]`, and the folder."""
        match = _ADDRESS.fullmatch(address)
        if match is None or match["name"].startswith("datasets/"):
            raise BadInput(f"{address}: not of the form hf://[datasets/]OWNER/NAME[@REVISION][/FOLDER]; correct it")
        kind: Kind = "dataset" if match["datasets"] else "model"
        repo = cls(match["name"], match["revision"] or "main", settings, kind=kind)
        return repo, (match["folder"] or "").strip("/")

    @cached_property
    def _files(self) -> Any:
        """The file system of commits; their listings are kept."""
        from huggingface_hub import HfFileSystem

        return HfFileSystem(endpoint=self._api.endpoint, skip_instance_cache=True)

    @property
    def url(self) -> str:
        """The page of the repository."""
        return f"{self._api.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    def look(self) -> State | None:
        """What stands there now; None: there is no such repository, or none that the token may see."""
        from huggingface_hub import RepoFile
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            head = self._api.repo_info(self.name, repo_type=self.kind)
        except RepositoryNotFoundError:
            return None
        private, commit = bool(head.private), head.sha
        if self.revision != "main":
            try:
                commit = self._api.repo_info(self.name, repo_type=self.kind, revision=self.revision).sha
            except RevisionNotFoundError:
                return State(private, None, {})
        tree = self._api.list_repo_tree(self.name, repo_type=self.kind, revision=commit, recursive=True)
        files = {
            entry.path: Listed(entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
            for entry in tree
            if isinstance(entry, RepoFile)
        }
        return State(private, commit, files)

    def log_in(self) -> None:
        """See that there is a token: from HF_TOKEN, or from `hf auth login`.

        Raises:
            BadInput: there is none.
        """
        from huggingface_hub import get_token

        if get_token() is None:
            raise BadInput(f"{self.url}: no token; run `hf auth login`, or set HF_TOKEN to a token that may write")

    def validate(self, card: str) -> None:
        """Ask the Hub whether it would take a card.

        Raises:
            BadInput: it would not.
        """
        from huggingface_hub import get_session

        asked = {"repoType": "dataset", "content": card}
        answer = get_session().post(f"{self._api.endpoint}/api/validate-yaml", json=asked)
        if answer.status_code == 400:
            problems = "; ".join(str(problem.get("message")) for problem in answer.json().get("errors", ()))
            raise BadInput(f"README.md: {' '.join(problems.split())}; correct --license, or the card on the Hub")
        answer.raise_for_status()

    def create(self, private: bool) -> None:
        """Make the repository, and the branch, where they are not there."""
        self._api.create_repo(self.name, repo_type=self.kind, private=private or None, exist_ok=True)
        if self.revision != "main":
            self._api.create_branch(self.name, branch=self.revision, repo_type=self.kind, exist_ok=True)

    def commit(
        self,
        message: str,
        files: Iterable[Upload],
        deleted: Iterable[str] = (),
        *,
        parent: str | None = None,
        on_sent: Callable[[Upload], None] = lambda file: None,
    ) -> str:
        """Send files, a few at a time, then commit them together: the id of the commit. Every byte is hashed.

        Args:
            deleted: paths of files, and of folders with a `/` at their end.
            parent: the commit that must still be the newest one; None: whichever is.

        Raises:
            BuildFailed: a file's bytes are not those that were announced; nothing is committed.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        files, additions = list(files), []
        for first in range(0, len(files), _TOGETHER):
            some = files[first : first + _TOGETHER]
            sending = [CommitOperationAdd(file.path, file.source) for file in some]
            for file, addition in zip(some, sending, strict=True):
                if isinstance(file.source, Path) and file.source in self._hashed:
                    addition.upload_info.sha256 = self._hashed[file.source]
            try:
                self._api.preupload_lfs_files(
                    self.name,
                    sending,
                    repo_type=self.kind,
                    revision=self.revision,
                    num_threads=_TOGETHER,
                    free_memory=False,
                )
            except ValueError as error:  # an object that the Hub will not have, among others that it takes
                raise BuildFailed(f"{self.url}: {describe(error)}") from error
            for file, addition in zip(some, sending, strict=True):
                found = addition.upload_info.sha256
                if file.sha256 not in (None, found.hex()):
                    raise BuildFailed(f"{file.path}: sha256 does not match the manifest; build or copy it again")
                if isinstance(file.source, Path):
                    self._hashed[file.source] = found
                on_sent(file)
            additions += sending
        made = self._api.create_commit(
            self.name,
            [*additions, *(CommitOperationDelete(path) for path in deleted)],
            commit_message=message,
            repo_type=self.kind,
            revision=self.revision,
            parent_commit=parent,
        )
        return str(made.oid)

    def read(self, path: str, commit: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; of one that may be large."""
        with self._files.open(
            f"{'datasets/' if self.kind == 'dataset' else ''}{self.name}@{commit}/{path}",
            block_size=_BLOCK,
            cache_type="readahead",
        ) as file:
            while chunk := file.read(_BLOCK):
                yield chunk

    def ask(self, action: Callable[[], Result], tries: int | None = None) -> Result:
        """Do `action`, which asks the Hub, again after transient errors; at most `tries` times, or as settings say.

        Raises:
            BadInput: the token or its rights do not suffice.
            BuildFailed: any other failure; the same command goes on from there.
        """
        from huggingface_hub.errors import HFValidationError

        most = min(tries or self._settings.tries, self._settings.tries)
        settings = self._settings.model_copy(update={"tries": most})
        try:
            return with_retries(action, self.url, settings, mend="run the same command again")
        except HFValidationError as error:
            raise BadInput(f"{self.name}: {describe(error)}") from error
        except RefusedError as error:
            cause = error.__cause__ or error
            mend = "log in again (`hf auth login`), or correct HF_TOKEN"
            if status_of(cause) == 403:
                mend = "use a token with write access there"
            raise BadInput(f"{self.url}: {describe(cause)}; {mend}") from error
        except ChangedError as error:
            raise BuildFailed(f"{self.url}: somebody else wrote to it meanwhile; run the same command again") from error
        except RemoteError as error:
            raise BuildFailed(str(error)) from error
        except FileNotFoundError as error:
            reason = describe(error.__cause__ or error)
            raise BuildFailed(f"{self.url}: {reason}; run the same command again") from error
