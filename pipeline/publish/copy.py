"""A finished corpus copied to S3, or wherever fsspec writes: whole files only, the manifest last.

A file that is there in its recorded size is not sent again, so the same command goes on after an interruption. What
stands at the target is then checked from a fresh listing, and by its bytes where that is asked for; only then does
manifest.json appear, so that a reader never finds a corpus that is not whole.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import xxhash

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import file_digest, read_json
from pipeline.remote import Found, RefusedError, Store, folder_uri
from pipeline.shard.manifest import Manifest
from pipeline.stage import PartRecord

_WEB = ("http://", "https://")


@dataclass(frozen=True)
class _File:
    """A file to copy, by its path in the corpus folder; `xxh3_128` where the corpus records it."""

    path: str
    bytes: int
    xxh3_128: str


class CorpusCopy:
    """A corpus and a folder (an address, or a local path) that it is to be copied into; looks at what is there already.

    Args:
        stages: the documents and drops of every stage too, for `trace`; without, the corpus alone.
        full: compare digests, and read back every byte at the target, where else sizes decide.

    Raises:
        BadInput: the target cannot be read.
        BuildFailed: the corpus is not whole.
    """

    def __init__(
        self, manifest: Manifest, target: str, store: Store, *, stages: bool = False, full: bool = False
    ) -> None:
        if problems := manifest.verify(full):
            raise BuildFailed("\n".join(problems))
        if target.startswith(_WEB):
            raise BadInput(f"{target}: web servers take no files; give s3://bucket/folder, or a local folder")
        self._manifest, self._store, self._full, self._target = manifest, store, full, target
        self.root = folder_uri(target)
        self.files = _files(manifest, stages)
        with self._names_target():
            self.missing = self._not_there(self.files)

    @property
    def total_bytes(self) -> int:
        """Bytes of the copy, the manifest apart."""
        return sum(file.bytes for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """Bytes that are to be sent."""
        return sum(file.bytes for file in self.missing)

    def run(self, on_progress: Callable[[int], None] = lambda sent: None) -> None:
        """Send what is missing, check it, and then send the manifest; `on_progress` gets the bytes sent so far.

        Raises:
            BadInput: the target cannot be written to.
            BuildFailed: a file at the target is not what was sent.
        """
        sent = 0
        with self._names_target():
            for file in self.missing:
                self._store.put(self._manifest.folder / file.path, self._uri(file))
                sent += file.bytes
                on_progress(sent)
            if wrong := self._not_there(self.missing):
                raise BuildFailed("\n".join(f"{self._uri(file)}: not what was sent; run it again" for file in wrong))
            self._store.put(self._manifest.folder / "manifest.json", f"{self.root}/manifest.json")

    def _uri(self, file: _File) -> str:
        return f"{self.root}/{file.path}"

    def _not_there(self, files: list[_File]) -> list[_File]:
        """Those that do not stand at the target, from a fresh listing."""
        try:
            there = {found.uri: found for found in self._store.find(f"{self.root}/")}
        except FileNotFoundError:
            there = {}
        return [file for file in files if not self._stands(file, there.get(self._uri(file)))]

    def _stands(self, file: _File, found: Found | None) -> bool:
        if found is None or found.size != file.bytes:
            return False
        if not self._full or not file.bytes:
            return True
        hasher = xxhash.xxh3_128()
        with self._store.open(found) as remote:
            while chunk := remote.read(self._store.settings.block_bytes):
                hasher.update(chunk)
        return hasher.hexdigest() == file.xxh3_128

    @contextmanager
    def _names_target(self) -> Iterator[None]:
        try:
            yield
        except (RefusedError, FileNotFoundError) as error:
            raise BadInput(f"{self._target}: {error}; create the bucket, or correct the address") from error


def _files(manifest: Manifest, stages: bool) -> list[_File]:
    """Every file but the manifest, each once."""
    files = {shard.path: _File(shard.path, shard.bytes, shard.xxh3_128) for shard in manifest.shards}
    loose = [manifest.inputs.path, manifest.ledgers.path, "README.md", "report.html"]
    for stage in manifest.stages if stages else ():
        done = read_json(manifest.folder / stage.folder / "done.json")
        for record in done["records"]:
            for output in PartRecord.model_validate(record, strict=False).outputs.values():
                path = f"{stage.folder}/{output.path}"
                if (manifest.folder / path).is_file():  # what only served between two phases is gone
                    files.setdefault(path, _File(path, output.bytes, output.xxh3_128))
        loose += [f"{stage.folder}/ledger.json", f"{stage.folder}/done.json"]
    for path in loose:
        file = manifest.folder / path
        files[path] = _File(path, file.stat().st_size, file_digest(file))
    return list(files.values())
