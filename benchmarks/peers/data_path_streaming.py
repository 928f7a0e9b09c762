"""MosaicML Streaming: speed of shuffled batches. Runs in the environment of streaming.txt.

    python data_path_streaming.py TOKENS.ds ROW BATCH BATCHES FOLDER documents|rows

Writes samples to FOLDER as MDS (once, not measured), reads BATCHES batches of int64 [BATCH, ROW] and prints JSON.
`documents`: a sample is a document, and documents are laid end to end as they come. `rows`: that was done beforehand.
"""

import importlib.machinery
import json
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# streaming imports two names of torchvision for images, which are not read here, and torchvision's wheel on PyPI does
# not load beside a CPU build of torch.
for _name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"):
    sys.modules[_name] = types.ModuleType(_name)
    sys.modules[_name].__spec__ = importlib.machinery.ModuleSpec(_name, None)
for _name, _member in (("torchvision.datasets", "VisionDataset"), ("torchvision.transforms.functional", "to_tensor")):
    setattr(sys.modules[_name], _member, type(_member, (), {}))

from streaming import MDSWriter, StreamingDataset  # noqa: E402


def samples_of(tokens: str, row: int, kind: str) -> Iterator[np.ndarray]:
    """Documents, or rows of the concatenated tokens."""
    stream = np.fromfile(tokens, "<u4")
    if kind == "rows":
        ends = np.arange(row, len(stream) + 1, row)
    else:
        ends = np.fromfile(tokens + ".index", "<u8").astype(np.int64)
    begin = 0
    for end in ends.tolist():
        yield stream[begin:end]
        begin = end


def main() -> None:
    """Write, read, print."""
    tokens, row, batch, batches, folder, kind = sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]), sys.argv[6]
    if not (folder / "index.json").exists():
        with MDSWriter(out=str(folder), columns={"tokens": "ndarray:uint32"}, size_limit=1 << 26) as writer:
            for sample in samples_of(tokens, row, kind):
                writer.write({"tokens": sample})
    data = StreamingDataset(local=str(folder), shuffle=True, batch_size=batch, num_canonical_nodes=1)
    samples = iter(data)
    began, cpu = time.monotonic(), time.process_time()
    total = 0
    pieces: list[np.ndarray] = []
    held = 0
    for _ in range(batches):
        while held < row * batch:
            pieces.append(next(samples)["tokens"])
            held += len(pieces[-1])
        laid = np.concatenate(pieces)
        total += laid[: row * batch].astype(np.int64).reshape(batch, row).size
        pieces, held = [laid[row * batch :]], held - row * batch
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    print(json.dumps({"tokens": total, "cpu_s": cpu_s, "wall_s": wall_s}))


if __name__ == "__main__":
    main()
