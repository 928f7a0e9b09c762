"""The dataset card of a published corpus. What people wrote into it on the Hub stays when it is published again."""

import re
from typing import Any

import pyarrow.parquet as pq
import yaml

from pipeline.errors import BadInput
from pipeline.shard.card import card_body, card_metadata, with_front_matter
from pipeline.shard.manifest import Manifest

_BEGIN, _END = "<!-- written by mathmill publish; edit outside -->", "<!-- end -->"
_OURS = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
_DESCRIBING = ("language", "size_categories", "configs", "dataset_info")
"""Metadata that follow from the files; of all other, what the standing card says is kept."""
_CARD = re.compile(r"---\n(?P<metadata>.*?)^---\n(?P<body>.*)", re.DOTALL | re.MULTILINE)


def published_card(manifest: Manifest, name: str, license: str | None, standing: str | None) -> str:
    """The card of data set `name` (OWNER/NAME).

    Args:
        license: as the Hub names it (odc-by, cc-by-4.0…); None keeps what the standing card says.
        standing: the card that is there. Its metadata stay but for those that describe the files; of its text
            the part that mathmill wrote is written anew; a card without such a part gets it at its end.

    Raises:
        BadInput: the standing card's metadata is no YAML mapping.
    """
    written = f"{_BEGIN}\n{card_body(manifest)}\n{_use(name)}{_END}"
    metadata, body = _parts(standing or f"# {manifest.name}\n", name)
    ours = card_metadata(manifest) | {"dataset_info": {"features": _features(manifest)}}
    tags = list(dict.fromkeys([*(metadata.get("tags") or []), *ours["tags"]]))
    described = {key: ours[key] for key in _DESCRIBING if key in ours}
    merged = ours | metadata | described | {"tags": tags} | ({"license": license} if license else {})
    if _OURS.search(body):
        return with_front_matter(merged, _OURS.sub(lambda _: written, body, count=1))
    return with_front_matter(merged, f"{body.rstrip()}\n\n{written}\n")


def _parts(card: str, name: str) -> tuple[dict[str, Any], str]:
    match = _CARD.match(card.replace("\r\n", "\n"))
    if match is None:
        return {}, card
    try:
        metadata = yaml.safe_load(match["metadata"]) or {}
    except yaml.YAMLError as error:
        raise BadInput(f"README.md of {name}: {' '.join(str(error).split())}; correct its front matter") from error
    if not isinstance(metadata, dict):
        raise BadInput(f"README.md of {name}: the front matter is no mapping; correct it")
    return metadata, match["body"]


def _features(manifest: Manifest) -> list[dict[str, Any]]:
    """The columns as `datasets` describes them in a card."""
    from datasets import DatasetInfo, Features
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    info = DatasetInfo(features=Features.from_arrow_schema(pq.read_schema(manifest.shard_paths()[0])))
    data = DatasetCardData()
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    features: list[dict[str, Any]] = data["dataset_info"]["features"]
    return features


def _use(name: str) -> str:
    return f"""## Use

```python
from datasets import load_dataset

documents = load_dataset("{name}", split="train")
```

    mathmill verify hf://datasets/{name}            what the Hub holds against manifest.json, without a download
    mathmill verify hf://datasets/{name} --full     every byte

"""
