"""What cannot be published is told in one line that names the mend, and nothing is touched."""

import pytest

from pipeline.errors import BadInput, BuildFailed
from pipeline.publish.hub import HubRepo
from pipeline.publish.publication import Publication
from pipeline.remote.settings import RemoteSettings
from pipeline.shard.manifest import Manifest
from support.crawl import run
from support.hub import READER

QUICK = RemoteSettings(max_wait_s=0.01, tries=3)


def publish(corpus, name="lab/small", **options):
    Publication(Manifest.load(corpus), HubRepo(name, options.pop("revision", "main"), QUICK), **options).run()


def test_no_token(hub, corpus, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(BadInput, match=r"lab/small: no token; run `hf auth login`, or set HF_TOKEN"):
        publish(corpus)
    assert hub.repos == {}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("hf_wrong", r"401: Invalid credentials in Authorization header; log in again"),
        (READER, r"403: You don't have the rights to create .*; use a token with write access there"),
    ],
)
def test_a_token_that_does_not_suffice(hub, corpus, monkeypatch, token, words):
    monkeypatch.setenv("HF_TOKEN", token)
    done = run("publish", corpus, "lab/small")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mathmill: {hub.address}/datasets/lab/small: ")
    assert token not in line
    with pytest.raises(BadInput, match=words):
        publish(corpus)
    assert hub.repos == {}


def test_a_repository_of_others(hub, corpus, monkeypatch):
    hub.put("lab/small", {"x": b"1"})
    monkeypatch.setenv("HF_TOKEN", READER)
    with pytest.raises(BadInput, match="403: You don't have the rights to write"):
        publish(corpus)
    assert hub.files("lab/small") == {"x": b"1"}


def test_a_public_repository_does_not_become_private_unseen(hub, corpus):
    hub.put("lab/small", {"x": b"1"})
    with pytest.raises(BadInput, match="is public, and --private is for new ones; change it in its settings"):
        publish(corpus, private=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("small", "small: not of the form OWNER/NAME"),
        ("datasets/lab/small", "datasets/lab/small: not of the form OWNER/NAME"),
        ("lab/sm all", "lab/sm all: .*"),
        ("lab/-small", "lab/-small: .*"),
    ],
)
def test_names(hub, corpus, name, words):
    with pytest.raises(BadInput, match=words):
        publish(corpus, name)
    assert hub.log == []


def test_no_space(hub, corpus):
    hub.full = True
    with pytest.raises(BuildFailed, match=r"lab/small: .*no space left"):
        publish(corpus)
    hub.full = False
    hub.fail("lfs_batch", 403)
    with pytest.raises(BadInput, match="403: not now"):
        publish(corpus)
    hub.fail("commit", 413)
    with pytest.raises(BuildFailed, match="413: not now"):
        publish(corpus)
    assert hub.files("lab/small") == {}


def test_the_network_is_down(hub, corpus, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BuildFailed, match=r"Connection refused; gave up after 3 tries.*run the same command again"):
        publish(corpus)


def test_a_card_that_the_hub_would_refuse(hub, corpus):
    hub.put("lab/small", {"README.md": b"---\na: [\n---\n"})
    with pytest.raises(BadInput, match=r"README.md of lab/small: .*; correct its front matter"):
        publish(corpus)
    hub.put("lab/small", {"README.md": b"# x\n"})
    with pytest.raises(BadInput, match=r'README.md: "license" must be one of .*; correct --license, or the card'):
        publish(corpus, license="none-such")
    assert hub.count("commit") == 0
