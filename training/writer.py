"""Writes one token shard: the four files, each whole or absent."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from pipeline.files import atomic_path
from training.tokens import DOCUMENT, END, TokenShard


class ShardWriter:
    """A shard under construction. See `write_shard`."""

    def __init__(self, path: str, dtype: np.dtype[Any], files: dict[str, Any]) -> None:
        self._path, self._dtype, self._files = path, dtype, files
        self._digests = {suffix: xxhash.xxh3_128() for suffix in files}
        self._documents = self._tokens = self._trained = 0

    def add(
        self, tokens: npt.ArrayLike, document: bytes, file: int, row: int, trained: npt.NDArray[np.bool_] | None = None
    ) -> None:
        """Add a document: its ids, its 16-byte id, its place in the source and, of a masked format, what is trained."""
        ids = np.asarray(tokens, self._dtype)
        assert len(document) == 16
        assert len(ids)
        assert (trained is not None) == (".ds.loss" in self._files)
        self._documents += 1
        self._tokens += len(ids)
        self._write(".ds", ids.tobytes())
        self._write(".ds.index", np.array(self._tokens, END).tobytes())
        self._write(".ds.docs", np.array((document, file, row), DOCUMENT).tobytes())
        if trained is not None:
            assert len(trained) == len(ids)
            self._write(".ds.loss", trained.tobytes())
        self._trained += len(ids) - 1 if trained is None else int(np.count_nonzero(trained[1:]))

    def _write(self, suffix: str, content: bytes) -> None:
        self._files[suffix].write(content)
        self._digests[suffix].update(content)

    @property
    def shard(self) -> TokenShard:
        """What was written."""
        digests = {suffix: digest.hexdigest() for suffix, digest in self._digests.items()}
        return TokenShard(
            path=self._path,
            documents=self._documents,
            tokens=self._tokens,
            trained=self._trained,
            xxh3_128=digests,
        )


@contextmanager
def write_shard(folder: Path, path: str, dtype: np.dtype[Any], masked: bool) -> Iterator[ShardWriter]:
    """Open `folder/path` (it ends in `.ds`) and the files beside it; nothing stands there before a clean exit."""
    suffixes = [".ds", ".ds.index", ".ds.docs", *([".ds.loss"] if masked else [])]
    with ExitStack() as stack:
        paths = {s: stack.enter_context(atomic_path(folder / (path.removesuffix(".ds") + s))) for s in suffixes}
        with ExitStack() as opened:
            yield ShardWriter(path, dtype, {s: opened.enter_context(p.open("wb")) for s, p in paths.items()})
