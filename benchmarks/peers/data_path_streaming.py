"""MosaicML Streaming over tokens concatenated into rows: speed of batches. Runs in the environment of streaming.txt.

    python data_path_streaming.py TOKENS.ds ROW BATCH BATCHES FOLDER shuffled|in_order

Writes the rows to FOLDER as MDS (once, not measured), reads BATCHES batches of int64 [BATCH, ROW] and prints JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from streaming import MDSWriter, StreamingDataset


def main() -> None:
    """Write, read, print."""
    tokens, row, batch, batches, folder = sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5])
    if not (folder / "index.json").exists():
        stream = np.memmap(tokens, "<u4", mode="r")
        with MDSWriter(out=str(folder), columns={"tokens": "ndarray:uint32"}, size_limit=1 << 26) as writer:
            for start in range(0, len(stream) - row + 1, row):
                writer.write({"tokens": np.array(stream[start : start + row])})
    data = StreamingDataset(
        local=str(folder), shuffle=sys.argv[6] == "shuffled", batch_size=batch, num_canonical_nodes=1
    )
    samples = iter(data)
    total = 0

    def read() -> int:
        return int(np.stack([next(samples)["tokens"] for _ in range(batch)]).astype(np.int64).size)

    read()
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(batches):
        total += read()
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens": total, "cpu_s": cpu_s, "wall_s": wall_s, "peak_rss_bytes": peak}))


if __name__ == "__main__":
    main()
