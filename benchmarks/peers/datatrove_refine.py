"""The peer of `python -m benchmarks.refine`: datatrove's InferenceRunner against an endpoint, with its checkpoints.

`python datatrove_refine.py DOCUMENTS OUT URL CONCURRENCY` prints a JSON line. It asks the same of the same documents
(message, fence, limit of tokens) and writes the answers to Parquet; it checks nothing.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import xxhash
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter


async def rewrite(document: Any, generate: Any, instructions: str) -> Any:
    """One chat completion for a document."""
    fence = f"TEXT-{xxhash.xxh3_64_hexdigest(document.text.encode())}"
    # The stand-in server gives back what stands between the fence lines.
    user = f"The text stands between the two lines {fence}.\n\n{fence}\n{document.text}\n{fence}"
    messages = [{"role": "system", "content": instructions}, {"role": "user", "content": user}]
    result = await generate({"messages": messages, "max_tokens": max(1024, len(document.text) // 2)})
    document.text = result.text
    return {"finish_reason": result.finish_reason}


def main(documents: Path, out: Path, url: str, concurrency: int, instructions: str) -> None:
    """Run the peer's pipeline with one task."""
    config = InferenceConfig(
        server_type="endpoint",
        endpoint_url=url,
        model_name_or_path="benchmark",
        default_generation_params={"temperature": 0.7, "top_p": 1.0, "seed": 0},
        max_concurrent_generations=concurrency,
        request_timeout=600,
    )
    runner = InferenceRunner(
        rewrite,
        config,
        ParquetWriter(str(out / "data"), output_filename="${rank}_${chunk_index}.parquet", compression="zstd"),
        shared_context={"instructions": instructions},
        checkpoints_local_dir=str(out / "checkpoints"),
    )
    reader = ParquetReader(str(documents.parent), glob_pattern=documents.name)
    executor = LocalPipelineExecutor([reader, runner], tasks=1, logging_dir=str(out / "logs"))
    before, started = time.process_time(), time.monotonic()
    executor.run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "cpu_s": round(time.process_time() - before, 3),
        "wall_s": round(time.monotonic() - started, 3),
        "peak_rss_bytes": 1024 * usage.ru_maxrss,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]).read_text())
