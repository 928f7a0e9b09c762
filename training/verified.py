"""Shards are checked before the first step: sizes always, digests once for each file that was not yet found whole."""

from pathlib import Path

from pipeline.errors import BadInput
from training.plan import cache_folder
from training.tokens import TokenManifest


def check_shards(manifest: TokenManifest, full: bool) -> None:
    """Refuse shards that are not whole.

    With `full`, digests too; files that were whole before and kept size, time and inode since are not read again. The
    record of that is a cache.

    Raises:
        BadInput: naming the file.
    """
    from pipeline.files import read_json, write_json

    record = cache_folder() / "verified" / f"{manifest.digest}.json"
    known: dict[str, list[int]] = read_json(record) if full and record.exists() else {}
    found = dict(known)
    for shard in manifest.shards:
        for path, size, digest in manifest.files(shard):
            file = manifest.folder / path
            unread = full and known.get(str(file.absolute())) != _stamp(file)
            if problem := manifest.check(path, size, digest, unread):
                raise BadInput(f"{problem}; restore the file, or tokenize again")
            found[str(file.absolute())] = _stamp(file)
    if full and found != known:
        write_json(record, found)


def _stamp(path: Path) -> list[int]:
    if not path.exists():
        return []
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
