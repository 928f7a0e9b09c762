"""Hugging Face datasets over tokens concatenated into rows: speed of batches. Runs in the environment of datasets.txt.

    python data_path_datasets.py TOKENS.ds ROW BATCH BATCHES FOLDER shuffled|in_order

Writes the rows to FOLDER as Arrow (once, not measured), reads BATCHES batches of int64 [BATCH, ROW] and prints JSON.
`shuffled` reads by a shuffled index, as a training run does; `in_order` reads the rows as they lie, the fastest way.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Sequence, Value, load_from_disk


def main() -> None:
    """Write, read, print."""
    tokens, row, batch, batches, folder = sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5])
    if not (folder / "state.json").exists():
        stream = np.memmap(tokens, "<u4", mode="r")
        rows = len(stream) // row

        def read_rows() -> Iterator[dict[str, object]]:
            for number in range(rows):
                yield {"tokens": np.array(stream[number * row : number * row + row])}

        features = Features({"tokens": Sequence(Value("uint32"), length=row)})
        Dataset.from_generator(read_rows, features=features, cache_dir=str(folder / "cache")).save_to_disk(str(folder))
    data = load_from_disk(str(folder)).with_format("numpy")
    if sys.argv[6] == "shuffled":
        data = data.shuffle(seed=0)
    total = 0

    def read(number: int) -> int:
        found = data[number * batch : number * batch + batch]["tokens"]
        return int(np.asarray(found).astype(np.int64).size)

    read(0)
    began, cpu = time.monotonic(), time.process_time()
    for number in range(1, batches + 1):
        total += read(number)
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens": total, "cpu_s": cpu_s, "wall_s": wall_s, "peak_rss_bytes": peak}))


if __name__ == "__main__":
    main()
