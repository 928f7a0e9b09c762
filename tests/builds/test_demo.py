"""The wheel, installed outside the clone, builds the demo; and the demo is what its sample says it should be."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import manifests
from pipeline.shard.manifest import Manifest

ROOT = Path(__file__).parents[2]
PAGES = [json.loads(line) for line in (manifests.ROOT / "sample" / "pages.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The corpus that an installed wheel makes of the shipped recipe, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True)
    (wheel,) = folder.glob("mathmill-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True)
    environment = os.environ | {"PYTHONPATH": str(folder / "site"), "OMP_NUM_THREADS": "1"}
    where = [sys.executable, "-c", "import mathmill, pipeline; print(mathmill.__file__, pipeline.__file__)"]
    found = subprocess.run(where, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert found.count(str(folder / "site")) == 2
    result = subprocess.run(
        [sys.executable, "-m", "mathmill", "build", "demo", "--out", "corpus", "--tasks", "2", "--quiet"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split() == ["report", str(Path("corpus", "report.html"))]
    assert len(result.stdout.splitlines()) == 11
    return folder / "corpus"


@pytest.fixture(scope="module")
def documents(demo):
    return [row for path in Manifest.load(demo).shard_paths() for row in pq.read_table(path).to_pylist()]


def pages(**wanted):
    return {page["url"]: page for page in PAGES if all(page[key] == value for key, value in wanted.items())}


def dropped(demo, stage):
    return [row for path in sorted(demo.glob(f"{stage}/dropped/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_english_mathematics_is_in_and_the_rest_is_out(demo, documents):
    before = {
        row["url"] for path in sorted(demo.glob("01-*/data/*.parquet")) for row in pq.read_table(path).to_pylist()
    }
    refused = {row["url"] for row in dropped(demo, "02-*")}
    mathematics = {url for url in pages(language="en", math=True, fate="page") if url in before} - set(
        pages(kind="hostile")
    )
    others = before - set(pages(language="en", math=True))
    spam = set(pages(kind="spam"))  # sales talk about mathematics: no classifier of topics tells it apart
    assert len(mathematics & refused) / len(mathematics) <= 0.02, sorted(mathematics & refused)
    assert len(others - spam - refused) / len(others - spam) <= 0.02, sorted(others - spam - refused)


def test_duplicates_are_those_that_the_sample_made(demo, documents):
    gold = pages()
    kept = defaultdict(list)
    for document in documents:
        kept[gold[document["url"]]["cluster"]].append(document["url"])
    assert all(len(urls) == 1 for cluster, urls in kept.items() if cluster is not None)
    urls = {
        row["id"]: row["url"] for path in demo.glob("02-*/data/*.parquet") for row in pq.read_table(path).to_pylist()
    }
    for row in dropped(demo, "03-*"):
        page, survivor = gold[row["url"]], gold[urls[row["survivor"]]]
        if page["kind"] not in {"hostile", "spam"}:  # those share their text on purpose
            assert page["cluster"] is not None, f"{row['url']} was merged into {survivor['url']}"
            assert page["cluster"] == survivor["cluster"]


def test_formulas_come_through_from_every_encoding(documents):
    """Recall of the gold formulas, spaces and braces apart, over the pages that were kept."""
    found, wanted = defaultdict(int), defaultdict(int)
    gold = pages()
    for document in documents:
        page = gold[document["url"]]
        spelled = [
            bare(tex)
            for pair in re.findall(r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$", document["text"], re.S)
            for tex in pair
        ]
        for formula in page["formulas"]:
            wanted[page["encoding"]] += 1
            if bare(formula["tex"]) in spelled:
                spelled.remove(bare(formula["tex"]))
                found[page["encoding"]] += 1
    recall = {encoding: found[encoding] / wanted[encoding] for encoding in wanted if encoding not in {None, "plain"}}
    assert len(recall) >= 15
    sourced = {
        "katex",
        "mathml-annotation",
        "mathml-alttext",
        "mathjax2-script",
        "dollars",
        "brackets",
        "wordpress",
        "codecogs",
    }
    assert {encoding: value for encoding, value in recall.items() if encoding in sourced and value < 0.97} == {}
    assert {encoding: value for encoding, value in recall.items() if value < 0.75} == {}


def bare(tex):
    return re.sub(r"[\s{}]|\\left|\\right|\\,|\\!", "", tex or "")


def test_damage_is_accounted_for(demo):
    stage = Manifest.load(demo).stages[0]
    assert stage.ledger["in"] == 512
    assert stage.ledger["dropped"]["not_response"] == 110
    assert stage.ledger["dropped"]["revisit"] == 21
    inputs = pq.read_table(demo / Manifest.load(demo).inputs.path).to_pylist()
    assert {row["file"]: row["status"] for row in inputs} == {
        "crawl-00.warc.gz": "ok",
        "crawl-01.warc.gz": "ok",
        "crawl-02.warc.gz": "ok",
        "crawl-03.warc.gz": "empty",
    }


def test_nothing_depends_on_the_machine(demo):
    assert Manifest.load(demo).nondeterministic == ()
