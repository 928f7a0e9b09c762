"""The README.md of a corpus folder: a dataset card with which `datasets.load_dataset(FOLDER)` opens the shards."""

from pathlib import PurePosixPath

from pipeline.shard.manifest import Manifest


def render_card(manifest: Manifest) -> str:
    """The card, in Markdown with YAML front matter; every figure is the manifest's."""
    totals = manifest.totals
    data = PurePosixPath(manifest.shards[0].path).parent
    stages = "\n".join(
        f"| {stage.name} | {stage.ledger['in']:,} | {stage.ledger['kept']:,} | "
        + (", ".join(f"{reason} {count:,}" for reason, count in stage.ledger["dropped"].items()) or "–")
        + " |"
        for stage in manifest.stages
    )
    masked = f"\nReplaced in the texts: {manifest.masked}.\n" if manifest.masked.total else ""
    return f"""---
configs:
  - config_name: default
    data_files:
      - split: train
        path: "{data}/*.parquet"
tags: [mathematics, web]
---
# {manifest.name}

{totals.documents:,} documents, {totals.tokens:,} tokens ({manifest.tokenizer.name}), {totals.formulas:,} formulas,
{totals.bytes:,} bytes of text. Built by mathmill {manifest.code_version}; `manifest.json` names every shard with its
digests, and `mathmill trace` leads from any document back to its capture.

| stage | in | kept | dropped |
|---|---:|---:|---|
{stages}
{masked}"""
