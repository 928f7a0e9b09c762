"""Shards are checked before the first step: sizes always, digests once for each file that was not yet found whole."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.errors import BadInput
from training.plan import cache_folder
from training.tokens import TokenManifest

_READERS = 8
"""Files that are read at a time: digests cost little, waiting for a network file system costs much."""


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

    def check(file: tuple[str, int, str]) -> str | None:
        path = manifest.folder / file[0]
        return manifest.check(*file, full and known.get(str(path.absolute())) != _stamp(path))

    files = [file for shard in manifest.shards for file in manifest.files(shard)]
    with ThreadPoolExecutor(_READERS) as pool:
        for problem in pool.map(check, files):
            if problem is not None:
                pool.shutdown(cancel_futures=True)
                raise BadInput(f"{problem}; restore the file, or tokenize again")
    found = {str(path.absolute()): _stamp(path) for path in (manifest.folder / name for name, *_ in files)}
    if full and found != known:
        write_json(record, found)


def _stamp(path: Path) -> list[int]:
    if not path.exists():
        return []
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
