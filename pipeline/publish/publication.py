"""A corpus published on the Hugging Face Hub: its shards first, then all that points at them in one commit.

What stands on the Hub decides what is done: each round looks, sends some of what is missing and commits it, so the
same command goes on after any interruption, and a lost answer does no harm. The last commit is made on top of a
state that was seen to hold every shard: no reader ever finds a manifest whose shards are not there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import file_digest
from pipeline.publish.card import published_card
from pipeline.publish.hub import HubRepo, State, Upload
from pipeline.shard.manifest import Listing, Manifest, sha256

FILES_OF_A_COMMIT = 50
"""The Hub advises 50 to 100 files, and allows about 128 commits an hour."""
_MOST_OF_A_FOLDER = 10_000
_FIRST_TRIES = 3
"""Of the first request: whoever is not on the network should not wait for minutes to hear it."""
_SHARD_FOLDER = re.compile(r"\d\d-shard-[0-9a-f]+/")


@dataclass(frozen=True)
class Published:
    """What is there after `Publication.run`."""

    commit: str
    sent: int
    deleted: int


class Publication:
    """A corpus, and the data set repository that it is to be published in; looks at what is there already.

    Args:
        private: a repository that is made is private.
        license: as the Hub names it; None keeps what the card there says.
        message: of the commits.

    Raises:
        BadInput: the repository is public though `private`, or cannot be asked; the card is not as the Hub wants it.
        BuildFailed: the corpus is not whole.
    """

    def __init__(
        self,
        manifest: Manifest,
        repo: HubRepo,
        *,
        private: bool = False,
        license: str | None = None,
        message: str | None = None,
    ) -> None:
        if problems := manifest.verify():
            more = f" (and {len(problems) - 1:,} more: mathmill verify)" if len(problems) > 1 else ""
            raise BuildFailed(f"{problems[0]}{more}; build or copy the corpus again")
        if len(manifest.shards) > _MOST_OF_A_FOLDER:
            raise BadInput(
                f"{manifest.name}: {len(manifest.shards):,} shards, the Hub takes {_MOST_OF_A_FOLDER:,} files in a "
                "folder; build it with a larger shard.target_bytes"
            )
        self._manifest, self.repo, self._private, self._license = manifest, repo, private, license
        self._message = message or f"{manifest.name}: {manifest.totals.documents:,} documents"
        self.data = [
            *(Upload(shard.path, manifest.folder / shard.path, shard.bytes, shard.sha256) for shard in manifest.shards),
            *(self._list(listing) for listing in (manifest.inputs, manifest.ledgers)),
        ]
        self.pointers: list[Upload] = []
        self.state = repo.ask(self._look, tries=_FIRST_TRIES)
        if private and self.state is not None and not self.state.private:
            raise BadInput(f"{repo.url}: is public, and --private is for new ones; change it in its settings first")

    @property
    def missing(self) -> list[Upload]:
        """Shards and lists that are to be sent, as things stood when they were last looked at."""
        return _missing(self.data, self.state)

    @property
    def stale(self) -> list[str]:
        """Files of former corpora that are to be deleted, likewise."""
        ours = {file.path for file in self.data}
        there = self.state.files if self.state is not None else {}
        return sorted(path for path in there if _SHARD_FOLDER.match(path) and path not in ours)

    @property
    def total_bytes(self) -> int:
        """Bytes of all shards and lists."""
        return sum(file.size for file in self.data)

    @property
    def there_bytes(self) -> int:
        """Bytes of those that are there."""
        return self.total_bytes - sum(file.size for file in self.missing)

    def run(self, on_progress: Callable[[int], None] = lambda sent: None) -> Published:
        """Send what is missing; `on_progress` gets the bytes sent so far.

        Raises:
            BadInput: the token, or what it may do, does not suffice.
            BuildFailed: the Hub cannot be reached or takes no more; or a shard is not what the manifest says.
        """
        sent: dict[str, int] = {}

        def on_sent(file: Upload) -> None:
            sent[file.path] = file.size
            on_progress(sum(sent.values()))

        self.repo.log_in()
        if self.state is None or self.state.commit is None:
            self.repo.ask(lambda: self.repo.create(self._private))
        while (done := self.repo.ask(lambda: self._round(on_sent))) is None:
            continue
        commit, deleted = done
        return Published(commit, len(sent), deleted)

    def _round(self, on_sent: Callable[[Upload], None]) -> tuple[str, int] | None:
        """One commit, if one is needed; then the newest commit and how many files were deleted."""
        self.state = state = self._look()
        if state is None or state.commit is None:
            raise BuildFailed(f"{self.repo.url}: gone; run the same command again")
        if some := self.missing[:FILES_OF_A_COMMIT]:
            # A shard that takes the place of another spoils the former corpus, which must say so first.
            spoils = "manifest.json" in state.files and any(file.path in state.files for file in some)
            self.repo.commit(
                f"{self._message}: {len(self.data) - len(self.missing) + len(some)} of {len(self.data)} files of data",
                some,
                ["manifest.json"] if spoils else [],
                on_sent=on_sent,
            )
            return None
        pointers, stale = _missing(self.pointers, state), self.stale
        if not pointers and not stale:
            return state.commit, 0
        return self.repo.commit(self._message, pointers, self._folders(stale), parent=state.commit), len(stale)

    def _look(self) -> State | None:
        """What is there, and what is to point at the data then: the card, the report and the manifest."""
        state, standing = self.repo.look(), None
        if state is not None and state.commit is not None and "README.md" in state.files:
            standing = b"".join(self.repo.read("README.md", state.commit)).decode()
        card = published_card(self._manifest, self.repo.name, self._license, standing)
        if not self.pointers:
            self.repo.validate(card)  # now, not after hours of sending
        files = {"README.md": card.encode(), "manifest.json": (self._manifest.folder / "manifest.json").read_bytes()}
        report = self._manifest.folder / "report.html"
        if report.is_file():
            files["report.html"] = report.read_bytes()
        self.pointers = [Upload.of(path, data) for path, data in files.items()]
        return state

    def _list(self, listing: Listing) -> Upload:
        path = self._manifest.folder / listing.path
        if file_digest(path) != listing.xxh3_128:
            raise BuildFailed(f"{listing.path}: xxh3_128 does not match the manifest")
        return Upload(listing.path, path, path.stat().st_size, sha256(path))

    def _folders(self, stale: list[str]) -> list[str]:
        """Files to delete, whole folders as one."""
        kept = {file.path.partition("/")[0] for file in self.data}
        return sorted({path if (top := path.partition("/")[0]) in kept else f"{top}/" for path in stale})


def _missing(files: list[Upload], state: State | None) -> list[Upload]:
    there = state.files if state is not None else {}
    return [file for file in files if not file.stands(there.get(file.path))]


def render_plan(publication: Publication) -> str:
    """What `run` would do, in a few lines."""
    repo, state, missing = publication.repo, publication.state, publication.missing
    stands = "new" if state is None else f"{'private' if state.private else 'public'}, {len(state.files):,} files"
    if state is not None and state.commit is None:
        stands += f", a new branch {repo.revision}"
    commits = -(-len(missing) // FILES_OF_A_COMMIT)
    sizes = {file.path: file.size for file in publication.data}
    lines = [
        f"{repo.url}, branch {repo.revision} ({stands})",
        f"  {len(sizes):,} files of data, {sum(sizes.values()):,} bytes: shards and the lists of inputs and ledgers",
        f"  {len(sizes) - len(missing):,} there already; {len(missing):,} to send, "
        f"{sum(file.size for file in missing):,} bytes, in {commits} commit(s)",
        f"  last: {', '.join(file.path for file in publication.pointers)}; {len(publication.stale)} files of former "
        "corpora deleted",
    ]
    return "\n".join(lines)
