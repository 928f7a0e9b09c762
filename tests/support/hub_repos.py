"""What a Hub of the tests holds: files of commits of branches of repositories."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

_LFS_OVER = 1 << 20
_LFS_SUFFIXES = (".parquet", ".gz", ".zst", ".bin", ".safetensors", ".distcp")


@dataclass(frozen=True)
class Stored:
    """A file of a commit. `lfs`: it is an object of its own, listed with its sha256."""

    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """What git calls the blob: of the file, or of the pointer to its object."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n"
        blob = pointer.encode() if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        """As the tree lists it."""
        entry = {"type": "file", "path": path, "size": len(self.data), "oid": self.oid}
        lfs = {"oid": self.sha256, "size": len(self.data), "pointerSize": 134}
        return entry | {"lfs": lfs} if self.lfs else entry


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    message: str
    files: dict[str, Stored]
    changed: tuple[str, ...]
    """Paths that were written or deleted."""


@dataclass
class Repo:
    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, Stored], message: str) -> Commit:
        parent = self.branches.get(branch)
        before = self.commits[parent].files if parent else {}
        changed = tuple(sorted(path for path in {*files, *before} if files.get(path) != before.get(path)))
        oid = hashlib.sha1(f"{parent} {message} {len(self.commits)}".encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, message, files, changed)
        self.branches[branch] = oid
        return self.commits[oid]

    def at(self, revision: str) -> Commit | None:
        return self.commits.get(self.branches.get(revision, revision))

    def history(self, branch: str = "main") -> list[Commit]:
        """Commits of a branch, oldest first."""
        found, oid = [], self.branches.get(branch)
        while oid is not None:
            found.append(self.commits[oid])
            oid = found[-1].parent
        return found[::-1]


def is_lfs(path: str, size: int) -> bool:
    """Whether the Hub keeps such a file apart from git."""
    return size > _LFS_OVER or path.endswith(_LFS_SUFFIXES)
