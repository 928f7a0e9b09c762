"""Hugging Face datasets: speed of shuffled batches. Runs in the environment of datasets.txt.

    python data_path_datasets.py TOKENS.ds ROW BATCH BATCHES FOLDER documents|rows

Writes samples to FOLDER as Arrow (once, not measured), reads BATCHES batches of int64 [BATCH, ROW] by a shuffled index
and prints JSON. `documents`: a sample is a document; they are read a thousand at a time and laid end to end. `rows`:
that was done beforehand, into lists of fixed length.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, List, Value, load_from_disk

_READ = 1000


def samples_of(tokens: str, row: int, kind: str) -> Iterator[dict[str, np.ndarray]]:
    """Documents, or rows of the concatenated tokens."""
    stream = np.fromfile(tokens, "<u4")
    if kind == "rows":
        ends = np.arange(row, len(stream) + 1, row)
    else:
        ends = np.fromfile(tokens + ".index", "<u8").astype(np.int64)
    begin = 0
    for end in ends.tolist():
        yield {"tokens": stream[begin:end]}
        begin = end


def batches_of(data: Dataset, row: int, batch: int, kind: str) -> Iterator[np.ndarray]:
    """Batches of int64 [batch, row]."""
    if kind == "rows":
        for first in range(0, len(data), batch):
            yield np.asarray(data[first : first + batch]["tokens"]).astype(np.int64)
        return
    rest = np.zeros(0, np.uint32)
    for first in range(0, len(data), _READ):
        laid = np.concatenate([rest, *data[first : first + _READ]["tokens"]])
        whole = len(laid) // (row * batch)
        for number in range(whole):
            yield laid[number * row * batch : (number + 1) * row * batch].astype(np.int64).reshape(batch, row)
        rest = laid[whole * row * batch :]


def main() -> None:
    """Write, read, print."""
    tokens, row, batch, batches, folder, kind = sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]), sys.argv[6]
    if not (folder / "state.json").exists():
        features = Features({"tokens": List(Value("uint32"), length=row if kind == "rows" else -1)})
        arguments = {"tokens": tokens, "row": row, "kind": kind}
        made = Dataset.from_generator(
            samples_of, features=features, gen_kwargs=arguments, cache_dir=str(folder / "cache")
        )
        made.save_to_disk(str(folder))
    data = load_from_disk(str(folder)).with_format("numpy").shuffle(seed=0)
    began, cpu = time.monotonic(), time.process_time()
    read = batches_of(data, row, batch, kind)
    total = sum(next(read).size for _ in range(batches))
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    print(json.dumps({"tokens": total, "cpu_s": cpu_s, "wall_s": wall_s}))


if __name__ == "__main__":
    main()
