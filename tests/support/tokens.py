"""Corpora and token shards with known contents, and mixtures of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from pipeline.document import SCHEMA, table
from pipeline.files import parquet_file, write_json
from pipeline.shard.manifest import Listing, Manifest, RecipeIdentity, Shard, Totals, sha256
from pipeline.shard.tokenizer import TokenizerIdentity
from training.tokens import MANIFEST, Format, Source, SourceFile, Tokenizer, TokenManifest, TokenTotals
from training.writer import write_shard

EOS = 0
TOKENIZER = Tokenizer(name="toy", revision=None, xxh3_128="0" * 32, vocab_size=1000, eos=EOS, bos=None)


def write_tokens(
    folder: Path,
    documents: Sequence[Sequence[int]],
    *,
    trained: Sequence[Sequence[bool]] | None = None,
    shards: int = 1,
    tokenizer: Tokenizer = TOKENIZER,
    format: Format = "text",
) -> TokenManifest:
    """Write `documents` (ids, the EOS included) as a folder of token shards; document d is row d of one source file."""
    written = []
    for number, rows in enumerate(np.array_split(np.arange(len(documents)), shards)):
        with write_shard(folder, f"data/{number:05d}.ds", tokenizer.dtype, trained is not None) as shard:
            for row in rows.tolist():
                mask = None if trained is None else np.array(trained[row], np.bool_)
                shard.add(documents[row], row.to_bytes(16, "big"), 0, row, mask)
        written.append(shard.shard)
    manifest = TokenManifest(
        schema_version=1,
        name=folder.name,
        format=format,
        masked=trained is not None,
        tokenizer=tokenizer,
        rows=len(documents),
        dropped={},
        totals=TokenTotals(
            documents=len(documents),
            tokens=sum(shard.tokens for shard in written),
            trained=sum(shard.trained for shard in written),
        ),
        shards=tuple(written),
        source=Source(
            kind="files",
            name=folder.name,
            location=".",
            revision=None,
            manifest_xxh3_128=None,
            files=(SourceFile(path="rows.jsonl", rows=len(documents), xxh3_128="0" * 32),),
        ),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return TokenManifest.load(folder)


def random_documents(seed: int, count: int, mean: float, vocab_size: int = 1000) -> list[list[int]]:
    """`count` documents of log-normal lengths (at least 2 tokens), each of ids 1..vocab_size-1 and an EOS."""
    rng = np.random.default_rng(seed)
    lengths = np.maximum(2, rng.lognormal(np.log(mean) - 0.5, 1.0, count).astype(int))
    return [[*rng.integers(1, vocab_size, length - 1).tolist(), EOS] for length in lengths]


def write_mixture(path: Path, components: dict[str, tuple[Path, float | str]], **settings: object) -> Path:
    """Write a mixture file of components (name → token folder and weight); `settings` are further fields."""
    content = {
        "name": path.stem,
        "components": {
            name: {"tokens": str(folder), "weight": weight} for name, (folder, weight) in components.items()
        },
        "sequence_length": 64,
        **settings,
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_corpus(folder: Path, documents: int, shards: int = 2) -> Path:
    """A corpus as a build leaves it, of documents 0.. with the URL https://m.test/NUMBER, without its build."""
    written = []
    for number, rows in enumerate(np.array_split(np.arange(documents), shards)):
        content = [
            {"id": f"{row:032x}", "url": f"https://m.test/{row}", "text": f"Lesson {row}: let $x = {row}$ and $y = 1$."}
            for row in rows.tolist()
        ]
        with parquet_file(folder, f"data/{number}.parquet", SCHEMA) as file:
            file.write(table(content))
        fields = file.output.model_dump()
        first, last = content[0]["id"], content[-1]["id"]
        sha = sha256(folder / file.output.path)
        written.append(Shard(**fields, tokens=0, sha256=sha, first_id=first, last_id=last))
    lists = []
    for name in ("inputs", "ledgers"):
        with parquet_file(folder, f"{name}.parquet", SCHEMA) as file:
            pass
        lists.append(Listing(path=file.output.path, rows=0, xxh3_128=file.output.xxh3_128))
    manifest = Manifest(
        schema_version=1,
        name=folder.name,
        created="2024-01-01T00:00:00Z",
        code_version="0",
        recipe=RecipeIdentity(settings={}, xxh3_128="0" * 32),
        tokenizer=TokenizerIdentity(name="toy", revision=None, xxh3_128="0" * 32),
        totals=Totals(documents=documents, tokens=0, bytes=0, formulas=0),
        shards=tuple(written),
        stages=(),
        inputs=lists[0],
        ledgers=lists[1],
        nondeterministic=(),
    )
    write_json(folder / "manifest.json", manifest.model_dump(mode="json"))
    return folder
