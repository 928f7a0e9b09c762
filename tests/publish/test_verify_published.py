"""Anyone can hold a published corpus against its manifest."""

import pytest

from pipeline.errors import BadInput
from pipeline.publish.hub import HubRepo
from pipeline.publish.publication import Publication
from pipeline.publish.verify import verify_published
from pipeline.shard.manifest import Manifest
from support.crawl import run


@pytest.fixture
def commit(hub, corpus) -> str:
    return Publication(Manifest.load(corpus), HubRepo("lab/small")).run().commit


def test_sizes_and_digests_of_the_listing_need_no_download(hub, commit, corpus):
    before = len(hub.log)
    found = verify_published("hf://datasets/lab/small")
    assert found.manifest.model_dump() == Manifest.load(corpus).model_dump()
    assert (found.commit, found.problems) == (commit, ())
    read = {request.path.rpartition("/")[2] for request in hub.log[before:] if request.kind == "resolve"}
    assert read == {"manifest.json"}


def test_what_was_changed_is_named(hub, commit, corpus):
    manifest = Manifest.load(corpus)
    first, second = manifest.shards[:2]
    hub.put("lab/small", {first.path: b"?" * first.bytes, second.path: b"?", manifest.inputs.path: b"?"})
    found = verify_published("hf://datasets/lab/small")
    assert found.problems == (
        f"{first.path}: sha256 does not match the manifest",
        f"{second.path}: 1 bytes, the manifest says {second.bytes}",
    )
    assert verify_published(f"hf://datasets/lab/small@{commit}", full=True).problems == ()
    hub.put("lab/small", {shard.path: (corpus / shard.path).read_bytes() for shard in (first, second)})
    assert verify_published("hf://datasets/lab/small").problems == ()
    done = run("verify", "hf://datasets/lab/small", "--full")
    assert done.returncode == 1
    assert done.stderr == f"mathmill: {manifest.inputs.path}: xxh3_128 does not match the manifest\n"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://lab/small", "not of the form hf://datasets/OWNER/NAME"),
        ("hf://datasets/lab/none", "no such data set, branch or commit"),
        ("hf://datasets/lab/small@none", "no such data set, branch or commit"),
        ("hf://datasets/lab/other", "no manifest.json; it is no corpus of mathmill"),
    ],
)
def test_what_is_no_corpus(hub, commit, address, words):
    hub.put("lab/other", {"x": b"1"})
    with pytest.raises(BadInput, match=words):
        verify_published(address)
