"""The stored answers of a run as token shards: positions, and RPT, on what the model itself wrote.

A document is a prompt and an answer, by their ids, with an EOS behind answers that did not write one. What the model
did not write is masked, so that no position is there. It is an experiment setting (docs/positions.md): nothing says
that what a model wrote is true.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import xxhash

from pipeline.errors import BadInput
from pipeline.files import file_digest, write_json
from training.rl.record import TOKENIZER
from training.tokenize.encoder import open_encoder
from training.tokenizer import FILE
from training.tokens import (
    MANIFEST,
    Source,
    SourceFile,
    Tokenizer,
    TokenManifest,
    TokenShard,
    TokenTotals,
)
from training.writer import write_shard

_COLUMNS = ["prompt_tokens", "tokens"]


def rollout_files(run: Path) -> list[Path]:
    """The stored steps of a run, in order; empty where `run` is no folder of one."""
    return sorted(run.glob("rollouts/step-*.parquet"))


def traces_tokenizer(run: Path) -> Path:
    """The tokenizer.json of a run's answers.

    Raises:
        BadInput: the run's folder holds none.
    """
    path = run / TOKENIZER / FILE
    if not path.is_file():
        raise BadInput(f"{run}: has stored answers, but no {TOKENIZER}/{FILE}; restore the run's tokenizer")
    return path


def write_traces(run: Path, out: Path) -> TokenManifest:
    """Write the answers of all stored steps to `out`, a shard for each step, the manifest last.

    Raises:
        BadInput: the run has no tokenizer, or a file of it is not one of stored answers.
    """
    tokenizer = open_encoder(str(traces_tokenizer(run).parent)).tokenizer.model_copy(update={"bos": None})
    shards, files, empty = [], [], 0
    for number, path in enumerate(rollout_files(run)):
        shard, file, skipped = _shard(out, number, path, run, tokenizer)
        shards.append(shard)
        files.append(file)
        empty += skipped
    manifest = TokenManifest(
        schema_version=1,
        name=run.absolute().name,
        format="text",
        masked=True,
        tokenizer=tokenizer,
        rows=sum(file.rows for file in files),
        dropped={"empty": empty} if empty else {},
        totals=TokenTotals(
            documents=sum(shard.documents for shard in shards),
            tokens=sum(shard.tokens for shard in shards),
            trained=sum(shard.trained for shard in shards),
        ),
        shards=tuple(shards),
        source=Source(
            kind="rollouts",
            name=run.absolute().name,
            location=os.path.relpath(run.absolute(), out.absolute()),
            revision=None,
            manifest_xxh3_128=None,
            files=tuple(files),
        ),
    )
    write_json(out / MANIFEST, manifest.model_dump(mode="json"))
    return TokenManifest.load(out)


def _shard(out: Path, number: int, path: Path, run: Path, tokenizer: Tokenizer) -> tuple[TokenShard, SourceFile, int]:
    """One stored step; answers without a token are left out and counted."""
    if missing := [name for name in _COLUMNS if name not in pq.read_schema(path).names]:
        raise BadInput(f"{path}: no column {missing[0]!r}; it is no file of stored answers")
    content, skipped = file_digest(path), 0
    rows = pq.read_table(path, columns=_COLUMNS).to_pylist()
    with write_shard(out, f"data/{number:05d}.ds", tokenizer.dtype, True) as shard:
        for row, answer in enumerate(rows):
            prompt, written = answer["prompt_tokens"], answer["tokens"]
            if not written:
                skipped += 1
                continue
            end = [] if written[-1] == tokenizer.eos else [tokenizer.eos]
            trained = np.repeat([False, True, False], [len(prompt), len(written), len(end)])
            name = xxhash.xxh3_128_digest(f"{content}:{row}")
            shard.add([*prompt, *written, *end], name, number, row, trained)
    file = SourceFile(path=path.relative_to(run).as_posix(), rows=len(rows), xxh3_128=content)
    return shard.shard, file, skipped
