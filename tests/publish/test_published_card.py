"""The card of a published corpus: written anew each time, but for what people wrote."""

import datasets
import pytest
import yaml

from pipeline.document import SCHEMA
from pipeline.publish.card import published_card
from pipeline.shard.card import size_category
from pipeline.shard.manifest import Manifest


def metadata(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_metadata(corpus):
    manifest = Manifest.load(corpus)
    found = metadata(published_card(manifest, "lab/small", "odc-by", None))
    features = found.pop("dataset_info")["features"]
    assert datasets.Features._from_yaml_list(features) == datasets.Features.from_arrow_schema(SCHEMA)
    assert found == {
        "pretty_name": "small",
        "language": ["en"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "tags": ["mathematics", "web", "mathmill"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": f"{manifest.stages[-1].folder}/data/*.parquet"}],
            }
        ],
        "license": "odc-by",
    }


def test_what_people_wrote_stays(corpus, newer):
    old, new = Manifest.load(corpus), Manifest.load(newer)
    card = published_card(old, "lab/small", "odc-by", None)
    edited = card.replace("# small\n", "# The small one\n\nBy hand.\n").replace("pretty_name: small", "pretty_name: S")
    edited = (
        edited.replace("- web\n", "- tags of mine\n").replace("license:", "thumbnail: t.png\nlicense:") + "The end."
    )
    again = published_card(new, "lab/small", None, edited)
    assert metadata(again) == metadata(card) | {
        "pretty_name": "S",
        "thumbnail": "t.png",
        "tags": ["mathematics", "tags of mine", "mathmill", "web"],
        "configs": metadata(published_card(new, "lab/small", None, None))["configs"],
    }
    assert again.split("---\n")[2].startswith("# The small one\n\nBy hand.\n")
    assert again.endswith("The end.")
    assert again.count("## Use") == 1
    assert published_card(new, "lab/small", None, again) == again


def test_a_card_of_others_gets_ours_at_its_end(corpus):
    card = published_card(Manifest.load(corpus), "lab/small", None, "Only words.\r\n")
    assert card.split("---\n")[2].startswith("Only words.\n\n<!-- written by mathmill publish")


@pytest.mark.parametrize(
    ("documents", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**12 - 1, "100B<n<1T"), (10**12, "n>1T")],
)
def test_size_categories(documents, name):
    assert size_category(documents) == name
