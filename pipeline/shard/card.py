"""The README.md of a corpus folder: a dataset card with which `datasets.load_dataset(FOLDER)` opens the shards."""

from pathlib import PurePosixPath
from typing import Any

import yaml

from pipeline.shard.manifest import Manifest

_COLUMNS = """| column | |
|---|---|
| `id`, `parent` | 32 hex digits, unique; the document it was derived from |
| `url`, `host`, `title`, `date`, `crawl` | the page, and when it was captured |
| `text` | Markdown; formulas are LaTeX in `$…$` and `$$…$$`, code is fenced, tables have pipes |
| `warc_file`, `warc_offset`, `warc_length`, `payload_digest` | the capture |
| `language`, `language_score`, `math_score`, `quality_score`, `scores` | of classifiers, 0..1; null where not set |
| `formulas`, `tokens`, `duplicates` | counts; `duplicates` is the size of its duplicate cluster, itself included |
| `extractor`, `refiner` | what made the text; null `refiner`: not rewritten |
"""


def render_card(manifest: Manifest) -> str:
    """The card, in Markdown with YAML front matter; every figure is the manifest's."""
    return with_front_matter(card_metadata(manifest), f"# {manifest.name}\n\n{card_body(manifest)}")


def with_front_matter(metadata: dict[str, Any], body: str) -> str:
    """A card of its two parts."""
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n{body}"


def card_metadata(manifest: Manifest) -> dict[str, Any]:
    """The front matter: which files are the data, and what the Hub's search goes by."""
    data = PurePosixPath(manifest.shards[0].path).parent
    languages = manifest.recipe.settings.get("filter", {}).get("languages")
    return {
        "pretty_name": manifest.name,
        **({"language": sorted(languages)} if languages else {}),
        "size_categories": [size_category(manifest.totals.documents)],
        "task_categories": ["text-generation"],
        "tags": ["mathematics", "web", "mathmill"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": f"{data}/*.parquet"}]}],
    }


def card_body(manifest: Manifest) -> str:
    """What a reader wants to know: how much, of what form, and how it came about."""
    totals = manifest.totals
    stages = "\n".join(
        f"| {stage.name} | {stage.ledger['in']:,} | {stage.ledger['kept']:,} | "
        + (", ".join(f"{reason} {count:,}" for reason, count in stage.ledger["dropped"].items()) or "–")
        + " |"
        for stage in manifest.stages
    )
    notes = [f"Replaced in the texts: {manifest.masked}."] if manifest.masked.total else []
    if manifest.refinement is not None:
        verdicts = ", ".join(f"{name} {count:,}" for name, count in manifest.refinement.verdicts.items())
        notes.append(f"Rewritten by {manifest.refinement.refiner}, each rewrite checked: {verdicts}.")
    told = "".join(f"\n{note}\n" for note in notes)
    return f"""\
{totals.documents:,} documents, {totals.tokens:,} tokens ({manifest.tokenizer.name}), {totals.formulas:,} formulas and
{totals.bytes:,} bytes of text. Built by mathmill {manifest.code_version}; `manifest.json` names every shard with its
digests, and every document names the capture that it came from.

| stage | in | kept | dropped |
|---|---:|---:|---|
{stages}
{told}
{_COLUMNS}"""


def size_category(documents: int) -> str:
    """As the Hub names it: n<1K, 1K<n<10K, … n>1T."""
    names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    bounds = [10**power for power in range(3, 13)]
    above = sum(documents >= bound for bound in bounds)
    if above == 0:
        return f"n<{names[0]}"
    return f"n>{names[-1]}" if above == len(names) else f"{names[above - 1]}<n<{names[above]}"
